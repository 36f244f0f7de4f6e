package systemd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// ErrNotVerified is the error of Verify on a host without systemd-analyze.
var ErrNotVerified = errors.New("systemd-analyze is not installed")

// UnknownDirective is the error of Verify about a directive that the host's systemd does not know in a section. systemd would ignore it.
type UnknownDirective struct{ Name, Section string }

func (u *UnknownDirective) Error() string {
	return fmt.Sprintf("systemd does not know %q in [%s]", u.Name, u.Section)
}

// unknownKey matches the message about an unknown directive of systemd 237, 247 and 257 (conf-parser.c).
var unknownKey = lazyregexp.New(`Unknown (?:lvalue|key name|key) '([^']+)' in section ['\[]([^'\]]+)`)

// Verify has systemd-analyze(1) judge unit files, by name, before they are where systemd reads them. Files about which it reports nothing are
// accepted. That a program of theirs is missing is no fault of the text.
func Verify(units map[string]string) (err error) {
	program, lookErr := lookPath("systemd-analyze")
	if lookErr != nil {
		return ErrNotVerified
	}
	dir, err := os.MkdirTemp("", "systemd-units-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	args := []string{"verify", "--man=no"}
	for name, text := range units {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
		args = append(args, path)
	}
	// Its exit status is about all units that these want, too.
	said, verifyErr := runBoth(program, args...)
	var faults []string
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); isFault(line, dir, units, verifyErr != nil) {
			if m := unknownKey().FindStringSubmatch(line); m != nil {
				return &UnknownDirective{Name: m[1], Section: m[2]}
			}
			faults = append(faults, strings.ReplaceAll(line, dir+"/", ""))
		}
	}
	if len(faults) > 0 {
		return fmt.Errorf("systemd-analyze verify does not accept the unit: %s", strings.Join(faults, "; "))
	}
	return nil
}

// isFault reports whether a line is about one of the files, and not about a drop-in or a unit of others.
func isFault(line, dir string, units map[string]string, failed bool) bool {
	if strings.HasPrefix(line, dir+"/") {
		return true
	}
	name, said, _ := strings.Cut(line, ": ")
	_, ours := units[name]
	return ours && failed && !strings.HasSuffix(said, "is not executable") && !strings.Contains(said, "is not executable:")
}
