package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// What people type first.
func TestEveryCommandHelps(t *testing.T) {
	for _, c := range append(rootCommand(io.Discard, io.Discard).Commands(), rootCommand(io.Discard, io.Discard)) {
		var out, errs bytes.Buffer
		require.Equal(t, 0, run(append(strings.Fields(strings.TrimPrefix(c.CommandPath(), "sidekiq-role")), "--help"), &out, &errs), c.Name())
		require.Empty(t, errs.String(), c.Name())
		require.Contains(t, out.String(), "Usage:\n", c.Name())
		require.Equal(t, flagsOf(c, true).HasFlags(), strings.Contains(out.String(), "\n\nFlags of the model ("), c.Name())
		require.NotEmpty(t, c.Short, c.Name())
		require.False(t, strings.HasSuffix(c.Short, "."), "%s: a title has no full stop", c.Name())
		for _, line := range strings.Split(out.String(), "\n") {
			require.LessOrEqual(t, len(line), 80, "%s: %s", c.Name(), line)
		}
	}
}

// Examples in help texts are commands that are accepted, up to what they would do.
func TestExamplesInHelpTextsAreAccepted(t *testing.T) {
	seen := 0
	for _, c := range append(rootCommand(io.Discard, io.Discard).Commands(), rootCommand(io.Discard, io.Discard)) {
		for line := range strings.Lines(c.Example) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
			line, _, _ = strings.Cut(line, " >")
			words := strings.Fields(line)
			if len(words) == 0 || words[0] != "sidekiq-role" {
				continue
			}
			found, args, err := rootCommand(io.Discard, io.Discard).Find(words[1:])
			require.NoError(t, err, line)
			require.NoError(t, found.ParseFlags(args), line)
			require.NoError(t, found.ValidateArgs(found.Flags().Args()[:max(0, found.ArgsLenAtDash())]), line)
			seen++
		}
	}
	require.Greater(t, seen, 8)
}

// A shell asks the program what may come next.
func TestShellsComplete(t *testing.T) {
	for args, want := range map[string][]string{
		"__complete gen":                       {"generate\t"},
		"__complete generate --hardening ":     {"strict\n", "off\n"},
		"__complete apply --ruby-manager ":     {"rbenv\n", "mise\n"},
		"__complete capistrano --gem ":         {"2\n", "3\n"},
		"__complete validate --format ":        {"text\n", "json\n"},
		"__complete generate --model ":         {"yml\n", "yaml\n", ":8\n"},
		"__complete generate --output ":        {":16\n"},
		"__complete generate --output x --mod": {"--model\t"},
	} {
		var out, errs bytes.Buffer
		words := strings.Fields(args)
		if strings.HasSuffix(args, " ") {
			words = append(words, "")
		}
		require.Equal(t, 0, run(words, &out, &errs), args)
		for _, w := range want {
			require.Contains(t, out.String(), w, args)
		}
	}
}

// What completion prints is a script that its shell reads.
func TestCompletionScriptsAreReadByTheirShell(t *testing.T) {
	for shell, option := range map[string]string{"bash": "-n", "zsh": "-n", "fish": "--no-execute"} {
		var out, errs bytes.Buffer
		require.Equal(t, 0, run([]string{"completion", shell}, &out, &errs))
		require.Contains(t, out.String(), "sidekiq-role")
		t.Run(shell, func(t *testing.T) {
			if _, err := exec.LookPath(shell); err != nil {
				testenv.NotTested(t, err.Error())
			}
			file := filepath.Join(t.TempDir(), "script")
			require.NoError(t, os.WriteFile(file, out.Bytes(), 0o600))
			said, err := exec.Command(shell, option, file).CombinedOutput()
			require.NoError(t, err, string(said))
		})
	}
}

func TestVersionTellsHowItWasBuilt(t *testing.T) {
	var out, errs bytes.Buffer
	require.Equal(t, 0, run([]string{"version"}, &out, &errs))
	require.Regexp(t, `^sidekiq-role \S+\n  built with  go1\.\d+\S* for \w+/\w+\n`, out.String())
	if hasPayload() {
		require.Regexp(t, `(?m)^  modules     linux/amd64, sha256 [0-9a-f]{64}\n  modules     linux/arm64, sha256 [0-9a-f]{64}$`, out.String())
	}
}

func TestCommandLineFaultsAreErrorAndHint(t *testing.T) {
	for args, want := range map[string]string{
		"generate":                           "error: --output is required\nhint: for example --output roles/sidekiq\n",
		"generate --output /x --project a.b": "error: --project: \"a.b\" is not accepted; accepted: letters, digits, _ and -\n",
		"apply":                              "error: --inventory, --host or --playbook is required\nhint: for example --playbook site.yml, or --host worker1.example.org\n",
		"apply --inventory x playbook.yml":   "error: unexpected argument \"playbook.yml\"\nhint: options of ansible-playbook go after --\n",
		"generate --nonsense":                "error: unknown flag: --nonsense\n",
		"generate --outptu x":                "error: unknown flag: --outptu\nhint: did you mean --output?\n",
		"capistrano --serivce-name x":        "error: unknown flag: --serivce-name\nhint: did you mean --service-name?\n",
		"capistrano --project x":             "error: unknown flag: --project\n",
		"generate --check=maybe":             "error: --check: \"maybe\" is not accepted; accepted: true, false\n",
		"generate --concurrency many -o x":   "error: --concurrency: \"many\" is not accepted; accepted: a whole number, 1 or more\n",
		"validate --format xml":              "error: --format: \"xml\" is not accepted; accepted: text, json\n",
		"completion tcsh":                    "error: unknown command \"tcsh\" for \"sidekiq-role completion\"\n",
		"nonsense":                           "error: unknown command \"nonsense\" for \"sidekiq-role\"\n",
	} {
		var out, errs bytes.Buffer
		require.Equal(t, 1, run(strings.Fields(args), &out, &errs), args)
		require.Equal(t, want, errs.String(), args)
		require.Empty(t, out.String())
	}
}

// Names of files and values come from whoever made them.
func TestErrors_ShowControlCharacters(t *testing.T) {
	for _, args := range [][]string{{"generate", "\x1b[2J"}, {"generate", "--model", "\x1b[2J.yml", "--output", "out"}, {"init", "\x1b[2J"}} {
		var out, errs bytes.Buffer
		require.Equal(t, 1, run(args, &out, &errs))
		require.Contains(t, errs.String(), `[2J`)
		require.NotContains(t, out.String()+errs.String(), "\x1b")
	}
}
