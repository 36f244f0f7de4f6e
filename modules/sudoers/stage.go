package sudoers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// ErrNoStage says that the kernel does not let this process try a policy out of everybody's sight, as in most containers.
var ErrNoStage = errors.New("no mount namespace of our own can be had here")

// Stage is this host with another file in Dir, seen by one function and the programs that it starts.
type Stage struct{ replaced map[string]bool }

// OnStage runs f where the file name has that text and the rest of Dir is as it is. Nobody else sees it and nothing of it stays: it lives
// in a mount namespace of one thread (unshare(2)), which ends with f. When there can be none, the error is ErrNoStage.
func OnStage(name FileName, text string, f func(*Stage) error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its namespace
		defer func() {
			if r := recover(); r != nil { // else the process would end without an answer
				done <- fmt.Errorf("bug: %v", r)
			}
		}()
		err := setStage(name, text)
		if err == nil {
			err = f(&Stage{replaced: map[string]bool{}})
		}
		done <- err
	}()
	return <-done
}

func setStage(name FileName, text string) error {
	if err := ownNamespace(); err != nil {
		return fmt.Errorf("%w: %w", ErrNoStage, err)
	}
	files, err := readDir(Dir)
	if err != nil {
		return err
	}
	if err := mountEmpty(Dir); err != nil {
		return fmt.Errorf("%w: %w", ErrNoStage, err)
	}
	for _, f := range files {
		if f.name == name.String() {
			continue
		}
		if err := f.write(Dir); err != nil {
			return err
		}
	}
	return staged{name: name.String(), mode: 0o440, content: []byte(text)}.write(Dir)
}

// replace lays file over what program leads to.
func (s *Stage) replace(program, file string) error {
	target, err := filepath.EvalSymlinks(program)
	if err != nil || s.replaced[target] {
		return err
	}
	if err := mountOver(target, file); err != nil {
		return fmt.Errorf("laying a harmless program over %s for a trial: %w", target, err)
	}
	s.replaced[target] = true
	return nil
}

// staged is an entry of a folder: what sudo looks at before it reads it, and what it then reads.
type staged struct {
	name     string
	mode     fs.FileMode
	uid, gid int
	content  []byte // of a link, where it leads
}

// readDir returns the entries of a folder, and first the folder itself, as ".".
func readDir(dir string) ([]staged, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := []string{"."}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	var all []staged
	for _, name := range names {
		s, err := readStaged(dir, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // somebody's temporary file
		}
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func readStaged(dir, name string) (staged, error) {
	path := filepath.Join(dir, name)
	info, err := os.Lstat(path)
	if err != nil {
		return staged{}, err
	}
	owner := info.Sys().(*syscall.Stat_t)
	s := staged{name: name, mode: info.Mode(), uid: int(owner.Uid), gid: int(owner.Gid)}
	switch {
	case s.mode.IsRegular():
		s.content, err = os.ReadFile(path)
	case s.mode&fs.ModeSymlink != 0:
		var target string
		target, err = os.Readlink(path)
		s.content = []byte(target)
	}
	return s, err
}

// write makes the entry with its owner and mode. Sockets and the like are left out: sudo takes no notice of them.
func (s staged) write(dir string) error {
	path := filepath.Join(dir, s.name)
	var err error
	switch {
	case s.name == ".":
	case s.mode.IsRegular():
		err = os.WriteFile(path, s.content, 0o600)
	case s.mode.IsDir():
		err = os.Mkdir(path, 0o700)
	case s.mode&fs.ModeSymlink != 0:
		return os.Symlink(string(s.content), path)
	default:
		return nil
	}
	if err == nil {
		err = os.Lchown(path, s.uid, s.gid)
	}
	if err == nil {
		err = os.Chmod(path, s.mode)
	}
	return err
}
