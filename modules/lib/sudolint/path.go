package sudolint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// trail is what walk met.
type trail struct {
	target   fs.FileInfo // nil: nothing is there
	end      string      // the path of target, without symbolic links
	paths    []string    // that of the file itself: each link of the chain, and the end
	open     string      // the first place that users other than root can change, and why
	openFile bool        // it is the file itself
	openEnd  bool        // it is target
}

const maxLinks = 40 // as the kernel has it (path_resolution(7))

// OnWay returns the first directory or link on the way to a path that users other than root can change, and why, else "". If end is set,
// what the path leads to counts, too. root is the root directory of the host.
func OnWay(root, path string, end bool) (string, error) {
	t, err := walk(root, path)
	if err != nil || t.openEnd && !end {
		return "", err
	}
	return t.open, nil
}

// walk follows the path part by part and each link on the way. Each directory counts, since who may write there may rename what is in it.
func walk(root, path string) (trail, error) {
	var t trail
	at, rest := root, parts(path)
	info, err := os.Lstat(at)
	if err == nil {
		err = t.visit(at, info)
	}
	if err != nil {
		return t, err
	}
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		if part == ".." {
			if at != root {
				at = filepath.Dir(at)
			}
			continue
		}
		next := filepath.Join(at, part)
		info, err = os.Lstat(next)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG) {
			t.target = nil
			return t, nil
		}
		if err == nil {
			wasOpen := t.open != ""
			err = t.visit(next, info)
			t.openEnd = t.openEnd || !wasOpen && t.open != "" && len(rest) == 0 && info.Mode()&fs.ModeSymlink == 0
		}
		if err != nil {
			return t, err
		}
		if len(rest) == 0 {
			t.paths = append(t.paths, next)
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > maxLinks {
			t.target = nil
			return t, nil
		}
		leadsTo, err := os.Readlink(next)
		if err != nil {
			return t, err
		}
		if filepath.IsAbs(leadsTo) {
			at = root
		}
		rest = append(parts(leadsTo), rest...)
	}
	t.end = at
	return t, nil
}

// parts are the names in a path; `..` stays, since what it means depends on links.
func parts(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(part string) bool { return part == "" || part == "." })
}

// visit notes the first place that users other than root can write to.
func (t *trail) visit(path string, info fs.FileInfo) (err error) {
	t.target = info
	if t.open == "" {
		t.open, err = writers(path, info)
		t.openFile = t.open != "" && info.Mode().IsRegular()
	}
	return err
}
