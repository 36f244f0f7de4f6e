package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
)

// scenarios are molecule's: each a small story of its own.
var scenarios = []string{"default", "refusal", "processes", "takeover", "postgres", "two_apps"}

func tellScenarios(ctx context.Context, n *narrator, o options) error {
	return n.chapters(ctx, []chapter{{"The scenarios of molecule, on Debian " + o.suite, func(ctx context.Context) error {
		for _, name := range scenarios {
			if err := test(ctx, n, name, o.suite); err != nil {
				return err
			}
		}
		return ubuntu1804(ctx, n)
	}}})
}

func test(ctx context.Context, n *narrator, name, suite string) error {
	began := time.Now()
	if _, err := hosts.Run(ctx, nil, "env", "MOLECULE_SUITE="+suite, "molecule", "--base-config", "molecule/base.yml", "test", "--scenario-name", name); err != nil {
		return err
	}
	n.saw(name, "ok, %s", short(time.Since(began)))
	return nil
}

// ubuntu1804 runs where its image is, or can be pulled.
func ubuntu1804(ctx context.Context, n *narrator) error {
	image := os.Getenv("SIDEKIQ_UBUNTU1804_IMAGE")
	if image == "" {
		image = "ubuntu:18.04"
	}
	if _, err := hosts.Run(ctx, nil, "docker", "image", "inspect", image); err != nil {
		if _, err := hosts.Run(ctx, nil, "docker", "pull", "--quiet", image); err != nil {
			n.saw("ubuntu1804", "not run: %s", hosts.LastLine(err))
			return nil
		}
	}
	if err := test(ctx, n, "ubuntu1804", ""); err != nil {
		return fmt.Errorf("image %s: %w", image, err)
	}
	return nil
}
