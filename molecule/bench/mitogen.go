package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/apenella/go-ansible/v2/pkg/playbook"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
)

// mitogen installs Mitogen into a folder of its own, beside the Ansible that all others run with, and tells with an empty play
// whether it works there. The version is part of the answer.
func (l *lab) mitogen(ctx context.Context, h host) (string, map[string]string, error) {
	ansible, err := exec.LookPath(playbook.DefaultAnsiblePlaybookBinary)
	if err != nil {
		return "", nil, err
	}
	python, folder := filepath.Join(filepath.Dir(ansible), "python3"), filepath.Join(l.dir, "mitogen")
	if _, err := hosts.Run(ctx, nil, python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target", folder,
		"--requirement", l.beside("requirements.txt")); err != nil {
		return "", nil, err
	}
	env := map[string]string{
		"PYTHONPATH":               folder,
		"ANSIBLE_STRATEGY":         "mitogen_linear",
		"ANSIBLE_STRATEGY_PLUGINS": filepath.Join(folder, "ansible_mitogen/plugins/strategy"),
	}
	version, err := hosts.Run(ctx, nil, "env", "PYTHONPATH="+folder, python, "-c",
		"import mitogen; print('.'.join(map(str, mitogen.__version__)))")
	if err != nil {
		return "", nil, err
	}
	if _, err := l.play(ctx, play{playbook: l.beside("empty.yml"), hosts: []host{h}, user: "ubuntu", env: env}); err != nil {
		return version, nil, fmt.Errorf("with version %s: %w", version, err)
	}
	return version, env, nil
}
