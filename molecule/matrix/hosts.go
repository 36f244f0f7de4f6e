package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
)

// A host is a container; title is what the table calls it.
type host struct {
	hosts.Host
	title string
}

// startTarget starts a host without Python, with an application deployed and all ways open.
func startTarget(ctx context.Context, suite, publicKey string) (host, error) {
	h := host{title: suite}
	image, err := hosts.Image(ctx, suite, "ssh")
	if err != nil {
		return h, err
	}
	if h.Host, err = hosts.Start(ctx, "matrix-"+suite, image); err != nil {
		return h, err
	}
	if err := h.Deploy(ctx); err != nil {
		return h, err
	}
	return h, h.RunScript(ctx, "molecule/matrix/prepare", publicKey)
}

// reset puts the host back to what it was when it was started.
func (h host) reset(ctx context.Context, on []way) error {
	args := []string{}
	for _, w := range on {
		args = append(args, w.name+":"+w.user)
	}
	return h.RunScript(ctx, "molecule/matrix/reset", args...)
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
	publicKey, err = hosts.NewKey(ctx, filepath.Join(dir, "key"))
	return dir, publicKey, err
}
