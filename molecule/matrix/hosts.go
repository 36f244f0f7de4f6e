package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

type host struct{ name, suite, ip string }

// command runs a program in the project's folder and returns its standard output, without the last newline.
func command(ctx context.Context, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	var out, problems strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, strings.TrimSpace(problems.String()))
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// commands runs them one after the other.
func commands(ctx context.Context, all ...[]string) error {
	for _, one := range all {
		if _, err := command(ctx, one[0], one[1:]...); err != nil {
			return err
		}
	}
	return nil
}

func (h host) run(ctx context.Context, program string, args ...string) (string, error) {
	return command(ctx, "docker", append([]string{"exec", h.name, program}, args...)...)
}

// startHost starts a container from an image of the project. With a command that runs instead of systemd.
func startHost(ctx context.Context, name, image string, instead ...string) (host, error) {
	h := host{name: name}
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

// startTarget starts a host without Python, with an application deployed and all ways open.
func startTarget(ctx context.Context, suite, publicKey string) (host, error) {
	image, err := command(ctx, "molecule/images/build", suite, "ssh")
	if err != nil {
		return host{}, err
	}
	h, err := startHost(ctx, "matrix-"+suite, image)
	h.suite = suite
	if err != nil {
		return h, err
	}
	return h, commands(ctx,
		[]string{"docker", "cp", "molecule/app/.", h.name + ":/usr/local/src/demo"},
		[]string{"docker", "cp", "molecule/install", h.name + ":/usr/local/src/"},
		[]string{"docker", "exec", h.name, "/usr/local/src/install"},
		[]string{"docker", "cp", "molecule/matrix/prepare", h.name + ":/usr/local/src/"},
		[]string{"docker", "cp", "molecule/matrix/reset", h.name + ":/usr/local/src/"},
		[]string{"docker", "exec", h.name, "/usr/local/src/prepare", publicKey},
	)
}

// reset puts a target back to what it was when it was started.
func (h host) reset(ctx context.Context) error {
	args := []string{}
	for _, w := range ways {
		args = append(args, w.name+":"+w.user)
	}
	_, err := h.run(ctx, "/usr/local/src/reset", args...)
	return err
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
