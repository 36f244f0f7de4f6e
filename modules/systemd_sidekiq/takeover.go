package systemdsidekiq

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// other is a unit of another name that runs Sidekiq for the same application and that this module did not write.
type other struct {
	unit
	known bool // it comes from a tool whose worker ours replaces
}

// unitFolders are where system units lie, the admin's first.
var unitFolders = []string{"/etc/systemd/system", "/usr/local/lib/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system"}

// isCapistrano tells the names that capistrano-sidekiq gives: APP_sidekiq_STAGE (3), sidekiq-STAGE (2), sidekiq_APP_STAGE (its README).
func isCapistrano(name, stage string) bool {
	name, _, _ = strings.Cut(strings.TrimSuffix(name, ".service"), "@")
	return strings.HasSuffix(name, "_sidekiq_"+stage) || name == "sidekiq-"+stage || strings.HasPrefix(name, "sidekiq_") && strings.HasSuffix(name, "_"+stage)
}

// lookAtOthers finds workers of the same application, so that there are never two where one was meant.
func (f *found) lookAtOthers(p *Params) error {
	var names []string
	for _, folder := range unitFolders {
		pattern := "*sidekiq*.service"
		if folder == unitFolders[0] {
			pattern = "*.service"
		}
		files, err := filepath.Glob(f.host.path(folder + "/" + pattern))
		if err != nil {
			return err
		}
		for _, file := range files {
			name := filepath.Base(file)
			if slices.Contains(names, name) {
				continue
			}
			if u, found := f.otherWorker(p, file); found {
				names = append(names, name)
				f.others = append(f.others, &other{unit: unit{name: name, inUse: u}, known: isCapistrano(name, p.RailsEnv)})
			}
		}
	}
	f.warnOfUserUnits(p)
	return f.askOthers()
}

// otherWorker reads a unit file, if it is that of a worker of this application which is none of ours.
func (f *found) otherWorker(p *Params, file string) (fragment, bool) {
	name := filepath.Base(file)
	if slices.ContainsFunc(append(f.units(), f.stale...), func(u *unit) bool { return u.name == name }) {
		return fragment{}, false
	}
	info, err := os.Lstat(file)
	if err != nil || !info.Mode().IsRegular() { // a link is an alias, or a mask
		return fragment{}, false
	}
	text, err := atomicfile.ReadIfThere(file)
	if err != nil {
		return fragment{}, false
	}
	u := fragment{f.host.own(file), string(text)}
	return u, u.runsSidekiq() && !u.isOurs() && p.owns(u.directive("WorkingDirectory"))
}

// askOthers asks for the states. A template counts by its instances.
func (f *found) askOthers() error {
	var all []*other
	for _, o := range f.others {
		names := []string{o.name}
		if strings.HasSuffix(o.name, "@.service") {
			var err error
			if names, err = f.systemctl.Instances(o.name); err != nil {
				return err
			}
		}
		for _, name := range names {
			all = append(all, &other{unit: unit{name: name, inUse: o.inUse}, known: o.known})
		}
	}
	f.others = all
	if len(all) == 0 {
		return nil
	}
	var names []string
	for _, o := range all {
		names = append(names, o.name)
	}
	states, err := f.systemctl.ShowAll(names...)
	for i := range states {
		f.others[i].state, f.others[i].ran = states[i], states[i].Up()
	}
	return err
}

// warnOfUserUnits: systemd's user instance cannot be driven for another user on every version, so its units are left to the admin.
func (f *found) warnOfUserUnits(p *Params) {
	if f.user == nil || f.user.Home == "" {
		return
	}
	files, err := filepath.Glob(f.host.path(f.user.Home + "/.config/systemd/user/*sidekiq*.service"))
	if err != nil {
		return
	}
	for _, file := range files {
		f.warnings = append(f.warnings, fmt.Sprintf("%s has a unit of its own, %s, and may run a second worker; hint: as that user, systemctl --user disable --now %s",
			p.User, f.host.own(file), filepath.Base(file)))
	}
}

// replaceOthers plans that workers which ours replaces end. Their files stay: they are not ours.
func (a *act) replaceOthers() error {
	for _, o := range a.f.others {
		switch runs := !o.state.Stopped(); {
		case !runs && o.state.UnitFileState != "enabled":
		case !o.known:
			a.Warn("%s runs Sidekiq for this application, too; hint: systemctl disable --now %s, unless two workers are meant", o.name, o.name)
		default:
			if err := a.checkEdits(o.inUse); err != nil {
				return err
			}
			a.drainAndStop(&o.unit, fmt.Sprintf(" (%s replaces it)", a.p.unitName()))
			a.disable(&o.unit)
			a.Warn("%s was not written by this module and stays, disabled; hint: remove it and what starts it in deploy.rb", o.name)
		}
	}
	return nil
}

// takeOver looks at units that others wrote, before ours take their names: what a person put there is not dropped in silence.
func (a *act) takeOver() error {
	for _, u := range a.f.units() {
		if u.inUse.path == "" || u.inUse.isOurs() {
			continue
		}
		if err := a.checkEdits(u.inUse); err != nil {
			return err
		}
	}
	if m := a.f.main; m.process == nil && m.inUse.path != "" && len(m.state.DropIns) > 0 && !m.inUse.isParent() {
		a.Warn("%s are for %s, which will hold several processes together, and no longer for Sidekiq itself; hint: set options, or move them to sidekiq@PROCESS.service.d", strings.Join(m.state.DropIns, ", "), m.name)
	}
	return nil
}

func (a *act) checkEdits(u fragment) error {
	edits := editsOf(u, a.p, a.f)
	if len(edits) == 0 {
		return nil
	}
	text := fmt.Sprintf("%s has what the new unit would not have: %s", u.path, strings.Join(edits, "; "))
	if a.p.Takeover != "force" {
		return fmt.Errorf("option %q: %s; hint: set these options, or takeover: force to drop it", "takeover", text)
	}
	a.Warn("dropped: %s", text)
	return nil
}

// editsOf are the directives of an old unit that are neither those of the tools that write such units nor ours, each with the option
// that gives it. Values of variables are not shown.
func editsOf(u fragment, p *Params, f *found) []string {
	var edits []string
	for _, d := range u.lines() {
		for _, one := range single(d) {
			if !covered(one, p, f) {
				edits = append(edits, edit(one))
			}
		}
	}
	return edits
}

func edit(d directive) string {
	shown := d.name + "=" + d.value
	if d.name == "Environment" {
		name, _, _ := strings.Cut(d.value, "=")
		shown = d.name + "=" + name + "=(hidden)"
	}
	switch option, isOwned := owned[d.name]; {
	case d.name == "ExecStart":
		return "ExecStart=" + assigned().ReplaceAllString(d.value, "$1=(hidden)") + " (options bundle, login_shell, environment, concurrency, queues, sidekiq_config, timeout)"
	case isOwned:
		return shown + " (option " + option + ")"
	case slices.Contains(kept, d.name) || !systemd.IsDirective(d.name):
		return shown + " (a drop-in)"
	}
	return shown + " (option extra_directives)"
}

// assigned is a variable that a command line sets.
var assigned = lazyregexp.New(`\b([A-Za-z_][A-Za-z0-9_]*)=\S+`)

// decided are directives that ours sets better whatever they were.
var decided = []string{"Description", "Documentation", "Type", "NotifyAccess", "Restart", "RestartSec", "SyslogIdentifier", "KillMode", "WatchdogSec",
	"TimeoutStartSec", "StartLimitIntervalSec", "StartLimitBurst", "StartLimitInterval", "PIDFile"}

// neighbourNames are units after which ours starts, too, where they are there.
var neighbourNames = append([]string{"syslog.target", "network.target", "network-online.target"}, append(slices.Concat(databases...), redisNames...)...)

// covered tells whether the new unit does what a directive of the old one did, or better.
func covered(d directive, p *Params, f *found) bool {
	switch d.name {
	case "WorkingDirectory": // see checkOwner
		return true
	case "After", "Wants", "Requires":
		return !slices.ContainsFunc(strings.Fields(d.value), func(n string) bool { return !slices.Contains(neighbourNames, n) })
	case "WantedBy":
		return d.value == "multi-user.target" || d.value == "default.target"
	case "StandardOutput", "StandardError":
		return d.value == "syslog" || d.value == "journal" || p.LogFile != "" && d.value == appendTo(p.LogFile)
	case "User":
		return d.value == p.User
	case "Group":
		return d.value == p.Group
	case "UMask":
		return strings.TrimLeft(d.value, "0") == strings.TrimLeft(p.Umask, "0")
	case "Environment":
		return coveredVariable(d.value, p)
	case "EnvironmentFile":
		return slices.Contains(p.EnvironmentFiles, d.value)
	case "ExecStart":
		return coveredCommand(d.value, p, f)
	case "ExecReload":
		return strings.Contains(d.value, "kill") && strings.Contains(d.value, "TSTP")
	case "TimeoutStopSec", "TimeoutSec":
		n, err := strconv.Atoi(d.value)
		return err == nil && (n <= f.workers[0].timeout+graceMargin || p.StopTimeout != nil)
	}
	extra, given := p.ExtraDirectives[d.name]
	return slices.Contains(decided, d.name) || given && extra == d.value || coveredLimit(d, p)
}

func coveredLimit(d directive, p *Params) bool {
	switch d.name {
	case "LimitNOFILE":
		return p.LimitNOFILE != nil
	case "MemoryHigh":
		return p.MemoryHigh != ""
	case "MemoryMax", "MemoryLimit":
		return p.MemoryMax != ""
	}
	return false
}

func coveredVariable(assignment string, p *Params) bool {
	name, value, _ := strings.Cut(assignment, "=")
	now, set := p.variables()[name]
	isEnv := (name == "RAILS_ENV" || name == "RACK_ENV") && value == p.RailsEnv // which -e sets
	return set && now == value || isEnv || assignment == "MALLOC_ARENA_MAX=2"
}

// commandWords are the words of a command line, and of the one that it hands to a shell.
func commandWords(line string) []string {
	return strings.Fields(strings.NewReplacer(`"`, " ", "'", " ").Replace(line))
}

// sidekiqAt is where the program stands among the words.
func sidekiqAt(words []string) (int, bool) {
	at := slices.IndexFunc(words, func(w string) bool { return w == "sidekiq" || strings.HasSuffix(w, "/sidekiq") })
	return at, at >= 0
}

// coveredCommand compares what the options of two command lines come to.
func coveredCommand(line string, p *Params, f *found) bool {
	words := commandWords(line)
	at, found := sidekiqAt(words)
	if !found {
		return false
	}
	var queues []string
	for rest := words[at+1:]; len(rest) > 0; rest = rest[2:] {
		if len(rest) == 1 {
			return false
		}
		switch value := rest[1]; rest[0] {
		case "-e", "--environment":
			if value != p.RailsEnv {
				return false
			}
		case "-C", "--config":
			if value != p.SidekiqConfig && value != "config/sidekiq.yml" && value != p.configPath(Process{}) {
				return false
			}
		case "-c", "--concurrency":
			if p.Concurrency == nil || value != strconv.Itoa(*p.Concurrency) {
				return false
			}
		case "-t", "--timeout":
			if p.Timeout == nil && value != strconv.Itoa(f.workers[0].timeout) {
				return false
			}
		case "-q", "--queue":
			queues = append(queues, value)
		default:
			return false
		}
	}
	return (len(queues) == 0 || slices.Equal(queues, p.Queues)) && coveredProgram(words[:at], p, f)
}

// starters are words before bundle that start it as it is.
var starters = []string{"/usr/bin/env", "/bin/bash", "/usr/bin/bash", "/bin/sh", "/usr/bin/sh", "-l", "-c", "-lc", "exec", "cd", "&&"}

// coveredProgram: another Ruby than ours is an edit, unless it is away; so is whatever else stands before, as nice or a variable.
func coveredProgram(words []string, p *Params, f *found) bool {
	i := slices.IndexFunc(words, func(w string) bool { return w == "bundle" || strings.HasSuffix(w, "/bundle") })
	if i < 0 || !slices.Equal(words[i+1:], []string{"exec"}) {
		return false
	}
	for _, w := range words[:i] {
		if !slices.Contains(starters, w) && !p.owns(w) {
			return false
		}
	}
	if words[i] == "bundle" {
		return p.LoginShell || p.Bundle != "" // a shell found it
	}
	_, err := os.Stat(f.host.path(words[i]))
	return words[i] == f.bundle || p.Bundle != "" || err != nil
}
