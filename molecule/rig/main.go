// Program rig runs tests on throwaway hosts and measurements. Run it in the project's directory after
// `make build`.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/bench"
	"github.com/curationexperts/ansible-sidekiq/molecule/rig/crash"
	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
	"github.com/curationexperts/ansible-sidekiq/molecule/rig/matrix"
	"github.com/curationexperts/ansible-sidekiq/molecule/rig/mutate"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := useVenv()
	if err == nil {
		err = rootCommand().ExecuteContext(ctx)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("interrupted: %w", err)
		}
		fmt.Fprintln(os.Stderr, "rig:", err)
		os.Exit(1)
	}
}

// useVenv puts the programs of .venv first in PATH.
func useVenv() error {
	bin, err := filepath.Abs(".venv/bin")
	if err != nil {
		return err
	}
	return os.Setenv("PATH", bin+":"+os.Getenv("PATH"))
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use: "rig", Short: "Tests on throwaway hosts, and measurements",
		Long: "Tests on throwaway hosts, and measurements, of what `make build` has built. They require the Docker daemon and\n" +
			"the programs that molecule/scripts/setup installs.",
		SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			if _, err := os.Stat("molecule/base.yml"); err != nil && c.Name() != "section" {
				return errors.New("this is not the project's directory: molecule/base.yml does not exist")
			}
			return nil
		},
	}
	root.AddCommand(scenariosCommand(), matrix.Command(), crash.Command(), bench.Command(), mutate.Command(), sectionCommand())
	return root
}

// sectionCommand is for scenarios, which write their results into README.md.
func sectionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "section FILE NAME", Short: "Replace a section of a document with standard input",
		Long: "Replace the text between <!-- NAME --> and <!-- /NAME --> in FILE with standard input.",
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := io.ReadAll(os.Stdin)
			if err != nil {
				return err
			}
			return lab.WriteSection(args[0], args[1], string(text))
		},
	}
}
