package systemdsidekiq

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudolint"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// givenDirectives are the directives that an option adds to a section of the units that run a process, each with its values.
type givenDirectives struct {
	option, section string
	values          map[string][]string
}

// givenIn returns the directives that an option adds to a section. The zero value is for a section without an option.
func (o *options) givenIn(section string) givenDirectives {
	switch section {
	case "Service":
		return givenDirectives{"extra_directives", section, o.ExtraDirectives}
	case "Unit":
		return givenDirectives{"unit_directives", section, o.UnitDirectives}
	}
	return givenDirectives{}
}

func (o *options) allGiven() []givenDirectives {
	return []givenDirectives{o.givenIn("Service"), o.givenIn("Unit")}
}

// names are sorted, for the order of a unit and of errors.
func (g givenDirectives) names() []string { return slices.Sorted(maps.Keys(g.values)) }

func (g givenDirectives) rows() []systemd.Row {
	var rows []systemd.Row
	for _, name := range g.names() {
		var values []systemd.Value
		for _, value := range g.values[name] {
			values = append(values, systemd.Given(value))
		}
		rows = append(rows, row(name, values, always, g.option))
	}
	return rows
}

func (o *options) checkDirectives() error {
	for _, given := range o.allGiven() {
		for _, name := range given.names() {
			for _, value := range append([]string{""}, given.values[name]...) { // the name counts without a value, too
				if err := checkDirective(given.option, name, value); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

var (
	// rootPrefix matches a program with a prefix by which it runs with the privileges of root (systemd.service(5), "Command lines").
	rootPrefix   = lazyregexp.New(`^[-@:|"'\\]*[+!]`)
	anyCharacter = lazyregexp.New(`\\[xuU0-7]`)
	// commandDirective matches the directives with commands, which run as the user of the service.
	commandDirective = lazyregexp.New(`^Exec(Condition|Start|StartPre|StartPost|Reload|Stop|StopPost)$`)
)

// checkDirective returns an error for a directive that an option cannot add. Root never runs a command in app_root and with the variables of the
// service, both of which its user can change.
func checkDirective(option, name, value string) error {
	switch by := setBy(name); {
	case by == byModule:
		return argspec.Errorf(option, "%q is managed by this module; hint: leave it out, or write a drop-in", name)
	case isOption(by):
		return argspec.Errorf(option, "%q has a separate option; hint: set %s", name, by)
	case name == "PermissionsStartOnly":
		return argspec.Errorf(option, "%q runs commands as root in a directory that the user can change; hint: run them in a separate unit, and set unit_directives: {Requires: UNIT, After: UNIT}", name)
	case commandDirective().MatchString(name) && runsAsRoot(value):
		return argspec.Errorf(option, "%s= has a command with the prefix + or !, which runs as root in a directory that the user can change: %q; hint: run it in a separate unit, and set unit_directives: {Requires: UNIT, After: UNIT}", name, value)
	}
	if err := systemd.CheckDirective(name, systemd.Given(value)); err != nil {
		return argspec.Errorf(option, "%w", err)
	}
	return nil
}

// runsAsRoot reports whether one of the commands in a line, divided by the word ";", runs as root. systemd removes quotes and escapes before it looks
// for prefixes and for that word (load-fragment.c, config_parse_exec). An escape that stands for any character could be either.
func runsAsRoot(line string) bool {
	if anyCharacter().MatchString(line) {
		return true
	}
	isProgram := true
	for _, word := range systemd.Words(line) {
		if isProgram && rootPrefix().MatchString(word) {
			return true
		}
		isProgram = word == ";"
	}
	return false
}

var (
	// unprivileged matches directives of [Service] whose paths root does not use for the process, or that only take permissions from it
	// (systemd.exec(5), systemd.resource-control(5)).
	unprivileged = lazyregexp.New(`^(Exec\w*|(ReadOnly|Inaccessible|NoExec)(Paths|Directories)|(Block)?IO\w+|LogExtraFields|SetCredential\w*|\w+Environment)$`)
	// trusted matches those by which root uses the contents of a path: file systems, and programs for the kernel.
	trusted = lazyregexp.New(`^(Root\w*|Mount\w*|Extension\w*|BPFProgram|IP\w+FilterPath)$`)
	// unjudged matches the specifiers for paths (systemd.unit(5), "Specifiers"), escapes, and words with a path and a specifier, a quote or what PathsIn
	// takes for a divider.
	unjudged = lazyregexp.New(`\\|%[CdDEfhILJSTtVyY]|\S*/\S*(%[A-Za-z]|["'])|(%[A-Za-z]|["'])\S*/|/[^:\s]*[,();&|<>]`)
)

// checkPathsOfRoot checks the paths in extra_directives that systemd uses as root, such as a file for LoadCredential=. Who can change a directory on the
// way can have it read or mount any other file of the host. No directive of [Unit] has root use the contents of a path.
func (g *gatherer) checkPathsOfRoot() error {
	given := g.givenIn("Service")
	for _, name := range given.names() {
		if unprivileged().MatchString(name) {
			continue
		}
		for _, value := range given.values[name] {
			if unjudged().MatchString(strings.ReplaceAll(value, "%%", "")) {
				g.miss(given.option, "%s= makes root use a path that cannot be checked: %q; accepted: absolute paths without specifiers, quotes and escapes", name, value)
			}
			for _, path := range systemd.PathsIn(value) {
				who, err := sudolint.OnWay(g.root, path, trusted().MatchString(name))
				if err != nil {
					return err
				}
				if who != "" {
					g.miss(given.option, "%s= makes root use %q, which others than root can replace: %s; hint: put it where only root can write, such as below /etc", name, path, g.fromRoot(who))
				}
			}
		}
	}
	return nil
}

// verifyUnits has systemd-analyze verify the texts of units, by name.
func (p *planner) verifyUnits(texts map[string]string) error {
	err := systemd.Verify(texts)
	if errors.Is(err, systemd.ErrNotVerified) {
		for _, given := range p.allGiven() {
			if len(given.values) > 0 {
				p.Warn("option %q: the directives were not checked, since systemd-analyze is not installed; systemd ignores those that it does not know", given.option)
			}
		}
		return nil
	}
	var unknown *systemd.UnknownDirective
	if !errors.As(err, &unknown) {
		return err
	}
	given := p.givenIn(unknown.Section)
	if _, isGiven := given.values[unknown.Name]; !isGiven {
		return err
	}
	version, err := systemd.InstalledVersion()
	if err != nil {
		return err
	}
	return argspec.Errorf(given.option, "systemd %d does not know %q in [%s]; accepted: the directives of [%s] that this version has; hint: leave it out, or set directives of [Unit] in unit_directives and of [Service] in extra_directives",
		version, unknown.Name, given.section, given.section)
}
