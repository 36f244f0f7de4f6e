package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// modelFlags adds flags that name the model's file and replace fields of it: those of the keys, by default of all fields that change the
// role. The function that it returns reads both.
func modelFlags(cmd *cobra.Command, keys ...string) func() (model.Model, error) {
	fields := model.WithFlag(keys...)
	f := pflag.NewFlagSet("model", pflag.ContinueOnError)
	f.SortFlags = false
	file := f.String("model", "", "`FILE` of the model, or - for standard input (default: "+model.FileName+" if it exists)")
	for _, c := range fields {
		f.StringArray(c.Flag, nil, c.Usage)
	}
	f.VisitAll(func(f *pflag.Flag) { f.Annotations = map[string][]string{modelFlag: {}} })
	cmd.Flags().AddFlagSet(f)
	err := cmd.MarkFlagFilename("model", "yml", "yaml")
	for _, c := range fields {
		err = errors.Join(err, cmd.RegisterFlagCompletionFunc(c.Flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			f, _ := model.FieldOf(c.Key)
			return f.Choices, cobra.ShellCompDirectiveDefault
		}))
	}
	if err != nil {
		panic(err) // a flag that was not defined
	}
	return func() (model.Model, error) {
		name, source, err := readModelFile(*file, cmd.InOrStdin())
		if err != nil {
			return model.Model{}, err
		}
		d := model.Parse(name, source)
		for _, c := range fields {
			if flag := f.Lookup(c.Flag); flag.Changed {
				d.Set(c.Key, flag.Value.(pflag.SliceValue).GetSlice())
			}
		}
		return d.Model()
	}
}

// modelFlag marks the flags that several commands share.
const modelFlag = "model"

func readModelFile(name string, in io.Reader) (shown string, source []byte, err error) {
	shown = shownName(name)
	if name == "-" {
		source, err = io.ReadAll(in)
		return shown, source, err
	}
	f, err := openFile(cmp.Or(name, model.FileName))
	if err == nil {
		source, err = io.ReadAll(f)
		err = errors.Join(err, f.Close())
	}
	switch {
	case !errors.Is(err, fs.ErrNotExist):
	case name == "":
		err = nil // then the model is what flags and defaults say
	default:
		err = fmt.Errorf("--model: %q does not exist; hint: sidekiq-role init writes one for a Rails application", name)
	}
	return shown, source, err
}

// openFile refuses a named pipe, which would block. That of a shell's <(...) is behind a symbolic link.
func openFile(name string) (*os.File, error) {
	if info, err := os.Lstat(name); err == nil && info.Mode()&fs.ModeNamedPipe != 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("is a named pipe")}
	}
	return os.Open(name)
}

// shownName is the model's file as errors name it.
func shownName(name string) string {
	return cmp.Or(map[string]string{"": model.FileName, "-": "standard input"}[name], name)
}
