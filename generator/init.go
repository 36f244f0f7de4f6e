package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/curationexperts/ansible-sidekiq/generator/inspect"
	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

func initCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write the model of a Rails application",
		Long: `init reads the Rails application in DIR (default: this directory) and writes ` + model.FileName + `, the model that the other commands
read. A comment above a value names its source. Values that need confirmation are questions: a comment, and the field as a comment
with a proposed value. What the application itself decides, such as the queues of config/sidekiq.yml, is not copied into the model.

It reads Gemfile.lock or gems.locked, Procfile, .ruby-version, .tool-versions, mise.toml, .rvmrc and .rbenv-vars; in config:
sidekiq.yml, sidekiq_*.yml, database.yml, storage.yml, application.rb, initializers/sidekiq.rb and Kamal's deploy.yml; what Capistrano
reads (Capfile, config/deploy.rb, config/deploy, lib/capistrano/tasks); and a playbook of ansible-samvera. It executes nothing: a
value that only Ruby or a shell can determine becomes a question. In Capistrano's files only literals in statements at the left margin are certain:
a setting that is named anywhere else is a question. Passwords and Jinja expressions are not copied into the model.

With --update, the values of an existing model are kept and override all sources. Comments are rewritten (your own are lost), new
questions are added, and differences are reported.

Without --force it refuses an application without Sidekiq, or one that only Kamal deploys.`,
		Example: `  sidekiq-role init
  sidekiq-role init ~/src/hyrax --from-playbook ~/playbook/hyrax.yml --output -
  sidekiq-role init --update`,
		Args: cobra.MaximumNArgs(1),
	}
	f, o := cmd.Flags(), initOptions{}
	f.StringVarP(&o.target, "output", "o", "", "`FILE` to write, or - for standard output (default: "+model.FileName+" in DIR)")
	f.StringVar(&o.playbook, "from-playbook", "", "Ansible `PLAYBOOK` to read (default: one in DIR that has the role sidekiq)")
	f.StringVar(&o.railsEnv, "rails-env", "", "Rails `ENVIRONMENT`, which selects the section of database.yml and the stage of Capistrano (default: that of the model with --update, else "+model.Default().RailsEnv+")")
	f.BoolVar(&o.update, "update", false, "keep the values of an existing model")
	f.BoolVar(&o.force, "force", false, "overwrite the file; accept an application without Sidekiq, or deployed by Kamal")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print only errors")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o.dir = append(args, ".")[0]
		o.target = cmp.Or(o.target, filepath.Join(o.dir, model.FileName))
		a, err := o.look()
		if err == nil {
			err = o.write(a, cmd.OutOrStdout(), cmd.ErrOrStderr())
		}
		return err
	}
	return cmd
}

type initOptions struct {
	dir, target, playbook, railsEnv string
	update, force, quiet            bool
}

// look refuses what could not be looked at, or should not be written.
func (o initOptions) look() (a *inspect.Application, err error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	asked := inspect.Options{RailsEnv: o.railsEnv, PlaybookName: o.playbook}
	if o.playbook != "" {
		if asked.Playbook, err = limited("--from-playbook", o.playbook, "name an Ansible playbook"); err != nil {
			return nil, err
		}
		at, _ := filepath.Abs(o.playbook) // it was read
		asked.System, asked.PlaybookAt = os.DirFS("/"), strings.TrimPrefix(filepath.Dir(at), "/")
	}
	if o.update {
		text, err := limited("--update", o.target, "without --update, init writes it")
		if err != nil {
			return nil, err
		}
		if asked.Answers, err = inspect.ReadAnswers(o.target, text); err != nil {
			return nil, err
		}
	}
	if info, err := os.Stat(o.dir); err == nil && !info.IsDir() { // a named pipe would block
		return nil, fmt.Errorf("open %s: not a directory; hint: name the directory of the Rails application", o.dir)
	}
	root, err := os.OpenRoot(o.dir)
	if err != nil {
		return nil, fmt.Errorf("%w; hint: name the directory of the Rails application", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	a = inspect.Look(root.FS(), asked)
	below := inspect.Below(root.FS(), ".", 2)
	switch {
	case a.Empty() && len(below) > 0:
		return nil, fmt.Errorf("%s is not a Rails application; found below: %s; hint: sidekiq-role init %s", o.dir, strings.Join(below, ", "), shellWord(filepath.Join(o.dir, below[0]), "DIR"))
	case a.Empty():
		return nil, fmt.Errorf("%s is not a Rails application; looked for: %s; hint: name the directory that holds Gemfile.lock", o.dir, inspect.LookedFor)
	case a.Unwanted != "" && !o.force && !o.update:
		return nil, fmt.Errorf("%s: %s; a systemd unit on the host is probably not wanted; hint: --force writes the model anyway", o.dir, a.Unwanted)
	}
	return a, nil
}

// check refuses, before anything is read, what could not be written.
func (o initOptions) check() error {
	f, _ := model.FieldOf("rails_env")
	_, err := os.Lstat(o.target)
	switch {
	case o.railsEnv != "" && !f.Fits(o.railsEnv):
		return fmt.Errorf("--rails-env: %q is not accepted; accepted: %s", o.railsEnv, f.Accepted())
	case o.update && o.force:
		return errors.New("--update and --force are mutually exclusive; hint: --update keeps the values of the model, --force discards them")
	case o.update && o.target == "-":
		return errors.New("--update: --output - is not accepted; accepted: the file of a model")
	case o.target != "-" && !o.force && !o.update && err == nil:
		return fmt.Errorf("%s already exists; hint: --update keeps its values, --force overwrites it, --output - prints a new one", o.target)
	}
	return nil
}

// limited reads a file that a flag names.
func limited(flag, name, hint string) (text []byte, err error) {
	f, err := openFile(name)
	if err == nil {
		text, err = inspect.Limited(f)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %q: %w; hint: %s", flag, name, err, hint)
	}
	return text, nil
}

// write writes the file and shows what was read: on standard error if the file itself goes to
// standard output.
func (o initOptions) write(a *inspect.Application, out, errs io.Writer) error {
	text, shown, named := a.Text(model.SchemaURL(version)), out, ""
	switch {
	case o.quiet:
		shown = io.Discard
	case o.target == "-":
		shown = errs
	}
	err := a.Tell(shown)
	if o.target == "-" {
		_, failed := out.Write(text)
		return errors.Join(err, failed)
	}
	if err = errors.Join(err, writeFile(o.target, text)); err != nil {
		return err
	}
	if o.target != model.FileName {
		named = " --model " + shellWord(o.target, "FILE")
	}
	first := ""
	if !a.KnowsProject() {
		first = "set project in " + o.target + ", then "
	}
	_, err = fmt.Fprintf(shown, "wrote %s%s\nnext: %ssidekiq-role generate%s --output ../deployment --layout playbook\n", o.target, a.QuestionsLeft(), first, named)
	return err
}
