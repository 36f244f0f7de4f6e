package lab

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// Suites are the Debian suites of molecule/images/build.
var Suites = []string{"bullseye", "bookworm", "trixie"}

// A Host is a container.
type Host struct{ Name, Address string }

// Image builds an image if it does not exist, and returns its tag. molecule/images/build lists the suites and kinds.
func Image(ctx context.Context, suite, kind string) (string, error) {
	return Run(ctx, nil, "molecule/images/build", suite, kind)
}

// Start starts a host that boots systemd, or runs the command instead. It replaces a host of that name.
func (l *Lab) Start(ctx context.Context, name, suite, kind string, command ...string) (Host, error) {
	image, err := Image(ctx, suite, kind)
	if err != nil {
		return Host{}, err
	}
	return l.StartImage(ctx, name, image, command...)
}

// StartImage is Start with the tag of an image.
func (l *Lab) StartImage(ctx context.Context, name, image string, command ...string) (Host, error) {
	h := Host{Name: l.name + "-" + name}
	if err := h.stop(); err != nil {
		return h, err
	}
	l.add(h) // also one that does not start must be removed
	if _, err := Run(ctx, nil, "molecule/scripts/host", append([]string{"start", h.Name, image}, command...)...); err != nil {
		return h, err
	}
	var err error
	h.Address, err = Run(ctx, nil, "docker", "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", h.Name)
	return h, err
}

// StartSSH starts a host that runs only sshd; root can log in with the lab's key.
func (l *Lab) StartSSH(ctx context.Context, name, image string) (Host, error) {
	h, err := l.StartImage(ctx, name, image, "/bin/sh", "-c",
		`umask 077; mkdir -p /run/sshd /root/.ssh && echo "$0" >/root/.ssh/authorized_keys && exec /usr/sbin/sshd -D`, l.PublicKey)
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
	return fmt.Errorf("sshd of %s does not start: %w", h.Name, err)
}

// stop removes the host, also if the context is done.
func (h Host) stop() error {
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

// RunScript runs a local script on the host.
func (h Host) RunScript(ctx context.Context, path string, args ...string) error {
	text, err := os.Open(path)
	if err != nil {
		return err
	}
	defer text.Close()
	_, err = h.RunWith(ctx, text, "sh", append([]string{"-s"}, args...)...)
	return err
}

// Copy copies a local file or directory to the host, and follows a link.
func (h Host) Copy(ctx context.Context, from, to string) error {
	_, err := Run(ctx, nil, "docker", "cp", "--follow-link", from, h.Name+":"+to)
	return err
}

// Deploy deploys the application of molecule/app to /opt/demo.
func (h Host) Deploy(ctx context.Context) error {
	_, err := Run(ctx, nil, "molecule/scripts/host", "deploy", h.Name)
	return err
}

// Build compiles a program of the project for the host.
func (l *Lab) Build(ctx context.Context, pkg string) (path string, err error) {
	path = l.Path(pkg[strings.LastIndex(pkg, "/")+1:])
	cmd := Command(ctx, "go", "build", "-o", path, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w: %s", pkg, err, out)
	}
	return path, nil
}
