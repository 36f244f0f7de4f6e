package main

import (
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

func docsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "docs",
		Short: "Print the reference of all commands and fields, in Markdown",
		Args:  flagsAlone,
	}
	output := cmd.Flags().StringP("output", "o", "", "`FILE` to write (default: standard output)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		text, err := reference(cmd.Root())
		if err != nil {
			return err
		}
		return writeOutput(cmd.OutOrStdout(), *output, text)
	}
	return cmd
}

func schemaCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of " + model.FileName,
		Long: `schema prints the JSON Schema by which ` + model.FileName + ` is judged, for editors. Those with yaml-language-server find the published one by a line
that init writes.`,
		Args: flagsAlone,
	}
	output := cmd.Flags().StringP("output", "o", "", "`FILE` to write (default: standard output)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return writeOutput(cmd.OutOrStdout(), *output, model.Schema())
	}
	return cmd
}

// referenceView is what the template of the reference sees.
type referenceView struct {
	Root           *cobra.Command
	Commands       []*cobra.Command
	File           string
	SchemaURL      string
	Fields, Others []model.Field
}

// reference is generator/README.md. After a change of a command or a field: make generate.
func reference(root *cobra.Command) ([]byte, error) {
	v := referenceView{Root: root, File: model.FileName, SchemaURL: model.SchemaURL(version)}
	v.Commands = slices.DeleteFunc(slices.Clone(root.Commands()), func(c *cobra.Command) bool { return !c.IsAvailableCommand() || c.Name() == "help" })
	for _, f := range model.Fields(model.Default()) {
		if f.Key == "" {
			v.Others = append(v.Others, f)
			continue
		}
		v.Fields = append(v.Fields, f)
	}
	return filled("templates/reference/README.md", v)
}

// Own are the flags of a command, Shared those of the model, which several commands have.
func (referenceView) Own(c *cobra.Command) []flagRow { return flagRows(flagsOf(c, false)) }

// Shared are the flags of the model.
func (v referenceView) Shared() []flagRow {
	return flagRows(flagsOf(v.Commands[slices.IndexFunc(v.Commands, v.HasModel)], true))
}

// HasModel tells whether a command has the flags of the model.
func (referenceView) HasModel(c *cobra.Command) bool { return flagsOf(c, true).HasFlags() }

// flagRow is a flag as the reference shows it.
type flagRow struct{ Name, Usage string }

func flagRows(flags *pflag.FlagSet) (rows []flagRow) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		kind, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		rows = append(rows, flagRow{strings.TrimSpace(name + " " + kind), strings.ReplaceAll(usage, "|", `\|`)})
	})
	return rows
}

// anchor is where GitHub puts a heading.
func anchor(heading string) string {
	return strings.NewReplacer(" ", "-", ".", "").Replace(strings.ToLower(heading))
}

// asMarkdown fences the indented lines of a help text, which Markdown would run together.
func asMarkdown(text string) string {
	return indented.ReplaceAllStringFunc(text, func(block string) string {
		return "\n```\n" + unindented(strings.TrimSuffix(block, "\n")) + "\n```\n"
	})
}

var indented = regexp.MustCompile(`(?m)(^  .*(\n|$))+`)

func unindented(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "  "), "\n  ", "\n")
}

func acceptedCell(f model.Field) string {
	text := f.Accepted()
	if f.Template {
		text += "; may hold Jinja"
	}
	return strings.ReplaceAll(text, "|", `\|`)
}
