package atomicfile

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// asked makes the test binary replace a file and exit, as the process for strace.
const asked = "ATOMICFILE_TEST_REPLACE"

func TestMain(m *testing.M) {
	if path := os.Getenv(asked); path != "" {
		runtime.LockOSThread() // strace counts calls by thread
		if err := Replace(replacement(path, "new")); err != nil {
			fmt.Println(err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	if dir := os.Getenv(askedToLock); dir != "" {
		lockAndWait(dir)
	}
	os.Exit(m.Run())
}

func mountTmpfs(t *testing.T, dir, options string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		testenv.NotTested(t, fmt.Sprintf("cannot mount a tmpfs: %v", err))
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
}

func TestAll_OrdinaryUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("this is an ordinary user already")
	}
	dir := t.TempDir()
	for d := dir; d != os.TempDir(); d = filepath.Dir(d) {
		require.NoError(t, os.Chmod(d, 0o777))
	}
	// The binary itself may lie where nobody may look; this link is open to the process alone.
	cmd := exec.Command("/proc/self/exe", "-test.v")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, "HOME="+dir, "REQUIRE_ORACLES=") // some tests require root
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: TestReplace_OwnerNotPermitted")
	require.Contains(t, string(out), "--- PASS: TestLock_OrdinaryUser")
}

// strace replaces path in a separate process and returns its relevant system calls.
func strace(t *testing.T, path string, options ...string) (calls []string, err error) {
	t.Helper()
	program, err := exec.LookPath("strace")
	if err != nil {
		testenv.NotTested(t, "strace is not installed")
	}
	log := filepath.Join(t.TempDir(), "log")
	args := append([]string{"-f", "-qq", "-y", "-o", log}, options...)
	cmd := exec.Command(program, append(args, "/proc/"+strconv.Itoa(os.Getpid())+"/exe")...)
	cmd.Env = append(os.Environ(), asked+"="+path)
	out, err := cmd.CombinedOutput()
	text, readErr := os.ReadFile(log)
	if readErr != nil || strings.Contains(string(out), "ptrace(") {
		testenv.NotTested(t, fmt.Sprintf("strace does not work here: %s", out))
	}
	return changes(string(text), filepath.Dir(path)), err
}

var line = regexp.MustCompile(`(?m)^\d+ +(\w+)\((.*)$`)

// changes returns the names of the calls that change the directory, and for fsync its target.
func changes(log, directory string) []string {
	var names []string
	for _, m := range line.FindAllStringSubmatch(log, -1) {
		name, args := m[1], m[2]
		if !strings.Contains(args, directory) {
			continue
		}
		switch {
		case name == "openat" && strings.Contains(args, "O_RDWR|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600"):
			names = append(names, "create")
		case name == "fsync" && strings.Contains(args, directory+">"):
			names = append(names, "fsync folder")
		case name == "fsync":
			names = append(names, "fsync file")
		case strings.HasPrefix(name, "rename"):
			names = append(names, "rename")
		case name == "write" || strings.HasPrefix(name, "fch") || strings.HasPrefix(name, "unlink"):
			names = append(names, name)
		}
	}
	return names
}

func TestReplace_OrderOfSystemCalls(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	calls, err := strace(t, path)
	require.NoError(t, err)
	require.Equal(t, []string{"create", "write", "fchown", "fchmod", "fsync file", "rename", "fsync folder"}, calls)
}

// Every call that changes something fails once, and is once the last before the process is killed.
func TestReplace_FailedOrKilledAtEachCall(t *testing.T) {
	for _, c := range []struct{ call, inject, when, after string }{
		{"write", "write,pwrite64", "", "old"},
		{"fchown", "fchown", "", "old"},
		{"fchmod", "fchmod", "", "old"},
		{"fsync file", "fsync", ":when=1", "old"},
		{"rename", "rename,renameat,renameat2", "", "old"},
		{"fsync folder", "fsync", ":when=2", "new"},
	} {
		t.Run("failed "+c.call, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f")
			write(t, path, "old")
			calls, err := strace(t, path, "-e", "inject="+c.inject+":error=EIO"+c.when)
			require.Error(t, err)
			require.Contains(t, calls, c.call)
			requireContent(t, path, c.after)
			requireOnly(t, filepath.Dir(path), "f")
		})
		t.Run("killed at "+c.call, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f")
			write(t, path, "old")
			calls, err := strace(t, path, "-e", "inject="+c.inject+":signal=KILL"+c.when)
			require.Error(t, err)
			require.Equal(t, c.call, calls[len(calls)-1])
			requireContent(t, path, c.after)
		})
	}
}
