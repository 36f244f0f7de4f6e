package sudoersentry

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible/answertest"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts run the module with the real sudo in a mount namespace, where files of the script are mounted over those in /etc and /opt. So the
// tests do not change this host, and the module has no code for them.
//
//	onhost PROGRAM ARGS    runs a program there, after mounts.sh if that exists
//	call, answer           see package answertest
//	sudoers_entry          is the module; as another user: nobody; without waiting for a lock: impatient
//	content FILE WANTED    compares a file below the header with which the module marks it
//	race                   calls sudo while another process rewrites the file
//	survives               kills the module before each of its calls, checks the file and calls sudo
//	listings               compares what is concluded from sudo's listings with what sudo does, for random policies
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"sudoers_entry": module,
		"nobody":        nobody,
		"impatient":     impatient,
		"onhost":        onHost,
		"race":          race,
		"rewriter":      rewriter,
		"listings":      listings,
		"survives":      survives,
	})
}

func module() { os.Exit(ansible.Main("test", ansible.Modules{"sudoers_entry": Module})) }

func nobody() {
	check(syscall.Setuid(65534))
	module()
}

func impatient() {
	lockTimeout = 0
	module()
}

// mounts mounts the script's files over those of this host.
const mounts = `set -e
for f in sudoers sudoers.d passwd group shadow; do mount --bind "$WORK/etc/$f" "/etc/$f"; done
mount --bind "$WORK/opt" /opt
if [ -f "$WORK/mounts.sh" ]; then . "$WORK/mounts.sh"; fi
exec "$@"`

func onHost() {
	cmd := exec.Command("unshare", append([]string{"--mount", "--propagation", "private", "sh", "-c", mounts, "sh"}, os.Args[1:]...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	check(cmd.Run())
}

func TestScripts(t *testing.T) {
	needHost(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup:               layHost,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"call": answertest.Call, "answer": answertest.Command, "content": content,
		},
	})
}

// needHost skips the test if the scripts cannot have their own /etc, or fails it if oracles are required.
func needHost(t *testing.T) {
	t.Helper()
	testenv.NeedRoot(t, "only root can mount files over /etc")
	if _, err := os.Stat("/usr/bin/sudo"); err != nil {
		testenv.NotTested(t, "sudo is not installed")
	}
	if out, err := exec.Command("unshare", "--mount", "true").CombinedOutput(); err != nil {
		testenv.NotTested(t, fmt.Sprintf("cannot create a mount namespace: %s", out))
	}
}

// hostFiles are the default files of a host.
var hostFiles = map[string]string{
	"etc/passwd": `root:x:0:0:root:/root:/bin/sh
deploy:x:1000:1000::/tmp:/bin/sh
backup:x:34:34::/tmp:/bin/sh
nobody:x:65534:65534::/tmp:/bin/sh
CORP\deploy:x:5001:5000::/tmp:/bin/sh
deploy@corp.example:x:5002:5000::/tmp:/bin/sh
_svc:x:5003:5000::/tmp:/bin/sh
Anna:x:5004:5000::/tmp:/bin/sh
OPERATOR:x:5005:5000::/tmp:/bin/sh
jösé:x:5006:5000::/tmp:/bin/sh
member:x:5007:5000::/tmp:/bin/sh
domain user:x:5008:5000::/tmp:/bin/sh
big:x:4294967294:5000::/tmp:/bin/sh
`,
	"etc/group": `root:x:0:
ops:x:27:
backup:x:34:
deploy:x:1000:
accounts:x:5000:
domain users:x:6001:member
ADM:x:6004:
`,
	"etc/sudoers":          "root ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n",
	"etc/sudoers.d/README": "# nothing\n",
	"opt/systemctl":        "#!/bin/sh\necho \"$(id -un): $*\"\n",
	"opt/who": `#!/bin/sh
[ $# = 0 ] && [ "$(id -u)" != 0 ] || exit 1
if [ "$(id -g)" = 5000 ]; then id -un; else echo "$(id -un) $(id -gn)"; fi
`,
}

func layHost(env *testscript.Env) error {
	env.Setenv("SOAK", os.Getenv("SOAK"))
	for name, text := range hostFiles {
		if err := addFile(filepath.Join(env.WorkDir, name), text); err != nil {
			return err
		}
	}
	passwd, err := os.ReadFile(filepath.Join(env.WorkDir, "etc/passwd"))
	if err != nil {
		return err
	}
	if err := addFile(filepath.Join(env.WorkDir, "etc/shadow"), shadow(string(passwd))); err != nil {
		return err
	}
	return setModes(env.WorkDir)
}

// addFile writes a file that does not exist.
func addFile(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// shadow has an entry without password and expiry for each user of passwd, which PAM requires.
func shadow(passwd string) string {
	var b strings.Builder
	for line := range strings.Lines(passwd) {
		user, _, _ := strings.Cut(line, ":")
		fmt.Fprintf(&b, "%s:*:19000:0:99999:7:::\n", user)
	}
	return b.String()
}

// setModes sets modes that sudo accepts: a txtar has none, and testscript creates directories with mode 0777.
func setModes(work string) error {
	for glob, mode := range map[string]os.FileMode{
		"etc": 0o755, "opt": 0o755, "opt/*": 0o755, "etc/sudoers": 0o440, "etc/sudoers.d": 0o755, "etc/sudoers.d/*": 0o440,
	} {
		paths, err := filepath.Glob(filepath.Join(work, glob))
		if err != nil {
			return err
		}
		for _, p := range paths {
			if err := os.Chmod(p, mode); err != nil {
				return err
			}
		}
	}
	return nil
}

// content compares a file below the header with which the module marks it.
func content(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: content FILE WANTED")
	}
	text := ts.ReadFile(args[0])
	if !sudoers.IsOurs(text) {
		ts.Fatalf("%s is not marked as a file of the module:\n%s", args[0], text)
	}
	if _, got, _ := strings.Cut(text, "\n"); got != ts.ReadFile(args[1]) {
		ts.Fatalf("%s is\n%s", args[0], got)
	}
}
