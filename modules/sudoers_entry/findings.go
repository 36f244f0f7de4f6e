package sudoersentry

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudolint"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// check runs all checks on the file. It asks for the version of systemd only if a finding depends on it.
func (f *facts) check(file sudoers.File) ([]sudolint.Finding, error) {
	all, err := f.checkAll(file)
	if err != nil || len(f.systemctl) == 0 || !slices.ContainsFunc(all, func(f sudolint.Finding) bool { return f.Check == sudolint.Pager }) {
		return all, err
	}
	if f.lint.Systemd, err = systemd.InstalledVersion(); err != nil {
		return nil, err
	}
	return f.checkAll(file)
}

// checkAll runs all checks with the version of systemd that is known. A rule for certain hosts is checked as any other, since by which name sudo knows this host is not known here (it
// may ask DNS); only that a program is missing says nothing then.
func (f *facts) checkAll(file sudoers.File) ([]sudolint.Finding, error) {
	all := sudolint.CheckFile(file, f.lint)
	for _, s := range file.Settings {
		found, err := sudolint.CheckSetting(s)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	seen := map[string]bool{}
	isNew := func(key string) bool {
		n := len(seen)
		seen[key] = true
		return len(seen) > n
	}
	for _, r := range file.Rules {
		found, err := f.checkAccounts(r)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
		for _, c := range r.Commands() {
			if !isNew(fmt.Sprint(c, r.Everywhere())) {
				continue
			}
			found, units, err := sudolint.CheckOnHost(c, f.lint)
			if err != nil {
				return nil, err
			}
			all = append(all, slices.DeleteFunc(found, func(f sudolint.Finding) bool { return f.Check == sudolint.MissingPath && !r.Everywhere() })...)
			for _, unit := range units {
				if f.systemd == nil || !isNew(unit) {
					continue
				}
				found, err := f.checkUnit(unit)
				if err != nil {
					return nil, err
				}
				all = append(all, found...)
			}
		}
	}
	return all, nil
}

func (f *facts) checkUnit(unit string) ([]sudolint.Finding, error) {
	files, isKnown := f.rootFiles[unit]
	if !isKnown {
		var err error
		if files, err = f.systemd.RootFiles(unit); err != nil {
			return nil, err
		}
	}
	return sudolint.CheckUnit(unit, files)
}

// checkAccounts finds names and ids that the host's sudo does not read as they are meant.
func (f *facts) checkAccounts(r sudoers.Rule) ([]sudolint.Finding, error) {
	var all []sudolint.Finding
	add := func(u sudoers.User, hint, message string, args ...any) {
		all = append(all, sudolint.Finding{
			Check: sudoers.Unportable, Severity: sudolint.Error, Subject: u.String(), Message: fmt.Sprintf(message, args...), Hint: hint,
		})
	}
	var unread []sudoers.User
	if f.missing == nil {
		var err error
		if unread, err = f.sudo.Unread(r); err != nil {
			return nil, err
		}
	}
	for _, u := range unread {
		hint := f.idHint(u)
		if u.IsID() {
			hint = "give its name"
		}
		if a := f.accounts[u]; a != nil && a.id >= 1e9 {
			hint += "; sudo-rs reads ids of ten digits from 0.2.14 on"
		}
		add(u, hint, "cannot be read by %s", f.sudo.Version())
	}
	for _, u := range r.Accounts() {
		lower := u.Lower()
		if a, other := f.accounts[u], f.accounts[lower]; !f.lint.Rs && a != nil && other != nil && a.id != other.id {
			add(u, f.idHint(u), "is %q as well to sudo, which ignores case (case_insensitive_user)", lower)
		}
	}
	return all, nil
}

func (f *facts) idHint(u sudoers.User) string {
	a := f.accounts[u]
	if a == nil {
		return "create it before, or correct the name"
	}
	return fmt.Sprintf("give its id as %q", u.WithID(a.id))
}

// refusals turns the errors of package sudoers into findings; prefix is where the options stand.
func refusals(prefix string, err error) []sudolint.Finding {
	if err == nil {
		return nil
	}
	var all []sudolint.Finding
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			all = append(all, refusals(prefix, one)...)
		}
		return all
	}
	var field *sudoers.FieldError
	var refusal *sudoers.Refusal
	if !errors.As(err, &field) || !errors.As(err, &refusal) {
		panic(err)
	}
	return []sudolint.Finding{{
		Check: refusal.Check, Severity: sudolint.Error, Option: prefix + field.Field, Message: refusal.Reason, Hint: refusal.Hint,
	}}
}

// report adds findings to the answer by their severity. The error is the first finding that stops; a program that is missing stops a run only, since
// in check mode an earlier task may be about to install it.
func (o *options) report(plan *ansible.Plan, all []sudolint.Finding) error {
	all = sudolint.Lower(all, o.allows)
	plan.See("findings", append([]sudolint.Finding{}, all...))
	var stopping, missing []sudolint.Finding
	for _, f := range all {
		switch {
		case f.Severity == sudolint.Error && f.Check == sudolint.MissingPath:
			missing = append(missing, f)
		case f.Severity == sudolint.Error:
			stopping = append(stopping, f)
		case f.Severity == sudolint.Warning:
			plan.Warn("%s", f)
		}
	}
	names := o.allowing(all)
	if len(stopping) > 0 {
		return stop(stopping, names)
	}
	for _, f := range missing {
		plan.Missing(stop([]sudolint.Finding{f}, names))
	}
	return nil
}

// stop is the error of the first finding. It ends with the line that allows all of them.
func stop(all []sudolint.Finding, names []string) error {
	first := all[0]
	if more := len(all) - 1; more > 0 {
		first.Message += fmt.Sprintf(" (and %d more: see findings)", more)
	}
	if first.IsAllowable() {
		first.Hint += fmt.Sprintf(", or set allow_findings, in the role sidekiq_sudo_allow_findings: [%s]", strings.Join(names, ", "))
	}
	return errors.New(first.String())
}

// allowing are the names that let the task pass, as far as its errors can be allowed: those that were given, and those of the errors.
func (o *options) allowing(all []sudolint.Finding) []string {
	names := slices.DeleteFunc(slices.Clone(o.AllowFindings), func(name string) bool { return name == string(sudolint.KillChildren) }) // never an error
	for _, f := range all {
		if name := string(f.Check); f.Severity == sudolint.Error && f.IsAllowable() && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// allows reports whether the user allows findings of a check.
func (o *options) allows(check sudoers.Check) bool {
	return slices.Contains(o.AllowFindings, string(check))
}
