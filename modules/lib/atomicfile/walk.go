package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// location is where a path leads: a name in a directory.
type location struct {
	dir    directory
	name   string
	path   string // of the file, or of the missing target of a link
	links  Links
	linked bool    // the path itself is a link, which was followed
	makers []maker // of the links that were followed, with FollowOwn
}

// locate opens the directory of a path. Each directory and each link is opened by its name in the directory before, so that all that is checked
// is what is used: whoever owns a directory on the way can put a link in its place at any moment. Links to directories are always followed.
func locate(path string, links Links) (location, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return location{}, err
	}
	root, err := openRoot()
	if err != nil {
		return location{}, err
	}
	w := walk{links: links, dir: root, rest: elements(absolute)}
	if err := w.run(path); err != nil {
		return location{path: w.path(), linked: w.linked}, errors.Join(err, w.dir.Close())
	}
	return location{w.dir, w.rest[0], w.path(), links, w.linked, w.makers}, nil
}

// elements are the names in a path.
func elements(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(name string) bool { return name == "" || name == "." })
}

// walk is a path that is followed.
type walk struct {
	links  Links
	dir    directory
	rest   []string // the names that follow in dir
	linked bool
	makers []maker
}

// mostLinks is that of the kernel (path_resolution(7)).
const mostLinks = 40

// path returns the resolved part plus the rest. The rest may contain "..": the directory before it may not exist.
func (w *walk) path() string {
	return strings.TrimSuffix(w.dir.path, "/") + "/" + strings.Join(w.rest, "/")
}

// next returns the path of the directory or link that is opened next.
func (w *walk) next() string { return filepath.Join(w.dir.path, w.rest[0]) }

// run goes on until the file of the path is next.
func (w *walk) run(path string) error {
	for links := 0; ; {
		if len(w.rest) == 0 || len(w.rest) == 1 && w.rest[0] == ".." {
			return checkRegular(path, unix.S_IFDIR)
		}
		isLast := len(w.rest) == 1
		if isLast && w.links == Refuse {
			return nil
		}
		link, err := w.dir.readLink(w.rest[0])
		switch {
		case isLast && (errors.Is(err, fs.ErrNotExist) || err == nil && link == nil):
			return nil
		case err != nil:
			return err
		case link == nil:
			err = w.enter()
		case links == mostLinks:
			return fmt.Errorf("%q: too many symbolic links, the last is %q; hint: remove the link that leads back to itself (namei %s shows all)", path, w.next(), path)
		default:
			links++
			err = w.follow(link)
		}
		if errors.Is(err, unix.ENOTDIR) {
			return fmt.Errorf("%q is not a directory; hint: correct the path %q", w.next(), path)
		}
		if err != nil {
			return err
		}
	}
}

// enter opens the next directory.
func (w *walk) enter() error {
	next, err := w.dir.enter(w.rest[0])
	if err != nil {
		return err
	}
	w.rest = w.rest[1:]
	return w.move(next)
}

// move goes on in another directory.
func (w *walk) move(dir directory) error {
	err := w.dir.Close()
	w.dir = dir
	if err != nil {
		return err
	}
	return w.checkSearch()
}

// checkSearch: whoever made a link that led here must be able to come here.
func (w *walk) checkSearch() error {
	for _, m := range w.makers {
		may, err := m.may(w.dir.File, maySearch)
		if err == nil && !may {
			err = m.foreign(w.path())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// link is a symbolic link.
type link struct {
	target string
	owner  uint32
}

// follow puts the target of a link in its place.
func (w *walk) follow(l *link) error {
	if w.links == FollowOwn && l.owner != 0 && l.owner != uint32(os.Geteuid()) {
		w.makers = append(w.makers, newMaker(l.owner, w.next()))
	}
	w.linked = w.linked || len(w.rest) == 1
	w.rest = append(elements(l.target), w.rest[1:]...)
	if !filepath.IsAbs(l.target) {
		return w.checkSearch()
	}
	root, err := openRoot()
	if err != nil {
		return err
	}
	return w.move(root)
}

func openRoot() (directory, error) {
	root, err := os.Open("/")
	return directory{root, "/"}, err
}
