package dbpool

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible/answertest"
)

func TestMain(m *testing.M) {
	main := func() { os.Exit(ansible.Main("test", ansible.Modules{"db_pool": Module})) }
	testscript.Main(m, map[string]func(){"db_pool": main, "program": main, "swapper": swapper, "locker": locker})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.Getenv("TMPDIR")) // for the lock of an ordinary user
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"call": answertest.Call, "answer": answertest.Command, "mode": checkMode},
	})
}

// checkMode is the command `mode FILE PERMISSIONS`.
func checkMode(ts *testscript.TestScript, negated bool, args []string) {
	info, err := os.Lstat(ts.MkAbs(args[0]))
	ts.Check(err)
	if (info.Mode().String() == args[1]) == negated {
		ts.Fatalf("%s has the mode %s", args[0], info.Mode())
	}
}

// host is a directory with a database.yml. It stays open, so that no other directory gets its inode: that number is
// the name of the lock, which is held until the process ends.
func host(t *testing.T, text string) (path string) {
	t.Helper()
	dir := t.TempDir()
	_, err := syscall.Open(dir, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	require.NoError(t, err)
	path = filepath.Join(dir, "database.yml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o640))
	return path
}

func params(path string, pool int) *options {
	return &options{Path: []string{path}, RailsEnv: "production", Pool: fmt.Sprint(pool), size: pool, ERB: "evaluate", IfMissing: "fail"}
}

const small = "production:\n  adapter: mysql2\n  password: secret\n  pool: 5\n"
