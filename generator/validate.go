package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

func validateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Validate the model",
		Long: `validate reads ` + model.FileName + ` as generate does, and reports all errors with their line and column. It changes nothing.

With --format json it prints a document with file, valid and errors, each with path, line, column, message and hint. An
error in a flag has flag instead of line and column.

Exit status: 0 valid, 1 not valid or missing.`,
		Example: `  sidekiq-role validate
  sidekiq-role validate --model staging.yml --format json`,
		Args: flagsAlone,
	}
	read := modelFlags(cmd)
	format := choiceFlag(cmd, "format", "`FORMAT` of the output", "text", "json")
	quiet := cmd.Flags().BoolP("quiet", "q", false, "print only errors")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		file := cmd.Flags().Lookup("model").Value.String()
		if _, err := os.Stat(model.FileName); file == "" && errors.Is(err, fs.ErrNotExist) {
			return errors.New(model.FileName + " does not exist; hint: sidekiq-role init writes one for a Rails application, --model names another file")
		}
		var faults model.Faults
		if _, err := read(); err != nil && !errors.As(err, &faults) {
			return err
		}
		switch out := cmd.OutOrStdout(); {
		case *format == "json":
			text, err := json.MarshalIndent(struct {
				File   string       `json:"file"`
				Valid  bool         `json:"valid"`
				Errors model.Faults `json:"errors"`
			}{shownName(file), len(faults) == 0, append(model.Faults{}, faults...)}, "", "  ")
			fmt.Fprintf(out, "%s\n", text)
			if err == nil && len(faults) > 0 {
				return exitError{1}
			}
			return err
		case len(faults) > 0:
			return faults
		case !*quiet:
			fmt.Fprintln(out, shownName(file)+": valid")
		}
		return nil
	}
	return cmd
}
