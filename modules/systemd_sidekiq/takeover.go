package systemdsidekiq

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/capistrano"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// checkOwner refuses a unit of that name that belongs to another project: taking it over would stop somebody's Sidekiq.
//
// A unit is of this project when its working directory is app_root or in deploy_root. That holds for units of this module, of
// ansible-samvera's role and of capistrano-sidekiq, in any directory. It also holds for a unit of the project's web server, which is recognized
// by its command.
func (g *gatherer) checkOwner(u *unit) error {
	dir, isOurs := u.root(), isManaged(u.installed.Text)
	switch {
	case u.installed.Path == "", g.AppRoot == "" && isOurs:
		return nil
	case g.AppRoot != "" && g.deployment().Owns(dir):
		if isOurs || runsSidekiq(u.installed) || g.Takeover == "force" {
			return nil
		}
		return argspec.Errorf("name", "%s does not run Sidekiq; hint: give this one another name, or set takeover: force", u.installed.Path)
	}
	if isOurs && g.Takeover == "force" {
		return nil
	}
	hint := "give this one another name"
	if isOurs {
		hint += ", or set takeover: force to move it to this application (or, with state: absent, to remove it)"
	}
	what := fmt.Sprintf("it runs in %q", dir)
	if dir == "" || g.AppRoot == "" {
		what = "it was not written by this module"
	}
	return argspec.Errorf("name", "%s belongs to another project, %s; hint: %s", u.installed.Path, what, hint)
}

// otherUnits finds units of the same application, so that there are never two Sidekiqs where one was meant.
func (g *gatherer) otherUnits(own service) ([]other, error) {
	files := systemd.UnitFiles(g.root, "*.service", "*sidekiq*.service")
	files = slices.DeleteFunc(files, func(file systemd.UnitFile) bool {
		isOwn := slices.ContainsFunc(own, func(u *unit) bool { return u.name == file.Name() })
		return isOwn || isManaged(file.Text) || !g.isForApplication(file)
	})
	return g.others(g.systemctl, files)
}

// unitsOfUser finds such units of the user's own systemd instance, as capistrano-sidekiq 3 writes them unless service_unit_user is :system
// (lib/capistrano/sidekiq/systemd.rb). What cannot be asked about them is a warning.
func (g *gatherer) unitsOfUser(user *accounts.User) []other {
	if user == nil || user.Home == "" {
		return nil
	}
	files := g.unitFilesOfUser(user.Home)
	if len(files) == 0 {
		return nil
	}
	ctl, err := g.systemctl.OfUser(*user, jobTimeout)
	var all []other
	if err == nil {
		all, err = g.others(ctl, files)
	}
	if err != nil {
		for _, file := range files {
			u := unit{name: file.Name(), ofUser: &ctl}
			g.warn("%s may run a second Sidekiq for this application: %v; hint: %s", file.Path, err, u.disableHint())
		}
		return nil
	}
	for _, o := range all {
		o.ofUser = &ctl
	}
	return all
}

// unitFilesOfUser are the unit files in a home directory of units that run Sidekiq for the application. As in systemd.UnitFiles, links do not count.
func (g *gatherer) unitFilesOfUser(home string) []systemd.UnitFile {
	var all []systemd.UnitFile
	paths, _ := filepath.Glob(g.inRoot(home + "/.config/systemd/user/*.service")) // an invalid pattern matches nothing
	for _, path := range paths {
		info, err := os.Lstat(path)
		if path = g.fromRoot(path); err != nil || !info.Mode().IsRegular() || !systemd.IsUnitName(filepath.Base(path)) {
			continue
		}
		text, err := g.files.ReadFile(path)
		file := systemd.UnitFile{Path: path, Text: strings.ReplaceAll(string(text), "%h", home)}
		switch {
		case err != nil && strings.Contains(file.Name(), "sidekiq"):
			g.warn("a unit of %s may run a second Sidekiq for this application: %v", g.User, err)
		case err == nil && g.isForApplication(file):
			all = append(all, file)
		}
		if len(all) == maxFiles {
			g.warn("%s has more units that run Sidekiq for this application than the %d that are taken over", g.User, maxFiles)
			break
		}
	}
	return all
}

// isForApplication reports whether a unit runs Sidekiq for the application.
func (g *gatherer) isForApplication(file systemd.UnitFile) bool {
	return runsSidekiq(file) && g.deployment().Owns(file.Value("WorkingDirectory"))
}

// others are the units of unit files, with their states. Those of a template are its instances.
func (g *gatherer) others(ctl systemd.Systemctl, files []systemd.UnitFile) ([]other, error) {
	var all []other
	var names []string
	for _, file := range files {
		name := file.Name()
		instances := []string{name}
		if strings.HasSuffix(name, "@.service") {
			var err error
			if instances, err = ctl.Instances(name); err != nil {
				return nil, err
			}
		}
		for _, instance := range instances {
			all = append(all, other{&unit{name: instance, installed: file}, capistrano.IsUnit(name, g.RailsEnv)})
		}
		names = append(names, instances...)
	}
	if len(all) == 0 {
		return nil, nil
	}
	states, err := ctl.ShowAll(names...)
	for i := range states {
		all[i].state = states[i]
	}
	return all, err
}

// replaceOthers plans the end of the units that the service replaces. Their files stay: this module did not write them.
func (p *planner) replaceOthers() error {
	for _, o := range p.others {
		switch {
		case o.state.Stopped() && o.state.UnitFileState != "enabled":
		case !o.isCapistrano:
			p.Warn("%s runs Sidekiq for this application, too; hint: %s, unless two processes are intended", o.id(), o.disableHint())
		default:
			if err := p.checkEdits(o.installed); err != nil {
				return err
			}
			p.warnOfOldLog(o.installed)
			p.drainAndStop(o.unit, fmt.Sprintf(" (%s replaces it)", p.unitName("")))
			p.disable(o.unit)
			p.Warn("%s was not written by this module and stays, disabled; hint: remove the file, and the tasks in deploy.rb that start it", o.id())
		}
	}
	return nil
}

// replaced is the unit that the service replaces: its own, else one of capistrano-sidekiq, else the zero value.
func (f *facts) replaced() systemd.UnitFile {
	for _, o := range f.others {
		switch {
		case !o.isCapistrano || f.main().installed.Path != "":
		case o.ofUser != nil: // what the user wrote there, such as Group=, does not count
			return systemd.UnitFile{Path: o.installed.Path}
		default:
			return o.installed
		}
	}
	return f.main().installed
}

// checkTakeover checks units of the service that others wrote: what an admin set there is not dropped silently.
func (p *planner) checkTakeover() error {
	for _, u := range p.wanted() {
		if !isManaged(u.installed.Text) {
			if err := p.checkEdits(u.installed); err != nil {
				return err
			}
			p.warnOfOldLog(u.installed)
		}
	}
	if m := p.main(); m.process == nil && m.installed.Path != "" && len(m.state.DropIns) > 0 && !m.isParent() {
		p.Warn("%s are for %s, which will hold several processes together, and no longer for Sidekiq itself; hint: set options, or move them to sidekiq@PROCESS.service.d", strings.Join(m.state.DropIns, ", "), m.name)
	}
	return nil
}

func (p *planner) checkEdits(u systemd.UnitFile) error {
	edits := p.edits(u)
	if len(edits) == 0 {
		return nil
	}
	text := fmt.Sprintf("%s has what the new unit would not have: %s", u.Path, strings.Join(edits, "; "))
	if p.Takeover != "force" {
		return argspec.Errorf("takeover", "%s; hint: set these options, or takeover: force to drop it", text)
	}
	p.Warn("dropped: %s", text)
	return nil
}

// edits are the directives of an old unit that neither the tools that generate such units nor the new unit set, each with the option
// that sets it. Values of variables are hidden.
func (p *planner) edits(u systemd.UnitFile) []string {
	var edits []string
	for _, d := range u.Directives() {
		values := []string{d.Value}
		if d.Name == "Environment" {
			values = systemd.Words(d.Value)
		}
		for _, value := range values {
			if d.Value = value; !p.covers(d) {
				edits = append(edits, describeEdit(d))
			}
		}
	}
	return edits
}

// warnOfOldLog warns of a log file of a unit that is replaced, if it gets no more lines.
func (p *planner) warnOfOldLog(u systemd.UnitFile) {
	for _, name := range []string{"StandardOutput", "StandardError"} {
		if file := logFileOf(u.Value(name)); file != "" && file != p.LogFile {
			p.Warn("%s logs to %s, the new unit to the %s; hint: set log_file", u.Path, file, p.log())
			return
		}
	}
}

// logFileOf is the file of a value of StandardOutput=; "" for other values.
func logFileOf(value string) string {
	kind, file, _ := strings.Cut(value, ":")
	if !slices.Contains([]string{"append", "file", "truncate"}, kind) {
		return ""
	}
	return file
}

func describeEdit(d systemd.Directive) string {
	shown := d.Name + "=" + d.Value
	if d.Name == "Environment" {
		name, _, _ := strings.Cut(d.Value, "=")
		shown = d.Name + "=" + name + "=(hidden)"
	}
	switch by := setBy(d.Name); {
	case d.Name == "ExecStart":
		return "ExecStart=" + assignment().ReplaceAllString(d.Value, "$1=(hidden)") + " (options command, bundle, login_shell, environment, concurrency, queues, sidekiq_config, timeout)"
	case isOption(by):
		return shown + " (option " + by + ")"
	}
	if option := (&options{}).givenIn(d.Section).option; option != "" && checkDirective(option, d.Name, d.Value) == nil {
		return shown + " (option " + option + ")"
	}
	return shown + " (a drop-in)"
}

// assignment matches a variable that a command line sets.
var assignment = lazyregexp.New(`\b([A-Za-z_][A-Za-z0-9_]*)=\S+`)

// improved are directives whose value in an old unit does not matter: that of the new unit is better.
var improved = []string{"Description", "Documentation", "Type", "NotifyAccess", "Restart", "RestartSec", "SyslogIdentifier", "KillMode", "WatchdogSec",
	"TimeoutStartSec", "StartLimitIntervalSec", "StartLimitBurst", "StartLimitInterval", "PIDFile"}

// startsBefore reports whether the new unit starts after a unit.
func (p *planner) startsBefore(name string) bool {
	return slices.Contains([]string{"syslog.target", "network.target"}, name) || slices.Contains(slices.Concat(alwaysAfter, p.neighbours.after), name)
}

// covers reports whether the new unit does what a directive of the old one did, or better.
func (p *planner) covers(d systemd.Directive) bool {
	switch d.Name {
	case "WorkingDirectory": // see checkOwner
		return true
	case "After", "Wants", "Requires":
		given := strings.Fields(strings.Join(p.givenIn(d.Section).values[d.Name], " "))
		return !slices.ContainsFunc(strings.Fields(d.Value), func(name string) bool { return !p.startsBefore(name) && !slices.Contains(given, name) })
	case "WantedBy":
		return d.Value == "multi-user.target" || d.Value == "default.target"
	case "StandardOutput", "StandardError":
		return slices.Contains([]string{"syslog", "journal"}, d.Value) || logFileOf(d.Value) != ""
	case "User":
		return d.Value == p.User
	case "Group": // see groupOf
		return true
	case "UMask":
		return strings.TrimLeft(d.Value, "0") == strings.TrimLeft(p.Umask, "0")
	case "Environment":
		return p.coversVariable(d.Value)
	case "EnvironmentFile":
		return slices.Contains(p.EnvironmentFiles, d.Value)
	case "ExecStart":
		return p.coversCommand(d.Value)
	case "ExecReload":
		return strings.Contains(d.Value, "kill") && strings.Contains(d.Value, "TSTP")
	case "TimeoutStopSec", "TimeoutSec":
		n, err := strconv.Atoi(d.Value)
		return err == nil && (n <= p.workers()[0].timeout+stopMargin || p.StopTimeout != nil)
	case "LimitNOFILE":
		return p.LimitNOFILE != nil
	case "MemoryHigh":
		return p.MemoryHigh != ""
	case "MemoryMax", "MemoryLimit":
		return p.MemoryMax != ""
	}
	return slices.Contains(improved, d.Name) || slices.Contains(p.givenIn(d.Section).values[d.Name], d.Value)
}

func (p *planner) coversVariable(assignment string) bool {
	name, value, _ := strings.Cut(assignment, "=")
	now, isSet := p.Variables()[name]
	isRailsEnv := (name == "RAILS_ENV" || name == "RACK_ENV") && value == p.RailsEnv // which -e sets
	return isSet && now == value || isRailsEnv || assignment == "MALLOC_ARENA_MAX=2"
}

func runsSidekiq(u systemd.UnitFile) bool {
	return sidekiq.ParseCommandLine(u.Value("ExecStart")) != nil
}

// coversCommand reports whether the new unit's command does what a command line does.
func (p *planner) coversCommand(line string) bool {
	c := sidekiq.ParseCommandLine(line)
	if c == nil || c.HasOthers {
		return false
	}
	isSame := func(value string, wanted ...string) bool { return value == "" || slices.Contains(wanted, value) }
	return c.Program == sidekiq.ProcessOptions{Command: p.Command}.Program() &&
		isSame(c.Environment, p.RailsEnv) &&
		isSame(c.Config, p.SidekiqConfig, "config/sidekiq.yml", sidekiq.ProcessOptions{}.ConfigPath(p.AppRoot)) &&
		(c.Concurrency == "" || p.Concurrency != nil && c.Concurrency == strconv.Itoa(*p.Concurrency)) &&
		(p.Timeout != nil || isSame(c.Timeout, strconv.Itoa(p.workers()[0].timeout))) &&
		(len(c.Queues) == 0 || slices.Equal(c.Queues, p.Queues)) &&
		p.coversProgram(c.Starter)
}

// starters are words before bundle that do not change how it runs.
var starters = []string{"/usr/bin/env", "/bin/bash", "/usr/bin/bash", "/bin/sh", "/usr/bin/sh", "-l", "-c", "-lc", "exec", "cd", "&&"}

// coversProgram reports whether the words before sidekiq start it as the new unit does. Another bundle is an edit, unless it no longer exists; so is
// any other word before it, such as nice or a variable.
func (p *planner) coversProgram(words []string) bool {
	i := sidekiq.IndexProgram(words, "bundle")
	if i < 0 || !slices.Equal(words[i+1:], []string{"exec"}) {
		return false
	}
	for _, w := range words[:i] {
		if !slices.Contains(starters, w) && !p.deployment().Owns(w) {
			return false
		}
	}
	if words[i] == "bundle" {
		return p.LoginShell || p.Bundle != "" // a shell found it
	}
	_, err := os.Stat(p.inRoot(words[i]))
	return words[i] == p.bundle.Path || p.Bundle != "" || err != nil
}
