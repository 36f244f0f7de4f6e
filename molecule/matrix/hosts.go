package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A host is a container; title is what the table calls it.
type host struct{ name, title, ip string }

// command runs a program in the project's folder and returns its standard output, without the last newline.
func command(ctx context.Context, program string, args ...string) (string, error) {
	return commandWith(ctx, nil, program, args...)
}

func commandWith(ctx context.Context, input io.Reader, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	var out, problems strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = input, &out, &problems
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, strings.TrimSpace(problems.String()))
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

func (h host) run(ctx context.Context, program string, args ...string) (string, error) {
	return command(ctx, "docker", append([]string{"exec", h.name, program}, args...)...)
}

// startHost starts a container from an image of the project. With a command that runs instead of systemd.
func startHost(ctx context.Context, name, title, image string, instead ...string) (host, error) {
	h := host{name: name, title: title}
	if err := h.stop(); err != nil {
		return h, err
	}
	if _, err := command(ctx, "molecule/host", append([]string{"start", name, image}, instead...)...); err != nil {
		return h, err
	}
	var err error
	h.ip, err = command(ctx, "docker", "inspect", "--format", "{{.NetworkSettings.IPAddress}}", name)
	return h, err
}

// stop does so even after Ctrl-C.
func (h host) stop() error {
	_, err := command(context.Background(), "molecule/host", "stop", h.name)
	return err
}

// script runs a script of this folder on the host.
func (h host) script(ctx context.Context, name string, args ...string) error {
	text, err := os.Open(filepath.Join("molecule/matrix", name))
	if err != nil {
		return err
	}
	defer text.Close()
	_, err = commandWith(ctx, text, "docker", append([]string{"exec", "--interactive", h.name, "sh", "-s"}, args...)...)
	return err
}

// startTarget starts a host without Python, with an application deployed and all ways open.
func startTarget(ctx context.Context, suite, publicKey string) (host, error) {
	image, err := command(ctx, "molecule/images/build", suite, "ssh")
	if err != nil {
		return host{}, err
	}
	h, err := startHost(ctx, "matrix-"+suite, suite, image)
	if err != nil {
		return h, err
	}
	for _, one := range [][]string{
		{"cp", "molecule/app/.", h.name + ":/usr/local/src/demo"},
		{"cp", "molecule/install", h.name + ":/usr/local/src/"},
		{"exec", h.name, "/usr/local/src/install"},
	} {
		if _, err := command(ctx, "docker", one...); err != nil {
			return h, err
		}
	}
	return h, h.script(ctx, "prepare", publicKey)
}

// startSmall starts a container that runs nothing but sshd, open for root.
func startSmall(ctx context.Context, name, title, image, publicKey string) (host, error) {
	h, err := startHost(ctx, name, title, image, "/bin/sh", "-c",
		`mkdir -p /run/sshd /root/.ssh && echo "$0" >/root/.ssh/authorized_keys && exec /usr/sbin/sshd -D`, publicKey)
	if err != nil {
		return h, err
	}
	return h, h.awaitSSH(ctx)
}

func (h host) awaitSSH(ctx context.Context) error {
	var err error
	for range 100 {
		var connection net.Conn
		if connection, err = net.DialTimeout("tcp", net.JoinHostPort(h.ip, "22"), time.Second); err == nil {
			return connection.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("sshd of %s does not come up: %w", h.name, err)
}

// reset puts the host back to what it was when it was started.
func (h host) reset(ctx context.Context, on []way) error {
	args := []string{}
	for _, w := range on {
		args = append(args, w.name+":"+w.user)
	}
	return h.script(ctx, "reset", args...)
}

// newScratch makes the folder that controllers work in, and returns the public key that opens the hosts.
func newScratch(ctx context.Context) (dir, publicKey string, err error) {
	if dir, err = os.MkdirTemp("", "matrix"); err != nil {
		return "", "", err
	}
	collections := filepath.Join(dir, "collections/ansible_collections/community")
	for _, folder := range []string{collections, filepath.Join(dir, "logs")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return dir, "", err
		}
	}
	// The cores have no collections; the docker connection is in one.
	docker, err := filepath.Glob(".venv/lib/python3*/site-packages/ansible_collections/community/docker")
	if err != nil || len(docker) != 1 {
		return dir, "", fmt.Errorf("community.docker was found %d times in .venv; hint: molecule/setup venv", len(docker))
	}
	if docker[0], err = filepath.Abs(docker[0]); err != nil {
		return dir, "", err
	}
	if err := os.Symlink(docker[0], filepath.Join(collections, "docker")); err != nil {
		return dir, "", err
	}
	key := filepath.Join(dir, "key")
	if _, err := command(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key); err != nil {
		return dir, "", err
	}
	text, err := os.ReadFile(key + ".pub")
	return dir, strings.TrimSpace(string(text)), err
}
