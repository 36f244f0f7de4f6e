// Program rig runs the tests that need throwaway hosts and are more than a molecule scenario, and the measurements whose results are in README.md. Run
// it in the project's directory after `make build`.
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
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "rig:", err)
		os.Exit(1)
	}
}

// useVenv runs the programs of molecule/scripts/setup's virtual environment.
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
		SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.AddCommand(scenariosCommand(), matrix.Command(), crash.Command(), bench.Command(), mutate.Command(), sectionCommand())
	return root
}

// sectionCommand lets scenarios write what they measured.
func sectionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "section FILE NAME", Short: "Replace a section of a document by standard input",
		Long: "Replace the text between <!-- NAME --> and <!-- /NAME --> in FILE by standard input.",
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
