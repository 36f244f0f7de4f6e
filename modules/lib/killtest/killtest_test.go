//go:build linux

package killtest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// script is the program under test: two system calls, and a program that it runs twice with no system call between.
const script = `echo new >new; mv new file; mv new file 2>&-; :`

// TestMain runs the script, with KILLTEST_N, in a process that has no other children.
func TestMain(m *testing.M) {
	n, err := strconv.Atoi(os.Getenv("KILLTEST_N"))
	if err != nil {
		os.Exit(m.Run())
	}
	calls, end, err := Run("/bin/sh", []string{"sh", "-c", script}, n)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{"Calls": calls, "Killed": end.Signaled()})
	os.Exit(0)
}

func TestRun_KillsAtEachCall(t *testing.T) {
	for n, want := range []struct {
		file, unfinished string // contents of file and new
		killed           bool
	}{
		{"new\n", "", false},
		{"old\n", "", true},
		{"old\n", "", true},
		{"old\n", "new\n", true},
		{"new\n", "", true},
		{"new\n", "", false},
	} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), []byte("old\n"), 0o600))
			cmd := exec.Command(os.Args[0])
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "KILLTEST_N="+strconv.Itoa(n))
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			var got struct {
				Calls  []string
				Killed bool
			}
			require.NoError(t, json.Unmarshal(out, &got), "%s", out)
			all := []string{"openat new", "write " + filepath.Join(dir, "new"), "before mv new file", "while it runs mv new file"}
			if want.killed {
				all = all[:n]
			}
			require.Equal(t, all, got.Calls)
			require.Equal(t, want.killed, got.Killed)
			// mv may continue for a moment.
			require.Eventually(t, func() bool { return read(dir, "file") == want.file && read(dir, "new") == want.unfinished }, 5*time.Second, 10*time.Millisecond)
		})
	}
}

// read returns "" for a file that does not exist.
func read(dir, name string) string {
	text, _ := os.ReadFile(filepath.Join(dir, name))
	return string(text)
}
