package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseScenario(t *testing.T) {
	t.Chdir("../..")
	s, err := parseScenario("default@bullseye")
	require.NoError(t, err)
	require.Equal(t, scenario{"default", "bullseye"}, s)
	for text, message := range map[string]string{
		"defalt":              `scenario "defalt" does not exist; accepted: `,
		"default@":            `suite "" of scenario "default" is not accepted; accepted: bullseye, bookworm, trixie`,
		"default@sid":         `suite "sid" of scenario "default"`,
		"ubuntu1804@bullseye": `suite "bullseye" of scenario "ubuntu1804"`,
	} {
		_, err = parseScenario(text)
		require.ErrorContains(t, err, message)
	}
}

// fake puts a program in PATH before others.
func fake(t *testing.T, program, script string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, program), []byte("#!/bin/sh\n"+script), 0o700))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

func TestRunScenarios_ImageCannotBePulled(t *testing.T) {
	t.Chdir("../..")
	fake(t, "docker", `case $1 in info) ;; *) echo "no such host" >&2; exit 1 ;; esac`)
	run := func() error { return runScenarios(t.Context(), []string{"ubuntu1804"}) }
	t.Setenv("REQUIRE_ORACLES", "")
	require.NoError(t, run())
	t.Setenv("REQUIRE_ORACLES", "1")
	require.EqualError(t, run(), "scenario ubuntu1804: not run: docker pull --quiet ubuntu:18.04: exit status 1: no such host")

	t.Setenv("REQUIRE_ORACLES", "")
	t.Setenv("SIDEKIQ_UBUNTU1804_IMAGE", "ubunto:18.04")
	require.ErrorContains(t, run(), "docker pull --quiet ubunto:18.04")
	fake(t, "docker", "exit 1")
	require.ErrorContains(t, run(), "docker info")
}

func TestRunScenarios_InterruptRemovesHosts(t *testing.T) {
	t.Chdir("../..")
	log := filepath.Join(t.TempDir(), "log")
	fake(t, "molecule", `echo "$MOLECULE_SUITE $*" >>`+log+`; case $* in *test*) sleep 60 ;; esac`)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for _, err := os.Stat(log); err != nil; _, err = os.Stat(log) {
			time.Sleep(10 * time.Millisecond)
		}
		cancel()
	}()
	require.ErrorContains(t, runScenarios(ctx, []string{"sudo@bookworm", "default"}), "scenario sudo@bookworm: signal: terminated")
	text, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Equal(t, "bookworm --base-config molecule/base.yml test --scenario-name sudo\n"+
		"bookworm --base-config molecule/base.yml destroy --scenario-name sudo\n", string(text))
}

func TestScenarios_AreListed(t *testing.T) {
	var lists []byte
	for _, path := range []string{"../scripts/test", "../scripts/matrix", "../../Makefile"} {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		lists = append(lists, text...)
	}
	scenarios, err := filepath.Glob("../*/molecule.yml")
	require.NoError(t, err)
	require.NotEmpty(t, scenarios)
	for _, path := range scenarios {
		name := filepath.Base(filepath.Dir(path))
		require.Regexp(t, `(?m)[ ]`+name+`([@{ ]|$)`, string(lists), "no script runs the scenario")
	}
}

func TestCommands_RequireTheProject(t *testing.T) {
	root := rootCommand() // this is molecule/rig
	root.SetArgs([]string{"scenarios", "default"})
	require.ErrorContains(t, root.Execute(), "this is not the project's directory")
}

func TestCommands_Refuse(t *testing.T) {
	t.Chdir("../..")
	for message, args := range map[string][]string{
		`unknown command "benhc" for "rig"`:                  {"benhc"},
		`--cores: value "2.13" is not accepted; accepted: 2`: {"matrix", "--cores", "2.13"},
		`--points: value "0" is not accepted; accepted: all`: {"crash", "--points", "0"},
		`--run: value "x" is not accepted`:                   {"bench", "--run", "x"},
		`scenario "x" does not exist`:                        {"scenarios", "default", "x"},
		`scenario "" does not exist; accepted: apply, `:      {"scenarios"},
		`--only: value "x/1" is not accepted; accepted: MOD`: {"crash", "--only", "x/1"},
		`--suite: value "sid" is not accepted`:               {"crash", "--suite", "sid"},
	} {
		root := rootCommand()
		root.SetArgs(args)
		require.ErrorContains(t, root.Execute(), message)
	}
}
