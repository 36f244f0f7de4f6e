// Package accounts asks the host about its users and groups. The promise: an account counts when the host's programs know it, so one
// of a directory service does, too. It is getent(1) that is asked, since a static binary cannot load the host's name services.
// All functions may be called concurrently.
package accounts

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// User is a user of the host.
type User struct {
	Name     string
	UID, GID uint32
	Home     string // "" where the host tells none
}

// Group is a group of the host.
type Group struct {
	Name    string
	GID     uint32
	Members []string // without those whose primary group it is
}

// LookUpUser takes a name or a number. It returns nil and no error when there is none.
func LookUpUser(key string) (*User, error) {
	fields, err := getent("passwd", key, 4)
	if err != nil || fields == nil {
		return nil, err
	}
	uid, err := number(fields[2])
	if err != nil {
		return nil, err
	}
	gid, err := number(fields[3])
	u := &User{Name: fields[0], UID: uid, GID: gid}
	if len(fields) > 5 {
		u.Home = fields[5]
	}
	return u, err
}

// LookUpGroup takes a name or a number. It returns nil and no error when there is none.
func LookUpGroup(key string) (*Group, error) {
	fields, err := getent("group", key, 4)
	if err != nil || fields == nil {
		return nil, err
	}
	gid, err := number(fields[2])
	g := &Group{Name: fields[0], GID: gid}
	if fields[3] != "" {
		g.Members = strings.Split(fields[3], ",")
	}
	return g, err
}

// Groups are the numbers of all groups of the user, as a login would have them.
func (u User) Groups() ([]uint32, error) {
	out, err := exec.Command("id", "-G", "--", u.Name).Output()
	if err != nil {
		return nil, fmt.Errorf("asking id for the groups of %q: %w", u.Name, err)
	}
	var all []uint32
	for _, word := range strings.Fields(string(out)) {
		gid, err := number(word)
		if err != nil {
			return nil, err
		}
		all = append(all, gid)
	}
	return all, nil
}

// getent returns the fields of an entry, at least as many as wanted, or nothing where there is none.
func getent(database, key string, wanted int) ([]string, error) {
	out, err := exec.Command("getent", "--", database, key).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 2 { // getent(1), EXIT STATUS: not found
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking up %q with getent %s: %w", key, database, err)
	}
	fields := strings.Split(strings.TrimSuffix(string(out), "\n"), ":")
	if len(fields) < wanted {
		return nil, fmt.Errorf("getent %s answers %q for %q, which is no entry", database, out, key)
	}
	return fields, nil
}

func number(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err
}
