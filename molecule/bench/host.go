package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
)

// prefix is the beginning of the names of all containers.
const prefix = "bench-"

// host is a container that is reached by ssh.
type host struct {
	hosts.Host
	port int
}

func (h host) String() string { return fmt.Sprintf("%s:%d", h.Address, h.port) }

// lab is what all parts need: a folder, a key, and how ssh is called. Everything in it is gone after close.
type lab struct {
	project, dir string
	publicKey    string
	mutex        sync.Mutex
	started      []hosts.Host
}

func newLab(ctx context.Context, project string) (*lab, error) {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return nil, err
	}
	l := &lab{project: project, dir: dir}
	if err := os.Mkdir(l.sockets(), 0o700); err != nil {
		return nil, err
	}
	l.publicKey, err = hosts.NewKey(ctx, l.key())
	return l, err
}

func (l *lab) key() string               { return filepath.Join(l.dir, "key") }
func (l *lab) sockets() string           { return filepath.Join(l.dir, "cp") }
func (l *lab) ours(path string) string   { return filepath.Join(l.project, path) }
func (l *lab) beside(path string) string { return filepath.Join(l.project, "molecule/bench", path) }

// sshArguments are Ansible's own, and where the open connection lies; nothing of this machine's or the user's configuration.
func (l *lab) sshArguments() []string {
	arguments := []string{"-F", "none", "-C", "-i", l.key()}
	for _, option := range []string{
		"ControlMaster=auto", "ControlPersist=10m", "ControlPath=" + l.sockets() + "/%C",
		"StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "IdentitiesOnly=yes",
	} {
		arguments = append(arguments, "-o", option)
	}
	return arguments
}

// start starts the host that all but the many hosts are measured on, with the application, and lets the key in.
func (l *lab) start(ctx context.Context) (host, error) {
	image, err := hosts.Image(ctx, "trixie", "python")
	if err != nil {
		return host{}, err
	}
	h, err := hosts.Start(ctx, prefix+"target", image)
	l.keep(h)
	if err != nil {
		return host{}, err
	}
	if err := h.Deploy(ctx); err != nil {
		return host{}, err
	}
	_, err = h.RunWith(ctx, strings.NewReader(l.publicKey), "sh", "-euc", `umask 077
		mkdir -p /root/.ssh /home/ubuntu/.ssh
		tee /root/.ssh/authorized_keys >/home/ubuntu/.ssh/authorized_keys
		chown -R ubuntu: /home/ubuntu/.ssh`)
	return host{h, 22}, err
}

// keep remembers a host, which close stops.
func (l *lab) keep(h hosts.Host) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.started = append(l.started, h)
}

// close ends the connections, the containers and the folder. It goes on when one of these fails.
func (l *lab) close() error {
	ctx, failed := context.Background(), []string{}
	try := func(err error) {
		if err != nil {
			failed = append(failed, err.Error())
		}
	}
	sockets, err := filepath.Glob(l.sockets() + "/*")
	try(err)
	for _, socket := range sockets {
		_, err := hosts.Run(ctx, nil, "ssh", "-F", "none", "-o", "ControlPath="+socket, "-O", "exit", "host")
		try(err)
	}
	for _, h := range l.started {
		try(h.Stop())
	}
	try(os.RemoveAll(l.dir))
	if len(failed) > 0 {
		return fmt.Errorf("not all was cleaned up: %s", strings.Join(failed, "; "))
	}
	return nil
}
