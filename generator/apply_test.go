package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// listed is what --list-hosts --list-tasks says of the play of apply.
const listed = `
playbook: sidekiq.yml

  play #1 (workers): Run Sidekiq	TAGS: []
    pattern: ['workers']
    hosts (2):
      worker2
      worker1
    tasks:
      sidekiq : Run Sidekiq as a service	TAGS: [sidekiq, systemd_sidekiq]
`

// fakeAnsible puts an ansible-playbook into PATH that runs a script, and answers --version and --list-hosts as the real one does.
func fakeAnsible(t *testing.T, version, script string) {
	t.Helper()
	dir := t.TempDir()
	text := "#!/bin/sh\nif [ \"$*\" = --version ]; then echo '" + version + "'; exit; fi\n" +
		"case $* in *' --list-hosts --list-tasks') cat " + dir + "/listed; exit; esac\n" + script
	require.NoError(t, os.WriteFile(filepath.Join(dir, "listed"), []byte(listed), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ansible-playbook"), []byte(text), 0o700))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("TMPDIR", t.TempDir())
}

// fakePlaybook prints its arguments, the play and the files that it would run, and exits with status 4.
func fakePlaybook(t *testing.T) {
	t.Helper()
	fakeAnsible(t, "ansible-playbook [core 2.19.14]", `echo "called with: $*"
for word; do
  case $word in */sidekiq.yml) cat "$word"; (cd "${word%/*}" && find roles callback_plugins -type f) ;; esac
done
echo "unreachable" >&2
exit 4
`)
}

// replay is an ansible-playbook that repeats recorded events and exits with a status.
func replay(t *testing.T, recorded, status string) {
	t.Helper()
	path, err := filepath.Abs("watch/testdata/" + recorded + ".jsonl")
	require.NoError(t, err)
	fakeAnsible(t, "ansible-playbook [core 2.19.14]", `[ "$ANSIBLE_STDOUT_CALLBACK" = sidekiq_role ] || exit 99
sed "s/^/$SIDEKIQ_ROLE_MARK /" `+path+"\nexit "+status+"\n")
}

// recordedText is the text of package watch for recorded events.
func recordedText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("watch/testdata/" + name)
	require.NoError(t, err)
	return string(text)
}

func needPayload(t *testing.T) {
	t.Helper()
	if !hasPayload() {
		testenv.NotTested(t, "this needs the modules' binaries: make build")
	}
}

// called runs the program and returns its exit status and output.
func called(args ...string) (status int, out, errs string) {
	var stdout, stderr bytes.Buffer
	status = run(args, &stdout, &stderr)
	return status, stdout.String(), stderr.String()
}

func TestApply_RunsCompleteRole(t *testing.T) {
	needPayload(t)
	fakePlaybook(t)
	status, out, errs := called("apply", "-i", "hosts.yml", "-i", "more.yml", "--project", "demo", "--check", "--diff", "--", "--limit", "a b", "-v")
	require.Equal(t, 4, status)
	require.Regexp(t, `(?m)^called with: --check --diff \S+/sidekiq.yml --inventory=hosts.yml --inventory=more.yml --limit a b -v$`, out)
	for _, file := range []string{"tasks/main.yml", "action_plugins/db_pool.py", "library/db_pool.py", "files/payload.json"} {
		require.Contains(t, out, "roles/sidekiq/"+file+"\n")
	}
	require.Contains(t, out, "callback_plugins/sidekiq_role.py\n")
	require.Equal(t, "unreachable\n", errs)
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	require.Empty(t, left, "the temporary role is removed")
}

func TestApply_Play(t *testing.T) {
	needPayload(t)
	fakePlaybook(t)
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("sidekiq-role.yml", []byte("project: demo\nplaybook: {hosts: sidekiqs, serial: 3}\n"), 0o600))
	const serial, asserted = "\n  serial: 3\n", "sidekiq_project is defined"
	for args, want := range map[string][]string{
		"apply -y -i x":                     {"hosts: sidekiqs\n", serial},
		"apply -y -i x --hosts a:!b":        {"hosts: a:!b\n", serial},
		"apply -y --host a":                 {"hosts: all\n", serial},
		"apply -y -i x --project= ":         {"hosts: sidekiqs\n", serial, asserted},
		"apply -C -i x":                     {"hosts: sidekiqs\n"},
		"apply -i x -- -C":                  {"hosts: sidekiqs\n"},
		"verify -i x":                       {"hosts: sidekiqs\n"},
		"verify --host a --model /dev/null": {"hosts: all\n", asserted},
	} {
		_, out, _ := called(strings.Fields(args)...)
		for _, w := range want {
			require.Contains(t, out, w, args)
		}
		require.Equal(t, len(want) > 1 && want[1] == serial, strings.Contains(out, "serial"), args)
		require.Equal(t, want[len(want)-1] == asserted, strings.Contains(out, asserted), args)
	}
}

func TestApply_Playbook(t *testing.T) {
	fakeAnsible(t, "ansible-playbook [core 2.19.14]", `echo "called with: $*"
IFS=:
for dir in $ANSIBLE_CALLBACK_PLUGINS; do echo "plugins: $(ls "$dir")"; done
`)
	program, err := exec.LookPath("ansible-playbook")
	require.NoError(t, err)
	own := t.TempDir()
	const dump = `[{"name": "CONFIG_FILE", "value": "x"}, {"name": "DEFAULT_CALLBACK_PLUGIN_PATH", "value": ["%s"]}, {"GALAXY_SERVERS": {}}]`
	text := fmt.Sprintf("#!/bin/sh\necho '"+dump+"'\n", own)
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(program), "ansible-config"), []byte(text), 0o700))
	status, out, errs := called("apply", "--playbook", "site.yml", "-y", "-q", "--", "-b")
	require.Equal(t, 0, status, errs)
	require.Equal(t, "called with: --tags=sidekiq site.yml -b\nplugins: sidekiq_role.py\nplugins: \n", out)
}

// The list of targets comes first, and nothing runs that nobody has confirmed.
func TestApply_AsksFirst(t *testing.T) {
	needPayload(t)
	fakeAnsible(t, "ansible-playbook [core 2.19.14]", "echo it ran\n")
	const targets = "Run Sidekiq (workers): 2 hosts, 1 at a time\n  worker1, worker2\n"
	args := []string{"apply", "-i", "x", "--project", "demo"}
	status, out, errs := called(args...)
	require.Equal(t, 1, status)
	require.Empty(t, out)
	require.Equal(t, targets+"error: nothing was changed: standard input is not a terminal\n"+
		"hint: --yes applies to 2 hosts without asking, --check shows what would change\n", errs)

	for _, word := range []string{"-e@C", "-uC", "--diff", "-e=--check"} {
		status, out, _ = called(append(args, "--", word)...)
		require.Equal(t, 1, status, word)
		require.Empty(t, out, word)
	}

	_, out, errs = called(append(args, "--yes")...)
	require.Equal(t, targets+"\nit ran\n", out+errs)

	for _, harmless := range []string{"--check", "-- -C", "-- --check", "-- -DC", "-- --che"} {
		_, out, errs = called(append(args, strings.Fields(harmless)...)...)
		require.Equal(t, "Run Sidekiq (workers): 2 hosts, nothing is changed\n  worker1, worker2\n\nit ran\n", out+errs)
	}
	for _, lists := range []string{"--list-hosts", "--list-tasks", "--list-tags", "--syntax-check"} {
		_, out, errs = called(append(args, "--", lists)...)
		require.Equal(t, "it ran\n", out+errs)
	}
	for answer, runs := range map[string]bool{"y\n": true, "Yes\n": true, "n\n": false, "\n": false, "\x04": false} {
		out, err := atTerminal(t, answer, args...)
		require.Contains(t, out, "apply to 2 hosts? [y/N] ")
		require.Equal(t, runs, strings.Contains(out, "it ran"), "%q: %s", answer, out)
		if !runs {
			require.EqualError(t, err, "nothing was changed")
		}
	}
}

// atTerminal runs the program at a terminal at which an answer is typed.
func atTerminal(t *testing.T, answer string, args ...string) (string, error) {
	t.Helper()
	master, slave, err := pty.Open()
	require.NoError(t, err)
	defer master.Close()
	defer slave.Close()
	_, err = master.WriteString(answer)
	require.NoError(t, err)
	var out bytes.Buffer
	root := rootCommand(&out, &out)
	root.SetIn(slave)
	root.SetArgs(args)
	err = root.Execute()
	return out.String(), err
}

func TestApply_ShowsProofAndStatus(t *testing.T) {
	needPayload(t)
	for recorded, status := range map[string]string{"first": "4", "again": "0"} {
		replay(t, recorded, status)
		got, out, errs := called("apply", "-y", "--host", "x", "--project", "demo")
		require.Equal(t, status, strconv.Itoa(got))
		require.Empty(t, errs)
		_, out, _ = strings.Cut(out, "\n\n")
		require.Equal(t, recordedText(t, recorded+".plain"), out)
	}
}

func TestVerify_ExitStatus(t *testing.T) {
	needPayload(t)
	for _, c := range []struct {
		recorded, ansible string
		status            int
	}{{"again", "0", 0}, {"several", "0", 2}, {"first", "4", 4}, {"drift", "4", 4}} {
		replay(t, c.recorded, c.ansible)
		for _, more := range []string{"", "-q", "--format json", "--format junit"} {
			status, out, errs := called(append([]string{"verify", "--host", "x", "--project", "demo"}, strings.Fields(more)...)...)
			require.Equal(t, c.status, status, c.recorded)
			require.Empty(t, errs)
			require.NotContains(t, out, "  ok\n", "piped, it reports differences and no progress")
			switch more {
			case "":
				if c.recorded == "drift" {
					require.Equal(t, "Run Sidekiq (workers): 2 hosts, nothing is changed\n  worker1, worker2\n\n"+recordedText(t, "drift.verify"), out)
				}
			case "-q":
				require.Equal(t, c.status == 0, out == "")
			case "--format json":
				require.True(t, json.Valid([]byte(out)), out)
			default:
				require.NoError(t, xml.Unmarshal([]byte(out), new(struct{})))
			}
		}
	}
}

func TestVerify_ChangesNothing(t *testing.T) {
	needPayload(t)
	fakePlaybook(t)
	status, out, _ := called("verify", "--host", "a,b", "--host", "c", "--project", "demo")
	require.Equal(t, 1, status, "4 is for hosts, and there were none")
	require.Regexp(t, `called with: --check --diff \S+ --inventory=a,b,c,\n`, out)
}

// A document is all that is on standard output.
func TestVerify_AnsiblesTextBesideDocument(t *testing.T) {
	needPayload(t)
	fakeAnsible(t, "ansible-playbook [core 2.19.14]", "echo Ansible speaks\n")
	status, out, errs := called("verify", "--host", "a", "--project", "demo", "--format", "json")
	require.Equal(t, 0, status)
	require.JSONEq(t, `{"project": "demo", "playbook": "", "hosts": []}`, out)
	require.Equal(t, "Ansible speaks\n", errs)
}

func TestApply_AnsibleRefuses(t *testing.T) {
	needPayload(t)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ansible-playbook"), []byte("#!/bin/sh\n[ \"$*\" != --version ] || exec echo 'ansible-playbook [core 2.19.14]'\necho 'no such \033[2Joption' >&2\nexit 2\n"), 0o700))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	for command, want := range map[string]int{"apply": 2, "verify": 1} {
		status, out, errs := called(command, "-i", "x", "--project", "demo", "--", "--nonsense")
		require.Equal(t, want, status)
		require.Equal(t, `no such \u001b[2Joption`+"\n", out+errs)
	}
}

func TestApply_Arguments(t *testing.T) {
	for args, want := range map[string]string{
		"":                            "--inventory, --host or --playbook is required",
		"-i hosts.yml --host a":       "--inventory and --host are mutually exclusive",
		"--host a,,b":                 `--host: "" is not accepted`,
		"-i hosts.yml a":              `unexpected argument "a"`,
		"--playbook x --host a":       "--playbook and --host are mutually exclusive",
		"--playbook x -i y --hosts a": "--playbook and --hosts are mutually exclusive",
		"--hosts b":                   "--inventory, --host or --playbook is required",
		"--playbook x --project a":    "--playbook and --project are mutually exclusive\nhint: the playbook does not use the model",
		"--playbook x --model a":      "--playbook and --model are mutually exclusive",
		"--host a --hosts b":          "--host and --hosts are mutually exclusive",
		"-i x -- -i y":                "an inventory is given after --\nhint: give it before --, with --hosts",
		"--host x -- -Dvi y":          "an inventory is given after --",
		"--playbook x -- --inven=y":   "an inventory is given after --",
		"-i x --limit y":              "unknown flag: --limit\nhint: options of ansible-playbook go after --",
		"-i x --porject y":            "unknown flag: --porject\nhint: did you mean --project? options of ansible-playbook go after --",
		"-i x -l y":                   "unknown shorthand flag: 'l' in -l\nhint: options of ansible-playbook go after --",
	} {
		for _, command := range []string{"apply", "verify"} {
			status, _, errs := called(append([]string{command}, strings.Fields(args)...)...)
			require.Equal(t, 1, status)
			require.Contains(t, errs, want)
		}
	}
	status, _, errs := called("apply", "--host", "a b")
	require.Equal(t, 1, status)
	require.Contains(t, errs, `--host: "a b" is not accepted`)
	_, _, errs = called("verify", "--host", "a", "--format", "xml")
	require.Contains(t, errs, `--format: "xml" is not accepted; accepted: text, json, junit`)
}

func TestApply_UnusableAnsible(t *testing.T) {
	const hint = "\nhint: pip install 'ansible-core>=2.14'\n"
	for version, want := range map[string]string{
		"ansible-playbook [core 2.13.13]": "is of ansible-core 2.13.13, which is too old: 2.14 or later is needed" + hint,
		"ansible-playbook 2.9.27":         "is of ansible-core 2.9.27, which is too old: 2.14 or later is needed" + hint,
		"something else":                  `"something else" tells no version of ansible-core` + hint,
		"'; echo no module; exit 3; '":    "--version: exit status 3: no module" + hint,
	} {
		fakeAnsible(t, version, "echo it ran\n")
		status, out, errs := called("apply", "-i", "x")
		require.Equal(t, 1, status)
		require.Empty(t, out)
		require.Contains(t, errs, want)
	}
	t.Setenv("PATH", t.TempDir())
	_, _, errs := called("verify", "-i", "x")
	require.Equal(t, "error: ansible-playbook was not found in PATH"+hint, errs)
}
