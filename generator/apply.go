package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/apenella/go-ansible/v2/pkg/playbook"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/generator/watch"
)

func applyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apply {-i INVENTORY... | --host HOST... | --playbook FILE} [-- ansible-playbook options]",
		Short: "Run the role on hosts and verify Sidekiq",
		Long: `apply runs ansible-playbook: your own playbook with --tags sidekiq, or a playbook generated from
the model. With --inventory it runs on the hosts of the model's group (playbook.hosts, default
workers), playbook.serial hosts at a time.

It lists each play in which a task would run, with its hosts, and asks before it changes anything.
The report shows what was verified on each host: Sidekiq's main process with its heartbeat in Redis,
the deploy user's restart by sudo without a password, and the size of the database pool. unknown
means not determined.

With --playbook the model is not used: set the role's variables in your inventory or playbook. Of
other roles, failed tasks and the number of those that changed something are reported. Without it,
variables of the inventory override the values of the model.

Options after -- are passed to ansible-playbook.

Exit status:
  0  success
  1  nothing was run
  2  a host failed, or ansible-playbook does not accept an option
  4  a host is unreachable, or a file could not be parsed
Any other is ansible-playbook's own.`,
		Example: `  sidekiq-role apply --playbook site.yml -i production --check --diff
  sidekiq-role apply -i hosts.yml --project hyrax -- --limit worker2
  sidekiq-role apply --host worker1.example.org --project hyrax -- -u ubuntu`,
	}
	t := targetFlags(cmd)
	var o playbook.AnsiblePlaybookOptions
	cmd.Flags().BoolVarP(&o.Check, "check", "C", false, "change nothing, report what would change")
	cmd.Flags().BoolVarP(&o.Diff, "diff", "D", false, "show differences")
	cmd.Flags().BoolVarP(&t.yes, "yes", "y", false, "do not ask for confirmation")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return t.run(args, o, watch.Run{Format: watch.Formats[0]})
	}
	return cmd
}

// target is what apply and verify have in common: the role or a playbook, and the hosts.
type target struct {
	cmd                *cobra.Command
	modelOf            func() (model.Model, error)
	inventories, hosts []string
	pattern, playbook  string
	yes, quiet         bool
}

func targetFlags(cmd *cobra.Command) *target {
	t := &target{cmd: cmd, modelOf: modelFlags(cmd)}
	f := cmd.Flags()
	f.StringArrayVarP(&t.inventories, "inventory", "i", nil, "`INVENTORY` of hosts: a file, a directory or a script; may be repeated")
	f.StringSliceVar(&t.hosts, "host", nil, "a `HOST` instead of an inventory; may be repeated")
	f.StringVar(&t.pattern, "hosts", "", "`PATTERN` of the hosts of the inventory (default: the group playbook.hosts of the model)")
	f.StringVar(&t.playbook, "playbook", "", "playbook `FILE`; only its tasks tagged sidekiq are run")
	f.BoolVarP(&t.quiet, "quiet", "q", false, "show only hosts that changed, differ or failed, and errors")
	return t
}

// conflict is of two flags that are mutually exclusive. Its hint says what to do instead.
type conflict struct{ one, other, hint string }

var conflicts = []conflict{
	{"inventory", "host", "to run on some hosts of an inventory, end with -- --limit HOST"},
	{"playbook", "host", "to run on some hosts of the playbook, end with -- --limit HOST"},
	{"playbook", "hosts", "to run on some hosts of the playbook, end with -- --limit PATTERN"},
	{"host", "hosts", "--hosts chooses hosts of an inventory, --host names them"},
}

func (t *target) validate(args []string) error {
	f := t.cmd.Flags()
	all := conflicts
	flagsOf(t.cmd, true).VisitAll(func(flag *pflag.Flag) {
		all = append(all, conflict{"playbook", flag.Name, "the playbook does not use the model: set the role's variables in it or in the inventory"})
	})
	for _, c := range all {
		if f.Changed(c.one) && f.Changed(c.other) {
			return fmt.Errorf("--%s and --%s are mutually exclusive; hint: %s", c.one, c.other, c.hint)
		}
	}
	switch {
	case len(args) > 0 && t.cmd.ArgsLenAtDash() != 0:
		return fmt.Errorf("unexpected argument %q; hint: options of ansible-playbook go after --", args[0])
	case given(args, "-i", "--inventory-file"):
		return errors.New("an inventory is given after --; hint: give it before --, with --hosts for some of its hosts: -i hosts.yml --hosts worker1")
	case len(t.inventories)+len(t.hosts) == 0 && t.playbook == "":
		return errors.New("--inventory, --host or --playbook is required; hint: for example --playbook site.yml, or --host worker1.example.org")
	}
	for i, h := range t.hosts {
		if t.hosts[i] = strings.TrimSpace(h); t.hosts[i] == "" || strings.ContainsAny(t.hosts[i], " \t\n") {
			return fmt.Errorf("--host: %q is not accepted; accepted: the name or address of a host", h)
		}
	}
	return nil
}

// run runs the role and shows how, for verify as well, where a difference is what is looked for.
func (t *target) run(args []string, o playbook.AnsiblePlaybookOptions, r watch.Run) error {
	if err := t.validate(args); err != nil {
		return err
	}
	var m model.Model
	var err error
	if t.playbook == "" {
		if m, err = t.modelOf(); err != nil {
			return err
		}
	}
	if r.Core, err = watch.Ansible(t.cmd.Context()); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "sidekiq-role-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	changes := !o.Check && !given(args, "-C", "--check")
	file := t.playbook
	plugins, err := watch.WritePlugin(dir)
	if file != "" {
		o.Tags, r.Plugins = watch.Tag, plugins
	} else if err == nil {
		file, err = t.writePlay(dir, m, changes)
	}
	if err != nil {
		return err
	}
	r.Project, r.File, r.Quiet = m.Project, t.playbook, t.quiet
	r.Playbook = playbook.NewAnsiblePlaybookCmd(playbook.WithPlaybooks(file), playbook.WithPlaybookOptions(&o))
	if len(t.hosts) > 0 {
		t.inventories = []string{strings.Join(t.hosts, ",") + ","} // names in a list that ends in a comma are hosts
	}
	for _, i := range t.inventories {
		r.Extra = append(r.Extra, "--inventory="+i)
	}
	r.Extra = append(r.Extra, args...)
	if !given(args, "--list-hosts", "--list-tasks", "--list-tags", "--syntax-check") {
		if err := t.targets(r, m, changes); err != nil {
			return err
		}
	}
	status, err := r.Watch(t.cmd.Context(), t.cmd.OutOrStdout(), t.cmd.ErrOrStderr())
	if err == nil && status != 0 {
		return exitError{status}
	}
	return err
}

// given reports whether an option is among those of ansible-playbook, which knows it by the beginning of its name, or by a letter
// after those that have no value.
func given(args []string, options ...string) bool {
	return slices.ContainsFunc(args, func(word string) bool {
		name, _, _ := strings.Cut(word, "=")
		return slices.ContainsFunc(options, func(option string) bool {
			short := len(option) == 2 && regexp.MustCompile("^-[vCDbkKJh]*"+option[1:]).MatchString(word)
			return short || len(name) > 2 && strings.HasPrefix(option, name)
		})
	})
}

// writePlay writes a playbook with the role beside it. A change restarts as many hosts at a time as the model says; nothing else has to wait.
func (t *target) writePlay(dir string, m model.Model, changes bool) (string, error) {
	pattern := cmp.Or(t.pattern, m.Playbook.Hosts)
	if len(t.hosts) > 0 {
		pattern = "all"
	}
	play, err := filled("templates/apply.yml", map[string]any{"Hosts": pattern, "Serial": m.Playbook.Serial, "Changes": changes, "Project": m.Project, "Nameless": watch.Nameless})
	if err == nil {
		_, err = generate(m, rolePackage, filepath.Join(dir, "roles/sidekiq"))
	}
	file := filepath.Join(dir, "sidekiq.yml")
	return file, errors.Join(err, os.WriteFile(file, play, 0o600))
}

// targets prints plays and hosts, and asks before they are changed.
func (t *target) targets(r watch.Run, m model.Model, changes bool) error {
	plays, warnings, status, err := r.Plays(t.cmd.Context())
	switch {
	case err != nil:
		return err
	case status != 0:
		fmt.Fprint(t.cmd.ErrOrStderr(), warnings)
		return exitError{status}
	}
	note, text, hosts := "", "", []string{}
	switch {
	case !changes:
		note = ", nothing is changed"
	case t.playbook == "":
		note = fmt.Sprintf(", %d at a time", m.Playbook.Serial)
	}
	for _, p := range plays {
		text += p.Describe(note)
		hosts = append(hosts, p.Hosts...)
	}
	slices.Sort(hosts)
	plays = slices.DeleteFunc(plays, func(p watch.Play) bool { return !p.Tagged })
	switch n := len(slices.Compact(hosts)); {
	case !slices.ContainsFunc(plays, func(p watch.Play) bool { return len(p.Hosts) > 0 }):
		fmt.Fprint(t.cmd.ErrOrStderr(), warnings)
		return t.nothing(plays)
	case changes && !t.yes:
		fmt.Fprint(t.cmd.ErrOrStderr(), text+warnings)
		return t.confirm(n)
	case !t.quiet && r.Format == watch.Formats[0]:
		fmt.Fprint(t.cmd.OutOrStdout(), text+"\n")
	}
	return nil
}

// nothing says why there is nothing to run.
func (t *target) nothing(plays []watch.Play) error {
	if len(plays) == 0 {
		return fmt.Errorf("no task with the tag %q would run; hint: the role has it in all tasks since this version; include_role needs it as well; look at --tags and --skip-tags after --", watch.Tag)
	}
	hint := "name others in the model (playbook.hosts), or with --hosts PATTERN"
	if t.playbook != "" {
		hint = "correct hosts in the playbook, or name another inventory with -i INVENTORY"
	}
	groups := cmp.Or(strings.Join(watch.Groups(t.cmd.Context(), t.inventories), ", "), "none")
	return fmt.Errorf("no host matches %q; groups of the inventory: %s; hint: %s", plays[0].Pattern, groups, hint)
}

// confirm asks a person at a terminal, who may also press Ctrl-C.
func (t *target) confirm(hosts int) error {
	in := t.cmd.InOrStdin()
	if file, ok := in.(*os.File); !ok || !watch.IsTerminal(file) {
		return fmt.Errorf("nothing was changed: standard input is not a terminal; hint: --yes applies to %s without asking, --check shows what would change", watch.Hosts(hosts))
	}
	fmt.Fprintf(t.cmd.ErrOrStderr(), "\napply to %s? [y/N] ", watch.Hosts(hosts))
	ctx, stop := signal.NotifyContext(t.cmd.Context(), os.Interrupt)
	defer stop()
	answers := make(chan string, 1)
	go func() {
		answer, _ := bufio.NewReader(in).ReadString('\n') // an error is no yes
		answers <- strings.ToLower(strings.TrimSpace(answer))
	}()
	select {
	case answer := <-answers:
		if answer == "y" || answer == "yes" {
			return nil
		}
	case <-ctx.Done():
		fmt.Fprintln(t.cmd.ErrOrStderr())
	}
	return errors.New("nothing was changed")
}
