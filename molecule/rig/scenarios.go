package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
)

func scenariosCommand() *cobra.Command {
	return &cobra.Command{
		Use: "scenarios NAME[@SUITE]...", Short: "Run molecule scenarios, one after the other",
		Long: "Run molecule scenarios, one after the other, on Debian trixie or another suite, and print the time of each.\n" +
			"Stop at the first that fails, and print its output. ubuntu1804 is skipped if its image cannot be pulled, and fails with\n" +
			"REQUIRE_ORACLES=1.",
		Example: "  rig scenarios default default@bullseye",
		RunE: func(cmd *cobra.Command, args []string) error {
			return runScenarios(cmd.Context(), args)
		},
	}
}

type scenario struct{ name, suite string }

// parseScenario accepts the names of directories with a molecule.yml.
func parseScenario(text string) (scenario, error) {
	name, suite, hasSuite := strings.Cut(text, "@")
	if hasSuite && (name == ubuntu || !slices.Contains(lab.Suites, suite)) {
		return scenario{}, fmt.Errorf("suite %q of scenario %q is not accepted; accepted: %s, for a scenario with Debian", suite, name, strings.Join(lab.Suites, ", "))
	}
	files, err := filepath.Glob("molecule/*/molecule.yml")
	if err != nil {
		return scenario{}, err
	}
	var names []string
	for _, file := range files {
		names = append(names, filepath.Base(filepath.Dir(file)))
		if names[len(names)-1] == name {
			return scenario{name, suite}, nil
		}
	}
	return scenario{}, fmt.Errorf("scenario %q does not exist; accepted: %s", name, strings.Join(names, ", "))
}

func runScenarios(ctx context.Context, args []string) error {
	if len(args) == 0 {
		args = []string{""} // the error lists the scenarios
	}
	var all []scenario
	for _, arg := range args {
		s, err := parseScenario(arg)
		if err != nil {
			return err
		}
		all = append(all, s)
	}
	for i, s := range all {
		fmt.Printf("%-22s ", args[i])
		began := time.Now()
		result := "ok"
		err := s.run(ctx)
		if notRun := (lab.NotRun{}); errors.As(err, &notRun) {
			result, err = err.Error(), nil
		}
		if err != nil {
			return fmt.Errorf("scenario %s: %w", args[i], err)
		}
		fmt.Printf("%s, %.0f s\n", result, time.Since(began).Seconds())
	}
	return nil
}

func (s scenario) run(ctx context.Context) error {
	if s.name == ubuntu {
		if err := needUbuntu(ctx); err != nil {
			return err
		}
	}
	if _, err := exec.LookPath("molecule"); err != nil {
		return fmt.Errorf("%w; hint: molecule/scripts/setup venv", err)
	}
	out, err := s.molecule(ctx, "test").CombinedOutput()
	if err == nil {
		return nil
	}
	fmt.Fprintf(os.Stderr, "failed\n%s", out)
	if ctx.Err() != nil { // molecule removes no hosts when it is interrupted
		err = errors.Join(err, s.molecule(context.Background(), "destroy").Run())
	}
	return err
}

func (s scenario) molecule(ctx context.Context, verb string) *exec.Cmd {
	cmd := lab.Command(ctx, "molecule", "--base-config", "molecule/base.yml", verb, "--scenario-name", s.name)
	cmd.Env = append(os.Environ(), "NO_COLOR=1", "ANSIBLE_NOCOLOR=1")
	if s.suite != "" {
		cmd.Env = append(cmd.Env, "MOLECULE_SUITE="+s.suite)
	}
	return cmd
}

// ubuntu is a scenario whose image is pulled from a registry.
const ubuntu = "ubuntu1804"

// needUbuntu pulls the image of Ubuntu if it does not exist. See CannotRun for a default image that cannot be pulled.
func needUbuntu(ctx context.Context) error {
	if _, err := lab.Run(ctx, nil, "docker", "info"); err != nil {
		return err
	}
	image, isSet := os.LookupEnv("SIDEKIQ_UBUNTU1804_IMAGE")
	if !isSet {
		image = "ubuntu:18.04"
	}
	if _, err := lab.Run(ctx, nil, "docker", "image", "inspect", image); err == nil {
		return nil
	}
	if _, err := lab.Run(ctx, nil, "docker", "pull", "--quiet", image); err != nil {
		if isSet {
			return err
		}
		return lab.CannotRun(lab.LastLine(err))
	}
	return nil
}
