package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// fakeAnsible puts an ansible-playbook into PATH that runs a script, and answers --version as the real one does.
func fakeAnsible(t *testing.T, version, script string) {
	t.Helper()
	dir := t.TempDir()
	text := "#!/bin/sh\nif [ \"$*\" = --version ]; then echo '" + version + "'; exit; fi\n" + script
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ansible-playbook"), []byte(text), 0o700))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("TMPDIR", t.TempDir())
}

// fakePlaybook prints its arguments and the files that it would run, and exits with status 4.
func fakePlaybook(t *testing.T) {
	t.Helper()
	fakeAnsible(t, "ansible-playbook [core 2.19.14]", `echo "called with: $*"
for word; do
  case $word in */sidekiq.yml) (cd "${word%/*}" && find roles callback_plugins -type f) ;; esac
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
	status, out, errs := called("apply", "--inventory", "hosts.yml", "--project", "demo", "--check", "--diff", "--", "--limit", "a b", "-v")
	require.Equal(t, 4, status)
	require.Regexp(t, `^called with: --check --diff --inventory=hosts.yml \S+/sidekiq.yml --limit a b -v\n`, out)
	for _, file := range []string{"tasks/main.yml", "action_plugins/db_pool.py", "library/db_pool.py", "files/payload.json"} {
		require.Contains(t, out, "roles/sidekiq/"+file+"\n")
	}
	require.Contains(t, out, "callback_plugins/sidekiq_role.py\n")
	require.Equal(t, "unreachable\n", errs)
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	require.Empty(t, left, "the temporary role is removed")
}

func TestApply_ShowsProofAndStatus(t *testing.T) {
	needPayload(t)
	for recorded, status := range map[string]string{"first": "4", "again": "0"} {
		replay(t, recorded, status)
		got, out, errs := called("apply", "--host", "x", "--project", "demo")
		require.Equal(t, status, strconv.Itoa(got))
		require.Empty(t, errs)
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
		status, out, errs := called("verify", "--host", "x", "--project", "demo")
		require.Equal(t, c.status, status, c.recorded)
		require.Empty(t, errs)
		require.NotContains(t, out, "Run Sidekiq:", "piped, it tells differences and no progress")
		if c.recorded == "drift" {
			require.Equal(t, recordedText(t, "drift.verify"), out)
		}
	}
}

func TestVerify_ChangesNothing(t *testing.T) {
	needPayload(t)
	fakePlaybook(t)
	status, out, _ := called("verify", "--host", "a,b", "--host", "c", "--project", "demo")
	require.Equal(t, 1, status, "4 is for hosts, and there were none")
	require.Contains(t, out, "called with: --check --diff --inventory=a,b,c, ")
}

func TestApply_WithoutHosts(t *testing.T) {
	needPayload(t)
	fakeAnsible(t, "ansible-playbook [core 2.19.14]", `echo "$SIDEKIQ_ROLE_MARK {\"event\": \"play\", \"name\": \"Run Sidekiq\", \"tasks\": 6}"`)
	for _, command := range []string{"apply", "verify"} {
		status, out, errs := called(command, "-i", "empty.yml", "--project", "demo")
		require.Equal(t, 1, status)
		require.Empty(t, out)
		require.Contains(t, errs, "error: there is no host to run on\nhint: ")
	}
}

func TestApply_HostsAndInventory(t *testing.T) {
	for want, args := range map[string][]string{
		"--inventory or --host is required":     {},
		"--inventory and --host are both given": {"-i", "hosts.yml", "--host", "a"},
		`--host: "" is not accepted`:            {"--host", "a,,b"},
		`--host: "a b" is not accepted`:         {"--host", "a b"},
		`unexpected argument "a"`:               {"-i", "hosts.yml", "a"},
	} {
		for _, command := range []string{"apply", "verify"} {
			status, _, errs := called(append([]string{command}, args...)...)
			require.Equal(t, 1, status)
			require.Contains(t, errs, want)
		}
	}
	for want, hosts := range map[string][]string{"a,": {"a"}, "a,b,": {"a", " b "}} {
		got, err := inventoryOf("", hosts)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
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
