package main

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// helpWidth is how long lines of a help text get.
const helpWidth = 80

// helpTemplates are those of cobra, with lines of that width and with the flags of the model in a list of their own.
func helpTemplates(root *cobra.Command) {
	cobra.AddTemplateFunc("paragraphs", func(text string) string { return paragraphs(text, helpWidth) })
	cobra.AddTemplateFunc("useLine", func(c *cobra.Command) string { return strings.Join(broken("  "+c.UseLine(), 6, helpWidth), "\n") })
	cobra.AddTemplateFunc("own", func(c *cobra.Command) string { return flagsOf(c, false).FlagUsagesWrapped(helpWidth) })
	cobra.AddTemplateFunc("ofModel", func(c *cobra.Command) string { return flagsOf(c, true).FlagUsagesWrapped(helpWidth) })
	root.SetUsageTemplate(strings.NewReplacer(
		"  {{.UseLine}}", "{{useLine .}}",
		" for more information about a command.", " for more.",
		"{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}", "{{own . | trimTrailingWhitespaces}}{{with ofModel .}}\n\n"+
			"{{paragraphs \"Flags of the model (they override its file; otherwise the file, else the default counts):\"}}\n{{. | trimTrailingWhitespaces}}{{end}}",
	).Replace(root.UsageTemplate()))
	root.SetHelpTemplate(strings.Replace(root.HelpTemplate(), "{{with (or .Long .Short)}}{{. | ", "{{with (or .Long .Short)}}{{paragraphs . | ", 1))
}

// flagsOf are the flags of a command: those of the model, or the others.
func flagsOf(c *cobra.Command, model bool) *pflag.FlagSet {
	some := pflag.NewFlagSet("", pflag.ContinueOnError)
	some.SortFlags = false
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if _, is := f.Annotations[modelFlag]; is == model {
			some.AddFlag(f)
		}
	})
	return some
}

var (
	paragraph = regexp.MustCompile(`(?m)^\S.*(\n\S.*)*`)
	item      = regexp.MustCompile(`^\s+(\S+  +)?`) // the beginning of an indented line, up to its text
)

// paragraphs wraps the paragraphs of a text. An indented line stays one, and goes on below its text.
func paragraphs(text string, width int) string {
	text = paragraph.ReplaceAllStringFunc(text, func(p string) string { return strings.ReplaceAll(p, "\n", " ") })
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		lines = append(lines, broken(line, len(item.FindString(line)), width)...)
	}
	return strings.Join(lines, "\n")
}

// choiceFlag adds a flag that takes one of several words, by default the first.
func choiceFlag(cmd *cobra.Command, name, usage string, accepted ...string) *string {
	value, words := accepted[0], strings.Join(accepted, ", ")
	cmd.Flags().Func(name, fmt.Sprintf("%s: %s (default: %s)", usage, words, value), func(word string) error {
		if !slices.Contains(accepted, word) {
			return errors.New(words)
		}
		value = word
		return nil
	})
	if err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(accepted, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // it was defined just before
	}
	return &value
}

// flagError is a value that a flag does not accept, in our words, or a flag that does not exist, with the one that was most likely meant.
func flagError(cmd *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		accepted := cmp.Or(map[string]string{"int": "a whole number", "bool": "true, false"}[invalid.GetFlag().Value.Type()], fmt.Sprint(errors.Unwrap(err)))
		return fmt.Errorf("--%s: %q is not accepted; accepted: %s", invalid.GetFlag().Name, invalid.GetValue(), accepted)
	}
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	names := map[string]string{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names[f.Name] = "--" + f.Name })
	var hints []string
	if meant, near := model.Nearest(unknown.GetSpecifiedName(), names); near {
		hints = append(hints, "did you mean "+meant+"?")
	}
	if cmd.Flags().Lookup("inventory") != nil {
		hints = append(hints, "options of ansible-playbook go after --")
	}
	if hints == nil {
		return err
	}
	return fmt.Errorf("%w; hint: %s", err, strings.Join(hints, " "))
}
