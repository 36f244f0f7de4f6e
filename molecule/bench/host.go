package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// prefix is the beginning of the names of all containers.
const prefix = "bench-"

// host is a container that is reached by ssh.
type host struct {
	name, address string
	port          int
}

// lab is what all parts need: a folder, a key, and how ssh is called. Everything in it is gone after close.
type lab struct {
	project, dir string
	mutex        sync.Mutex
	hosts        []host // all that were started
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
	_, err = run(ctx, nil, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", l.key())
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

func (l *lab) image(ctx context.Context, kind string) (string, error) {
	return run(ctx, nil, l.ours("molecule/images/build"), "trixie", kind)
}

// start starts a container, in which COMMAND takes the place of systemd, and lets the key in.
func (l *lab) start(ctx context.Context, name, image string, command ...string) (host, error) {
	h := host{name: prefix + name, port: 22}
	l.mutex.Lock()
	l.hosts = append(l.hosts, h)
	l.mutex.Unlock()
	if _, err := run(ctx, nil, l.ours("molecule/host"), append([]string{"start", h.name, image}, command...)...); err != nil {
		return h, err
	}
	address, err := run(ctx, nil, "docker", "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", h.name)
	if err != nil {
		return h, err
	}
	h.address = address
	return h, l.letIn(ctx, h)
}

func (l *lab) letIn(ctx context.Context, h host) error {
	key, err := os.Open(l.key() + ".pub")
	if err != nil {
		return err
	}
	defer key.Close()
	return h.exec(ctx, key, `umask 077
		mkdir -p /root/.ssh /home/ubuntu/.ssh
		tee /root/.ssh/authorized_keys >/home/ubuntu/.ssh/authorized_keys
		chown -R ubuntu: /home/ubuntu/.ssh`)
}

// exec runs a script as root in the container.
func (h host) exec(ctx context.Context, stdin io.Reader, script string) error {
	_, err := h.ask(ctx, stdin, script)
	return err
}

func (h host) ask(ctx context.Context, stdin io.Reader, script string) (string, error) {
	return run(ctx, stdin, "docker", "exec", "--interactive", h.name, "sh", "-euc", script)
}

// deploy brings the application, as the demo does.
func (l *lab) deploy(ctx context.Context, h host) error {
	for from, to := range map[string]string{"molecule/app/.": "demo", "molecule/install": "install"} {
		if _, err := run(ctx, nil, "docker", "cp", l.ours(from), h.name+":/usr/local/src/"+to); err != nil {
			return err
		}
	}
	return h.exec(ctx, nil, "/usr/local/src/install")
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
		_, err := run(ctx, nil, "ssh", "-F", "none", "-o", "ControlPath="+socket, "-O", "exit", "host")
		try(err)
	}
	for _, h := range l.hosts {
		_, err := run(ctx, nil, l.ours("molecule/host"), "stop", h.name)
		try(err)
	}
	try(os.RemoveAll(l.dir))
	if len(failed) > 0 {
		return fmt.Errorf("not all was cleaned up: %s", strings.Join(failed, "; "))
	}
	return nil
}
