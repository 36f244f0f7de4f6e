package main

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
)

// A core is a version of ansible-core and the Pythons that it runs on, the preferred one first.
type core struct {
	version string
	pythons []string
}

// cores: the last of each minor version since the first that the project supports, but for 2.15, and the next one.
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

func versions(of []core) []string {
	all := []string{}
	for _, c := range of {
		all = append(all, c.version)
	}
	return all
}

// A notRun says why something could not be tried on this machine, which is no failure.
type notRun struct{ why string }

func (n notRun) Error() string { return "not run: " + n.why }

// impossible is the exit status by which scripts say so, in the last line of their standard error.
const impossible = 3

// orNotRun makes such an exit status a notRun.
func orNotRun(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != impossible {
		return err
	}
	line := hosts.LastLine(err)
	return notRun{line[strings.LastIndex(line, ": ")+2:]}
}

// prepare makes the core's virtual environment and tells its Python.
func (c core) prepare(ctx context.Context) (string, error) {
	if _, err := hosts.Run(ctx, nil, "molecule/setup", append([]string{"core", c.version}, c.pythons...)...); err != nil {
		return "", orNotRun(err)
	}
	version, err := hosts.Run(ctx, nil, c.program("python"), "--version")
	return strings.TrimPrefix(version, "Python "), err
}

func (c core) program(name string) string {
	return filepath.Join(".venv/cores", c.version, "bin", name)
}

// hasParamiko: newer cores have no such connection.
func (c core) hasParamiko() bool {
	found, err := filepath.Glob(filepath.Join(".venv/cores", c.version, "lib/python3*/site-packages/ansible/plugins/connection/paramiko_ssh.py"))
	return err == nil && len(found) == 1
}

// isEnd is true for the oldest and the newest.
func (c core) isEnd() bool {
	return c.version == cores[0].version || c.version == cores[len(cores)-1].version
}
