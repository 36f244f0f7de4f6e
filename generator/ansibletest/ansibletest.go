// Package ansibletest finds Ansible for tests.
package ansibletest

import (
	"embed"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// project returns the directory of the project, above that of the test.
func project() string {
	dir := "."
	for range 5 {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		dir = filepath.Join(dir, "..")
	}
	return dir
}

// Bin returns the directory of Ansible's programs: that of ANSIBLE_PLAYBOOK, of the project's virtual environment, or
// in PATH.
func Bin(t testing.TB) string {
	t.Helper()
	for _, program := range []string{os.Getenv("ANSIBLE_PLAYBOOK"), filepath.Join(project(), ".venv/bin/ansible-playbook"), "ansible-playbook"} {
		if found, err := exec.LookPath(program); err == nil {
			return dirOf(t, found)
		}
	}
	testenv.NotTested(t, "ansible-playbook is neither in .venv/bin nor on PATH")
	return ""
}

// Cores returns the directories of Ansible's programs: Bin, and with ALL_CORES=1 those of .venv/cores.
func Cores(t testing.TB) []string {
	t.Helper()
	bins := []string{Bin(t)}
	if os.Getenv("ALL_CORES") != "1" {
		return bins
	}
	more, err := filepath.Glob(filepath.Join(project(), ".venv/cores/*/bin/ansible-playbook"))
	if err != nil {
		t.Fatal(err)
	}
	if len(more) == 0 {
		t.Fatal("ALL_CORES=1 and there is no .venv/cores; hint: molecule/scripts/setup core")
	}
	for _, program := range more {
		bins = append(bins, dirOf(t, program))
	}
	return bins
}

func dirOf(t testing.TB, program string) string {
	t.Helper()
	path, err := filepath.Abs(program)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(path)
}

// Settings and a plugin of the user, which must have no effect.
//
//go:embed ansible.cfg talker.py
var settings embed.FS

// Use puts Ansible's programs in a directory first in PATH, and sets a HOME with an ansible.cfg.
func Use(t *testing.T, bin string) (home string) {
	t.Helper()
	home = t.TempDir()
	for from, to := range map[string]string{"ansible.cfg": "ansible.cfg", "talker.py": "mine/talker.py"} {
		text, err := settings.ReadFile(from)
		Write(t, filepath.Join(home, to), text, err)
	}
	for name, value := range map[string]string{"PATH": bin + ":" + os.Getenv("PATH"), "HOME": home, "LC_ALL": "C.UTF-8", "TERM": "xterm",
		"ANSIBLE_CONFIG": filepath.Join(home, "ansible.cfg")} {
		t.Setenv(name, value)
	}
	return home
}

// Write writes a file and creates its directory. It fails the test if err is set.
func Write(t testing.TB, path string, text []byte, err error) {
	t.Helper()
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

var complaint = regexp.MustCompile(`WARNING|ERROR|Traceback|formatting error`)

// Clean fails the test if Ansible printed a warning, except one of ansible-core 2.21 about itself.
func Clean(t testing.TB, out string) {
	t.Helper()
	for line := range strings.Lines(out) {
		if complaint.MatchString(line) && !strings.Contains(line, "_protomatter") {
			t.Fatalf("Ansible complains: %s\n%s", line, out)
		}
	}
}
