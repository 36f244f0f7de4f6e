package sudolint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/curationexperts/ansible-sidekiq/modules/sudoers"
)

// CheckProgram looks at a program on the host, as the kernel will find it: whether it is there, and whether anybody but root could put
// another in its place, by any folder or link on the way.
func CheckProgram(program string) ([]Finding, error) {
	var all findings
	found, err := walk(program)
	if err != nil {
		return nil, err
	}
	if found.open != "" {
		all.add(PathWritable, Error, program, "could be exchanged by others than root, since %s", found.open).hint("put it where only root can write")
	}
	switch {
	case found.target == nil:
		all.add(PathMissing, Error, program, "does not exist on this host, so the rule is dead until somebody puts a program there").
			hint("install it before, or correct the path")
	case !found.target.Mode().IsRegular() || found.target.Mode()&0o111 == 0:
		all.add(PathMissing, Error, program, "is not an executable file").hint("correct the path")
	default:
		script, err := isScript(program)
		if err != nil {
			return nil, err
		}
		if script {
			all.add(SetuidScript, Info, program, "is a script: its interpreter and all files that it reads must be root's as well")
		}
	}
	return all, nil
}

// CheckUnit warns of files that root runs or reads for a unit, when others can exchange them: who may start the unit runs their code as root.
func CheckUnit(unit string, files []string) ([]Finding, error) {
	var all findings
	for _, file := range files {
		found, err := walk(file)
		if err != nil {
			return nil, err
		}
		if found.open != "" {
			all.add(TargetUnit, Warning, unit, "has root run or read %s, which could be exchanged by others, since %s", file, found.open).
				hint("put it where only root can write, or set User= in the unit")
		}
	}
	return all, nil
}

// trail is what walk met.
type trail struct {
	target fs.FileInfo // nil: nothing is there
	open   string      // the first place that others than root can change, and why
}

const maxLinks = 40 // as the kernel has it (path_resolution(7))

// walk follows the path part by part and each link on the way. Each folder counts, since who may write there may rename what is in it.
func walk(path string) (trail, error) {
	var t trail
	at, rest := "/", strings.Split(path, "/")
	info, err := os.Lstat(at)
	if err != nil {
		return t, err
	}
	t.visit(at, info)
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, part)
		info, err = os.Lstat(next)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			t.target = nil
			return t, nil
		}
		if err != nil {
			return t, err
		}
		t.visit(next, info)
		if info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return t, fmt.Errorf("%s: %w", path, syscall.ELOOP)
		}
		leadsTo, err := os.Readlink(next)
		if err != nil {
			return t, err
		}
		if filepath.IsAbs(leadsTo) {
			at = "/"
		}
		rest = append(strings.Split(leadsTo, "/"), rest...)
	}
	return t, nil
}

// visit notes the first place that is not root's alone. The mode of a link means nothing.
func (t *trail) visit(path string, info fs.FileInfo) {
	t.target = info
	if t.open != "" {
		return
	}
	owner := info.Sys().(*syscall.Stat_t)
	isLink := info.Mode()&fs.ModeSymlink != 0
	switch {
	case owner.Uid != 0:
		t.open = fmt.Sprintf("%s has owner %d", path, owner.Uid)
	case !isLink && sudoers.WritableByOthers(info):
		t.open = fmt.Sprintf("%s has group %d and mode %04o", path, owner.Gid, info.Mode().Perm())
	}
}

func isScript(program string) (bool, error) {
	f, err := os.Open(program)
	if err != nil {
		return false, err
	}
	defer f.Close()
	start := make([]byte, 2)
	if _, err := io.ReadFull(f, start); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, err
	}
	return string(start) == "#!", nil
}
