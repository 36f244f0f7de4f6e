// Package dbpool is the Ansible module db_pool: it gives an application enough database connections for its Sidekiq.
//
// The promise: after it, each pool of the environment is at least the number of threads, as Rails reads the file; at most one line per database has changed
// (two if pool and max_connections must agree); or the file is as it was, and the error or the warning says why.
//
// # Decisions
//
// A symbolic link is followed: Capistrano links config/database.yml to its shared one, and that is the file to change. A link of the deploy user
// does not have root change what that user could not (allow_foreign_links).
//
// The rules of package databaseyml serve where they are certain and nothing is to be changed: a run with nothing to change costs no Ruby. Otherwise the
// application's own Ruby is asked (package activerecord), whose answers are kept for later runs.
//
// Where ERB computes the pool from a variable, as in Rails' own template, the file is right and the environment is not: the unit of the role sets the
// variable (erb: variable). A number replaces the ERB only with erb: replace.
//
// The diff shows the entries that change and nothing else of their lines, since a line may hold a password.
package dbpool

import (
	_ "embed"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
)

//go:embed db_pool.yml
var doc []byte

// Module is db_pool.
func Module() ansible.Module { return ansible.New(doc, plan) }

// plan compares the requested pools with those of the file.
func plan(o *options) (*ansible.Plan, error) {
	f, err := gather(o)
	if err != nil {
		return nil, err
	}
	plan := &ansible.Plan{}
	plan.Set("exists", f.database != nil && len(f.missing) == 0)
	if o.AppRoot != nil {
		plan.Set("app_root", *o.AppRoot)
	}
	if f.database == nil {
		missing(plan, o)
		return plan, nil
	}
	for _, fault := range f.missing {
		plan.Missing(fault)
	}
	if len(f.missing) > 0 {
		return plan, nil
	}
	t, err := f.tune(o)
	if err != nil {
		return nil, err
	}
	if f.database.unlocked != nil {
		plan.Warn("%v", f.database.unlocked)
	}
	if t.warning != "" {
		plan.Warn("%s", t.warning)
	}
	if t.Result != nil && f.process.threads > t.required.Size {
		plan.Warn("the running process has %d threads, more than the %d connections that are required by %s; hint: restart it, or set headroom if an initializer adds capsules",
			f.process.threads, t.required.Size, t.required.By)
	}
	if t.Result != nil && t.required.Guessed && len(t.Variables) > 0 {
		plan.Warn("%s: ERB computes the pool; it is left to a run after the first deploy", f.database.path)
		t.withoutVariables()
	}
	for _, warning := range t.required.Warnings {
		plan.Warn("%s", warning)
	}
	report(plan, f, t)
	if t.Result == nil || !t.Changed() {
		return plan, nil
	}
	if err := f.database.checkWritable(); err != nil {
		return plan, err
	}
	if o.Backup {
		plan.Add(backupStep(f.database))
	}
	plan.Add(changeStep(o, f, t))
	return plan, nil
}

func missing(plan *ansible.Plan, o *options) {
	list := missingPaths(o.Path)
	if o.IfMissing == "skip" {
		plan.Warn("%s does not exist; the pool is left to a run after the first deploy", list)
		return
	}
	plan.Missing(argspec.Errorf("path", "%s does not exist; hint: deploy the application first, or set if_missing: skip", list))
}

func changeStep(o *options, f *facts, t tuned) ansible.Step {
	verb := "raise"
	if o.AllowLower {
		verb = "set"
	}
	d := f.database
	return ansible.Step{
		Title: fmt.Sprintf("%s the pool to %d in %s", verb, t.required.Size, d.path),
		Diff:  &ansible.Diff{Prepared: diff(d.path, t.Edits)},
		Do:    func(*ansible.Late) error { return d.replace(d.file.Data, t.Text) },
		Undo:  func() error { return d.replace(t.Text, d.file.Data) },
	}
}

// backupStep copies the file to a path that is named as by Ansible's own modules.
func backupStep(d *database) ansible.Step {
	path := fmt.Sprintf("%s.%d.%s~", d.file.Path, os.Getpid(), time.Now().Format("2006-01-02@15:04:05"))
	return ansible.Step{
		Title: "keep the file as it was in " + path,
		Do: func(late *ansible.Late) error {
			late.Plan().Set("backup_file", path) // not in the answer of a failure, which removes the backup
			return write(path, d.file.Data, d.file)
		},
		Undo: func() error { return atomicfile.Remove(path) },
	}
}

// diff shows the entries that change. Nothing else of their lines: there may be a password.
func diff(path string, edits []databaseyml.Edit) string {
	var text strings.Builder
	fmt.Fprintf(&text, "--- before: %s\n+++ after: %s\n", path, path)
	for _, e := range edits {
		for _, line := range e.Lines {
			fmt.Fprintf(&text, "@@ line %d @@\n", line.Number)
			if line.Old != "" {
				fmt.Fprintf(&text, "-%s\n", line.Old)
			}
			fmt.Fprintf(&text, "+%s\n", line.New)
		}
	}
	return text.String()
}
