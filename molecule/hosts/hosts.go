// Package hosts starts throwaway hosts, which are containers, and runs programs on this machine and on them. It serves the programs of the
// folder molecule and, like them, is used from the project's folder.
package hosts

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// A Host is a container that is reached at an address of its own.
type Host struct{ Name, Address string }

// Image makes an image where it is missing, and tells its tag. molecule/images/build lists suites and kinds.
func Image(ctx context.Context, suite, kind string) (string, error) {
	return Run(ctx, nil, "molecule/images/build", suite, kind)
}

// Start starts a host in the place of one that an earlier run may have left. It boots systemd, or runs the command instead. Also one that
// did not start has to be stopped.
func Start(ctx context.Context, name, image string, instead ...string) (Host, error) {
	h := Host{Name: name}
	if err := h.Stop(); err != nil {
		return h, err
	}
	if _, err := Run(ctx, nil, "molecule/scripts/host", append([]string{"start", name, image}, instead...)...); err != nil {
		return h, err
	}
	return h, h.locate(ctx)
}

func (h *Host) locate(ctx context.Context) error {
	var err error
	h.Address, err = Run(ctx, nil, "docker", "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", h.Name)
	return err
}

// Shutdown ends the host as a real one is shut down, and keeps it.
func (h Host) Shutdown(ctx context.Context) error {
	_, err := Run(ctx, nil, "docker", "stop", h.Name)
	return err
}

// Boot starts a host again that was shut down. Its address may be another one then.
func (h *Host) Boot(ctx context.Context) error {
	if _, err := Run(ctx, nil, "docker", "start", h.Name); err != nil {
		return err
	}
	return h.locate(ctx)
}

// StartSSH starts a host that runs sshd and nothing else, open for root with the key.
func StartSSH(ctx context.Context, name, image, publicKey string) (Host, error) {
	h, err := Start(ctx, name, image, "/bin/sh", "-c",
		`umask 077; mkdir -p /run/sshd /root/.ssh && echo "$0" >/root/.ssh/authorized_keys && exec /usr/sbin/sshd -D`, publicKey)
	if err != nil {
		return h, err
	}
	return h, h.awaitSSH(ctx)
}

func (h Host) awaitSSH(ctx context.Context) error {
	var err error
	for range 100 {
		var connection net.Conn
		if connection, err = net.DialTimeout("tcp", net.JoinHostPort(h.Address, "22"), time.Second); err == nil {
			return connection.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("sshd of %s does not come up: %w", h.Name, err)
}

// Stop removes the host, if there is one, even after Ctrl-C.
func (h Host) Stop() error {
	_, err := Run(context.Background(), nil, "molecule/scripts/host", "stop", h.Name)
	return err
}

// Run runs a program on the host as root.
func (h Host) Run(ctx context.Context, program string, args ...string) (string, error) {
	return h.RunWith(ctx, nil, program, args...)
}

// RunWith is Run with standard input.
func (h Host) RunWith(ctx context.Context, stdin io.Reader, program string, args ...string) (string, error) {
	return Run(ctx, stdin, "docker", append([]string{"exec", "--interactive", h.Name, program}, args...)...)
}

// RunScript runs a file of this machine with the host's sh.
func (h Host) RunScript(ctx context.Context, path string, args ...string) error {
	text, err := os.Open(path)
	if err != nil {
		return err
	}
	defer text.Close()
	_, err = h.RunWith(ctx, text, "sh", append([]string{"-s"}, args...)...)
	return err
}

// Copy copies a file or a folder of this machine; a link counts as what it leads to.
func (h Host) Copy(ctx context.Context, from, to string) error {
	_, err := Run(ctx, nil, "docker", "cp", "--follow-link", from, h.Name+":"+to)
	return err
}

// Deploy deploys the application of molecule/app to /opt/demo.
func (h Host) Deploy(ctx context.Context) error {
	if err := h.Copy(ctx, "molecule/app/.", "/usr/local/src/demo"); err != nil {
		return err
	}
	if err := h.Copy(ctx, "molecule/scripts/install", "/usr/local/src/install"); err != nil {
		return err
	}
	_, err := h.Run(ctx, "/usr/local/src/install")
	return err
}

// NewKey makes a pair of ssh keys, the private one in the file, and returns the public one.
func NewKey(ctx context.Context, file string) (string, error) {
	if _, err := Run(ctx, nil, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file); err != nil {
		return "", err
	}
	public, err := os.ReadFile(file + ".pub")
	return strings.TrimSpace(string(public)), err
}
