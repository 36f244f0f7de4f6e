// The program sidekiq-role makes the Ansible role `sidekiq` from a model, and runs it.
//
// # Decisions
//
// init reads a Rails application (package inspect) and writes a model; package model judges one; Emit fills templates with it. These three are pure.
// What is made is compared with what is there (change.go), and only then written, so that --check and --diff show what would be done. Only apply
// and verify run something: ansible-playbook, through go-ansible.
//
// roles/sidekiq in this project is what comes out with the defaults. It is committed and compared byte for byte by a test, so
// a change of a template is seen in the role that people read.
//
// Errors are printed as `error:` and one `hint:`, those of a model's file each in one line, as compilers do; the exit status is 1, or what
// ansible-playbook answered.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/generator/watch"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// exitError carries the exit status of a program that has already said what is wrong.
type exitError struct{ status int }

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", e.status) }

func run(args []string, out, errs io.Writer) int {
	root := rootCommand(out, errs)
	root.SetArgs(args)
	err := root.Execute()
	var exit exitError
	var faults model.Faults
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.status
	case errors.As(err, &faults):
		for _, f := range faults {
			if f.Line == 0 { // it is of a flag
				tell(errs, f.String())
			} else {
				fmt.Fprintln(errs, watch.Visible(f.String()))
			}
		}
	default:
		tell(errs, err.Error())
	}
	return 1
}

// tell prints an error, and its hint on a line of its own.
func tell(errs io.Writer, text string) {
	message, hint, found := strings.Cut(watch.Visible(text), "; hint: ")
	fmt.Fprintln(errs, "error:", message)
	if found {
		fmt.Fprintln(errs, "hint:", hint)
	}
}

// flagsAlone refuses what is no flag, most likely the name of a file or a directory to write.
func flagsAlone(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	if cmd.Flags().Lookup("output") != nil {
		hint = "; hint: did you mean --output " + args[0] + "?"
	}
	return fmt.Errorf("%s: %q is not accepted; accepted: flags alone%s", cmd.Name(), args[0], hint)
}

func rootCommand(out, errs io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "sidekiq-role",
		Short: "Make and run the Ansible role that keeps Sidekiq running",
		Long:  `sidekiq-role makes the Ansible role sidekiq: Sidekiq as a systemd service that always runs, that the deploy user may restart with sudo, and whose threads each have a database connection. Hosts need no Python.`,
		Example: `  sidekiq-role init
  sidekiq-role generate --output ../deployment --layout playbook
  sidekiq-role apply --playbook site.yml -i production --check --diff
  sidekiq-role verify -i hosts.yml --project hyrax
  sidekiq-role capistrano --output lib/capistrano/tasks/sidekiq.rake`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version,
	}
	root.SetOut(out)
	root.SetErr(errs)
	root.SetVersionTemplate("sidekiq-role {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	helpTemplates(root)
	root.AddCommand(initCommand(), validateCommand(), generateCommand(), applyCommand(), verifyCommand(), capistranoCommand(), docsCommand(), schemaCommand(), versionCommand())
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		c.Flags().SortFlags = false // those that matter come first
		if c.Name() == "completion" {
			c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() } // else it accepts any shell
		}
	}
	return root
}
