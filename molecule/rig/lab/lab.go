// Package lab starts throwaway hosts, runs Ansible on them, and writes results into documents. Programs that use it
// run in the project's directory.
package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// A Lab has a scratch directory with a pair of ssh keys, and hosts.
type Lab struct {
	PublicKey string
	name      string
	dir       string
	keep      bool
	mutex     sync.Mutex
	hosts     []Host
}

// New creates a Lab. The names of its hosts begin with its name. If keep is set, Close keeps the hosts and the
// directory.
func New(ctx context.Context, name string, keep bool) (*Lab, error) {
	dir, err := os.MkdirTemp("", name)
	if err != nil {
		return nil, err
	}
	l := &Lab{name: name, dir: dir, keep: keep}
	if err := l.createKey(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return l, nil
}

func (l *Lab) createKey(ctx context.Context) error {
	if _, err := Run(ctx, nil, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", l.Key()); err != nil {
		return err
	}
	public, err := os.ReadFile(l.Key() + ".pub")
	l.PublicKey = strings.TrimSpace(string(public))
	return err
}

// Path returns a path in the scratch directory.
func (l *Lab) Path(elements ...string) string {
	return filepath.Join(append([]string{l.dir}, elements...)...)
}

// Key returns the path of the private key.
func (l *Lab) Key() string { return l.Path("key") }

// Keep makes Close keep the hosts and the directory.
func (l *Lab) Keep() { l.keep = true }

func (l *Lab) add(h Host) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.hosts = append(l.hosts, h)
}

// Say reports progress on standard error.
func (l *Lab) Say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, l.name+": "+format+"\n", args...)
}

// Close stops the hosts and removes the directory.
func (l *Lab) Close() error {
	if l.keep {
		l.Say("kept: %s and %d hosts; hint: molecule/scripts/host stop NAME", l.dir, len(l.hosts))
		return nil
	}
	var errs []error
	for _, h := range l.hosts {
		errs = append(errs, h.stop())
	}
	return errors.Join(append(errs, os.RemoveAll(l.dir))...)
}

// Vars are Ansible variables.
type Vars = map[string]any

// WriteInventory writes an inventory with the variables of each host, and returns its path.
func (l *Lab) WriteInventory(name string, hosts map[string]Vars) (string, error) {
	text, err := json.MarshalIndent(Vars{"all": Vars{"hosts": hosts}}, "", "  ")
	if err != nil {
		return "", err
	}
	path := l.Path(name + ".json")
	return path, os.WriteFile(path, text, 0o600)
}
