package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"mvdan.cc/sh/v3/syntax"

	"github.com/curationexperts/ansible-sidekiq/generator/inspect"
	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

func initCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Look at a Rails application and write its model",
		Long: `init looks at the Rails application in DIR (default: this folder) and writes ` + model.FileName + `, the model that the other commands read.
Each value in it says in a comment where it was found; what could not be told is a question in a comment, and what the application
itself decides, such as the queues of config/sidekiq.yml, stays with it.

It reads Gemfile.lock, config/sidekiq.yml, config/database.yml, Procfile, what Capistrano reads (Capfile, config/deploy.rb, config/deploy)
and a playbook of ansible-samvera. It runs nothing: what only Ruby or a shell could tell is said as such. No password gets into the
model, and no Jinja, which Ansible would evaluate.`,
		Example: `  sidekiq-role init
  sidekiq-role init ~/src/hyrax --playbook ~/playbook/hyrax.yml --output -`,
		Args: cobra.MaximumNArgs(1),
	}
	f := cmd.Flags()
	output := f.StringP("output", "o", "", "`FILE` to write, or - for standard output (default: "+model.FileName+" in DIR)")
	named := f.String("playbook", "", "Ansible `PLAYBOOK` to read (default: one in DIR that has the role sidekiq)")
	env := f.String("rails-env", model.Default().RailsEnv, "Rails `ENVIRONMENT`, whose section and stage are looked at")
	force := f.Bool("force", false, "overwrite the file")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		dir := append(args, ".")[0]
		target := cmp.Or(*output, filepath.Join(dir, model.FileName))
		if err := initiable(dir, target, *env, *force); err != nil {
			return err
		}
		p, err := readPlaybook(*named)
		if err != nil {
			return err
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			return err
		}
		a := inspect.Look(root.FS(), *env, p)
		if err := root.Close(); err != nil {
			return err
		}
		if a.Empty() {
			return fmt.Errorf("%s is no Rails application; looked for: %s; hint: name the folder that holds Gemfile.lock", dir, inspect.LookedFor)
		}
		return writeModel(a, target, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

// initiable refuses, before anything is read, what could not be written or looked at.
func initiable(dir, target, env string, force bool) error {
	if f, _ := model.FieldOf("rails_env"); !f.Fits(env) {
		return fmt.Errorf("--rails-env: %q is not accepted; accepted: %s", env, f.Accepted())
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s does not exist; hint: name the folder of the Rails application", dir)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is no folder; hint: name the folder of the Rails application", dir)
	case target == "-" || force:
		return nil
	}
	if _, err := os.Lstat(target); err == nil {
		return fmt.Errorf("%s: not overwritten; hint: --force overwrites it, --output - shows what would stand there", target)
	}
	return nil
}

func readPlaybook(name string) (*inspect.Playbook, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--playbook: %q does not exist; hint: name an Ansible playbook", name)
	}
	if err != nil {
		return nil, err
	}
	text, err := inspect.Limited(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("--playbook: %q: %w; hint: name an Ansible playbook", name, err)
	}
	return &inspect.Playbook{Name: name, Text: text}, nil
}

// writeModel writes the file and tells what was seen; on standard error where the file itself goes to standard output.
func writeModel(a *inspect.Application, target string, out, errs io.Writer) error {
	text := a.Text(model.SchemaURL(version))
	if target == "-" {
		if err := a.Tell(errs); err != nil {
			return err
		}
		_, err := out.Write(text)
		return err
	}
	if err := a.Tell(out); err != nil {
		return err
	}
	if err := writeFile(target, text); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "wrote %s%s\nnext: %s\n", target, a.QuestionsLeft(), next(target))
	return err
}

// next is the command that reads the file.
func next(target string) string {
	if target == model.FileName {
		return "sidekiq-role generate --output roles/sidekiq"
	}
	quoted, err := syntax.Quote(target, syntax.LangPOSIX)
	if err != nil {
		quoted = "FILE" // no shell can be told its name
	}
	return "sidekiq-role generate --model " + quoted + " --output roles/sidekiq"
}
