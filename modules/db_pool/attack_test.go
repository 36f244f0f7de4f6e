package dbpool

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// deploy is the attacker in these tests. The UID is not used on most hosts.
const deploy = 61234

func as(uid uint32) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
}

// needRoot skips the test if the process cannot run programs as another user, or fails it if oracles are required.
func needRoot(t *testing.T) {
	t.Helper()
	testenv.NeedRoot(t, "only root can run a program as another user")
}

// run runs the module in a separate process.
func run(t *testing.T, uid uint32, args map[string]any) map[string]any {
	t.Helper()
	text, err := json.Marshal(args)
	require.NoError(t, err)
	cmd := exec.Command("/proc/self/exe") // the user may not be able to reach the file
	cmd.Args = []string{"program", "run", "db_pool", "-"}
	cmd.Stdin = strings.NewReader(string(text))
	cmd.SysProcAttr = as(uid)
	out, err := cmd.Output()
	require.NoError(t, err)
	var answer map[string]any
	require.NoError(t, json.Unmarshal(out, &answer))
	return answer
}

// start starts a program of the user deploy, which ends with the test, and returns its first line.
func start(t *testing.T, program string, args ...string) (line string) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = program
	cmd.SysProcAttr = as(deploy)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
	})
	line, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return line
}

// deployment is an application that belongs to deploy, and a directory that only root can enter.
type deployment struct{ root, config, secret string }

func newDeployment(t *testing.T) deployment {
	t.Helper()
	needRoot(t)
	root := t.TempDir()
	for d := root; d != os.TempDir(); d = filepath.Dir(d) {
		require.NoError(t, os.Chmod(d, 0o755))
	}
	d := deployment{root, filepath.Join(root, "app/shared/config"), filepath.Join(root, "secret")}
	require.NoError(t, os.MkdirAll(d.config, 0o755))
	for _, dir := range []string{"app", "app/shared", "app/shared/config"} {
		require.NoError(t, os.Chown(filepath.Join(root, dir), deploy, deploy))
	}
	require.NoError(t, os.Mkdir(d.secret, 0o700))
	require.NoError(t, os.WriteFile(d.secret+"/database.yml", []byte(small), 0o600))
	return d
}

// isHarmed reports whether root's directory was changed, and restores it.
func (d deployment) isHarmed(t *testing.T) bool {
	t.Helper()
	entries, err := os.ReadDir(d.secret)
	require.NoError(t, err)
	text, err := os.ReadFile(d.secret + "/database.yml")
	require.NoError(t, err)
	for _, e := range entries {
		require.NoError(t, os.Remove(filepath.Join(d.secret, e.Name())))
	}
	require.NoError(t, os.WriteFile(d.secret+"/database.yml", []byte(small), 0o600))
	return len(entries) != 1 || string(text) != small
}

func TestRun_ForeignLink(t *testing.T) {
	d := newDeployment(t)
	path := d.config + "/database.yml"
	require.NoError(t, os.Symlink(d.secret+"/database.yml", path))
	require.NoError(t, os.Lchown(path, deploy, deploy))
	args := map[string]any{"path": path, "pool": 25}
	for _, check := range []bool{true, false} {
		args["_ansible_check_mode"] = check
		require.Equal(t, fmt.Sprintf("%q is a link of uid %d to %q, which that user cannot replace; hint: let root make the link, or set allow_foreign_links: true "+
			"(sidekiq_database_allow_foreign_links: true in the role)", path, deploy, d.secret+"/database.yml"), run(t, 0, args)["msg"])
		require.False(t, d.isHarmed(t))
	}
	args["allow_foreign_links"] = true
	require.Equal(t, true, run(t, 0, args)["changed"])
	require.True(t, d.isHarmed(t))
	require.NoError(t, os.Lchown(path, 0, 0))
	delete(args, "allow_foreign_links")
	require.Equal(t, true, run(t, 0, args)["changed"], "root's link")

	require.NoError(t, os.Chown(d.secret, deploy, deploy))
	require.NoError(t, os.Remove(d.secret+"/database.yml"))
	require.NoError(t, os.WriteFile(d.secret+"/database.yml", []byte(small), 0o600))
	require.NoError(t, os.Chown(d.secret+"/database.yml", deploy, deploy))
	require.Equal(t, true, run(t, deploy, args)["changed"], "root's link, which another user follows")
}

// swapper is a program of the attacker. In random order and for random times it replaces the path with its own file, a
// link to that, a link or hard link to root's file, and a FIFO, and the directory with a link to root's directory.
func swapper() {
	config, secret := os.Args[1], os.Args[2]
	path, own, temp, link := config+"/database.yml", config+".own", config+".temp", config+".link"
	check := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	exchange := func() error { return unix.Renameat2(unix.AT_FDCWD, config, unix.AT_FDCWD, link, unix.RENAME_EXCHANGE) }
	check(os.Symlink(secret, link))
	fmt.Println("begun")
	for {
		made := false
		switch rand.IntN(7) {
		case 0, 1:
			check(os.WriteFile(temp, []byte(small), 0o644))
			made = true
		case 2:
			check(os.WriteFile(own, []byte(small), 0o644))
			check(os.Symlink(own, temp))
			made = true
		case 3:
			check(os.Symlink(secret+"/database.yml", temp))
			made = true
		case 4:
			made = os.Link(secret+"/database.yml", temp) == nil // the kernel may refuse that
		case 5:
			check(syscall.Mkfifo(temp, 0o644))
			made = true
		case 6:
			check(exchange())
			time.Sleep(rand.N(5 * time.Millisecond))
			check(exchange())
		}
		if made {
			check(os.Rename(temp, path))
		}
		time.Sleep(rand.N(5 * time.Millisecond))
	}
}

// The user of a deployment swaps its files and directories all the time. SOAK repeats it.
func TestRun_SwappedLinks(t *testing.T) {
	d := newDeployment(t)
	start(t, "swapper", d.config, d.secret)
	runs, changed, harm := 0, 0, 0
	for least := testenv.Rounds(40); runs < least || changed == 0 && runs < 50*least; runs++ { // on a busy host most runs are disturbed
		answer := run(t, 0, map[string]any{"path": d.config + "/database.yml", "pool": 25, "backup": true})
		if answer["changed"] == true {
			changed++
		}
		if d.isHarmed(t) {
			harm++
		}
	}
	t.Logf("%d runs, %d edits in the deployment, %d outside", runs, changed, harm)
	require.Zero(t, harm)
	require.NotZero(t, changed)
}

// locker is a program of the attacker: it locks all files and directories that it can open, and prints their number.
func locker() {
	locked := 0
	for _, path := range os.Args[1:] {
		fd, err := syscall.Open(path, syscall.O_RDONLY, 0)
		if err == nil && syscall.Flock(fd, syscall.LOCK_SH) == nil {
			locked++
		}
	}
	fmt.Println(locked)
	for {
		time.Sleep(time.Hour)
	}
}

// Any user who can read a directory can lock it (flock(2)). Runs of root neither wait for that nor fail. SOAK repeats it.
func TestRun_LockedDirectory(t *testing.T) {
	d := newDeployment(t)
	path := d.config + "/database.yml"
	require.NoError(t, os.WriteFile(path, []byte(small), 0o644))
	run(t, 0, map[string]any{"path": path, "pool": 5})
	locks, err := filepath.Glob("/run/ansible-sidekiq-lock/*")
	require.NoError(t, err)
	targets := append(locks, "/run/ansible-sidekiq-lock", d.root, d.root+"/app", d.root+"/app/shared", d.config, path)
	require.Equal(t, "5\n", start(t, "locker", targets...))
	for range testenv.Rounds(5) {
		require.NoError(t, os.WriteFile(path, []byte(small), 0o644))
		require.Equal(t, true, run(t, 0, map[string]any{"path": path, "pool": 25})["changed"])
	}
}
