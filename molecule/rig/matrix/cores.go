package matrix

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
)

// A core is a version of ansible-core with the Pythons that it supports, the preferred one first.
type core struct {
	version string
	pythons []string
}

// cores are the last releases of the supported minor versions except 2.15, and the next version.
var cores = []core{
	{"2.14.18", []string{"3.11", "3.10", "3.9"}},
	{"2.16.19", []string{"3.11", "3.12", "3.10"}},
	{"2.17.14", []string{"3.11", "3.12", "3.10"}},
	{"2.18.19", []string{"3.11", "3.12", "3.13"}},
	{"2.19.14", []string{"3.11", "3.12", "3.13"}},
	{"2.20.10", []string{"3.12", "3.13", "3.14"}},
	{"2.21.5", []string{"3.12", "3.13", "3.14"}},
	{"2.22.0rc1", []string{"3.13", "3.14", "3.15"}},
}

func versions() []string {
	all := []string{}
	for _, c := range cores {
		all = append(all, c.version)
	}
	return all
}

// bin returns the directory of its programs.
func (c core) bin() string { return filepath.Join(".venv/cores", c.version, "bin") + "/" }

// install creates the virtual environment, and returns the version of its Python.
func (c core) install(ctx context.Context) (string, error) {
	if _, err := lab.Run(ctx, nil, "molecule/scripts/setup", append([]string{"core", c.version}, c.pythons...)...); err != nil {
		return "", lab.OrNotRun(err)
	}
	version, err := lab.Run(ctx, nil, c.bin()+"python", "--version")
	return strings.TrimPrefix(version, "Python "), err
}

// hasParamiko reports whether the core has the connection paramiko_ssh.
func (c core) hasParamiko() bool {
	found, err := filepath.Glob(filepath.Join(".venv/cores", c.version, "lib/python3*/site-packages/ansible/plugins/connection/paramiko_ssh.py"))
	return err == nil && len(found) == 1
}

// isEnd reports whether the core is the oldest or the newest.
func (c core) isEnd() bool {
	return c.version == cores[0].version || c.version == cores[len(cores)-1].version
}
