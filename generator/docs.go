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
	return textCommand("docs", "Print the reference of all commands and fields, in Markdown", "", reference)
}

func schemaCommand() *cobra.Command {
	return textCommand("schema", "Print the JSON Schema of "+model.FileName,
		"schema prints the JSON Schema of "+model.FileName+", for editors. Those with yaml-language-server find the published one by a line that init writes.",
		func(*cobra.Command) ([]byte, error) { return model.Schema(), nil })
}

// textCommand prints a text that nothing but the program decides.
func textCommand(use, short, long string, text func(root *cobra.Command) ([]byte, error)) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Long: long, Args: flagsAlone}
	output := cmd.Flags().StringP("output", "o", "", "`FILE` to write (default: standard output)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		made, err := text(cmd.Root())
		if err != nil {
			return err
		}
		return writeOutput(cmd.OutOrStdout(), *output, made)
	}
	return cmd
}

// referenceView is what the template of the reference sees.
type referenceView struct {
	Root            *cobra.Command
	Commands        []*cobra.Command
	File, SchemaURL string
	Fields          []model.Field
}

// reference is generator/README.md. After a change of a command or a field: make generate.
func reference(root *cobra.Command) ([]byte, error) {
	v := referenceView{Root: root, File: model.FileName, SchemaURL: model.SchemaURL(version), Fields: model.Fields(model.Default())}
	v.Commands = slices.DeleteFunc(slices.Clone(root.Commands()), func(c *cobra.Command) bool { return !c.IsAvailableCommand() || c.Name() == "help" })
	return filled("templates/reference/README.md", v)
}

// Flags are the flags of a command, without those of the model where it has them all.
func (v referenceView) Flags(c *cobra.Command) string {
	some := flagsOf(c, false)
	if !v.HasModel(c) {
		some.AddFlagSet(flagsOf(c, true))
	}
	return flagUsages(some)
}

// ModelFlags are those that commands share.
func (v referenceView) ModelFlags() string {
	return flagUsages(flagsOf(v.Commands[slices.IndexFunc(v.Commands, v.HasModel)], true))
}

// HasModel reports whether a command has all flags of the model.
func (referenceView) HasModel(c *cobra.Command) bool { return c.Flags().Lookup("project") != nil }

func flagUsages(flags *pflag.FlagSet) string {
	flags.VisitAll(func(f *pflag.Flag) { f.Hidden = f.Hidden || f.Name == "help" })
	return strings.TrimRight(flags.FlagUsagesWrapped(100), "\n")
}

// anchor is where GitHub puts a heading.
func anchor(heading string) string {
	return strings.NewReplacer(" ", "-", ".", "").Replace(strings.ToLower(heading))
}

var indented = regexp.MustCompile(`(?m)(^  .*(\n|$))+`)

// asMarkdown wraps a help text and fences its indented lines, which Markdown would run together.
func asMarkdown(text string) string {
	return strings.TrimSpace(indented.ReplaceAllString(paragraphs(text, 100)+"\n", "\n```\n$0```\n"))
}

func acceptedCell(f model.Field) string {
	text := f.Accepted()
	if f.Template {
		text += "; may hold Jinja"
	}
	return strings.ReplaceAll(text, "|", `\|`)
}
