package systemd

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// commands are the properties of services and sockets that start programs (systemd.service(5), systemd.socket(5)). ExecMount and ExecActivate, which
// are shown of mounts and swaps, are missing: systemd sets them itself, always to mount(8) and swapon(8).
var commands = []string{"ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost", "ExecReload", "ExecStop", "ExecStopPre", "ExecStopPost"}

// started are the properties that name units whose commands run when the unit is started, stopped, restarted, reloaded or has ended; restarted name those
// that are restarted together with the unit (systemd.unit(5)).
var (
	started = []string{"Requires", "Requisite", "Wants", "BindsTo", "Upholds", "OnSuccess", "OnFailure", "ConsistsOf", "PropagatesReloadTo",
		"PropagatesStopTo", "Conflicts"}
	restarted = []string{"RequiredBy", "RequisiteOf", "BoundBy"}
)

// shown are all properties that are read.
func shown() string {
	all := slices.Concat([]string{
		"Id", "Names", "LoadState", "FragmentPath", "SourcePath", "DropInPaths", "User", "DynamicUser", "WorkingDirectory", "RootDirectory", "RootImage",
		"EnvironmentFiles", "Environment", "BindPaths", "BindReadOnlyPaths", "ExecSearchPath", "Accept", "Triggers",
	}, started, restarted, commands)
	for _, c := range commands {
		all = append(all, c+"Ex")
	}
	return strings.Join(all, ",")
}

// RootFiles are the files and directories that root trusts when a unit is started or stopped: those that define it, and, where root runs a
// command for it, the program, all arguments that may be files, the files with its environment, and the directories in which it runs. Units that
// are started with it count as well, to any depth: those that it triggers, and of those that it depends on the ones that the distribution does
// not have. A unit that does not exist, or is masked, has none.
func (s Systemctl) RootFiles(unit string) ([]string, error) {
	return s.rootFiles(unit, func(name string) bool { return isAdded("/", name) })
}

// rootFiles takes one call of systemctl for each level of units, which are 5 to 10 ms. Units of the distribution are many and root's: isAdded tells
// them from others before the call.
func (s Systemctl) rootFiles(unit string, isAdded func(name string) bool) ([]string, error) {
	var all []string
	seen, triggered := map[string]bool{}, map[string]bool{}
	for level := []string{unit}; len(level) > 0; {
		out, err := s.run(append([]string{"show", "-p", shown(), "--"}, level...)...)
		if err != nil {
			return nil, err
		}
		isFirst := len(seen) == 0
		level = nil
		for _, r := range readRoot(out) {
			isTriggered := isFirst || slices.ContainsFunc(r.names, func(name string) bool { return triggered[name] })
			if seen[r.id] || !r.isLoaded || r.isShipped() && !isTriggered {
				continue
			}
			seen[r.id] = true
			all = append(all, r.files()...)
			for _, name := range r.triggers {
				triggered[name] = true
			}
			if !isFirst {
				r.restarted = nil
			}
			added := slices.DeleteFunc(append(r.started, r.restarted...), func(name string) bool { return !isAdded(name) })
			level = slices.Concat(level, r.triggers, added)
		}
		level = slices.DeleteFunc(unique(level), func(name string) bool { return seen[name] })
	}
	return unique(all), nil
}

// isAdded reports whether the unit, or the template that it is an instance of, has a file or link outside of the distribution's directories.
func isAdded(root, unit string) bool {
	return hasFile(root, unit, func(dir string) bool { return !isShipped(dir) })
}

func isShipped(path string) bool {
	return strings.HasPrefix(path, "/usr/lib/systemd/") || strings.HasPrefix(path, "/lib/systemd/")
}

// unique keeps the order: the finding that is reported first should be about the unit's own files.
func unique(all []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(s string) bool {
		isSeen := seen[s]
		seen[s] = true
		return isSeen
	})
}

// root is what systemd shows of a unit, sorted by who uses it.
type root struct {
	id        string
	names     []string // with aliases
	isLoaded  bool
	user      string   // "": root
	own       []string // files that define the unit
	opened    []string // directories of files that root opens whoever the user is
	hasRoot   bool     // root runs a command
	byRoot    []string // files of the commands that root runs
	around    []string // what all commands have in common
	triggers  []string
	started   []string
	restarted []string
}

// isShipped reports whether the unit is the distribution's, and nothing but drop-ins were added to it.
func (r root) isShipped() bool {
	return len(r.own) == 0 || isShipped(r.own[0])
}

// files are those that root trusts.
func (r root) files() []string {
	all := slices.Concat(r.own, r.opened)
	if r.hasRoot {
		all = slices.Concat(all, r.byRoot, r.around)
	}
	return append(all, dropInDirs(r.names)...)
}

// dropInDirs are the directories from which systemd reads drop-ins of a unit (systemd.unit(5)): its own, that of its template, one for each prefix
// that ends in a dash, and that of its type. They count while they are empty, too: who can write there can add a command.
func dropInDirs(names []string) []string {
	var all []string
	for _, name := range names {
		prefix, kind := strings.TrimSuffix(name, filepath.Ext(name)), filepath.Ext(name)
		prefix, instance, isInstance := strings.Cut(prefix, "@")
		ends := []string{kind}
		if isInstance {
			ends = []string{"@" + instance + kind, "@" + kind}
		}
		found := []string{}
		for prefix != "" {
			for _, end := range ends {
				found = append(found, prefix+end)
			}
			prefix = prefix[:strings.LastIndex(strings.TrimRight(prefix, "-"), "-")+1]
		}
		for _, unit := range append(found, strings.TrimPrefix(kind, ".")) {
			all = append(all, "/etc/systemd/system/"+unit+".d", "/run/systemd/system/"+unit+".d")
		}
	}
	return all
}

// shownUnit are the properties of one unit; some have several lines.
type shownUnit map[string][]string

func (u shownUnit) one(key string) string { return strings.Join(u[key], " ") }

var (
	listItem = lazyregexp.New(`"(?:[^"\\]|\\.)*"|\S+`)
	escaped  = lazyregexp.New(`\\(.)`)
)

// list is the value of a property that is a list. An item with a backslash, such as the unit a\x2db.service, is shown as "a\\x2db.service".
func (u shownUnit) list(keys ...string) []string {
	var all []string
	for _, key := range keys {
		for _, item := range listItem().FindAllString(u.one(key), -1) {
			if strings.HasPrefix(item, `"`) {
				item = escaped().ReplaceAllString(strings.Trim(item, `"`), "$1")
			}
			all = append(all, item)
		}
	}
	return all
}

var commandEnd = lazyregexp.New(` ; pid=\d+.*\}$`)

// readUnits reads the output of systemctl show, in which an empty line divides units. An argument of a command may have line breaks; they are
// shown as they are.
func readUnits(out string) []shownUnit {
	var all []shownUnit
	unit := shownUnit{}
	var key, value string
	for line := range strings.Lines(out + "\n\n") {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(value, "{ path=") && !commandEnd().MatchString(value) {
			value += " " + line
		} else if line == "" {
			if len(unit) > 0 {
				all = append(all, unit)
			}
			unit = shownUnit{}
			continue
		} else {
			key, value, _ = strings.Cut(line, "=")
		}
		if value != "" && (!strings.HasPrefix(value, "{ path=") || commandEnd().MatchString(value)) {
			unit[key] = append(unit[key], value)
		}
	}
	return all
}

var isPrivileged = lazyregexp.New(`flags=[^;]*\b(privileged|no-setuid)\b`)

// readRoot reads the output of systemctl show.
func readRoot(out string) []root {
	var all []root
	for _, unit := range readUnits(out) {
		all = append(all, newRoot(unit))
	}
	return all
}

func newRoot(u shownUnit) root {
	r := root{
		id:        u.one("Id"),
		names:     u.list("Names"),
		isLoaded:  u.one("LoadState") == "loaded",
		user:      u.one("User"),
		own:       u.list("FragmentPath", "SourcePath", "DropInPaths"),
		triggers:  u.list("Triggers"),
		started:   u.list(started...),
		restarted: u.list(restarted...),
	}
	if r.user == "" && u.one("DynamicUser") == "yes" {
		r.user = "dynamic"
	}
	if prefix, isSocket := strings.CutSuffix(r.id, ".socket"); isSocket && u.one("Accept") == "yes" {
		prefix, _, _ = strings.Cut(prefix, "@")
		r.triggers = append(r.triggers, prefix+"@x.service") // one instance for each connection
	}
	text := readText(r.own)
	r.opened = text.opened()
	at := newPlace(u)
	r.around = append(at.around(u), text.input()...)
	isShipped := !slices.ContainsFunc(r.own, func(file string) bool { return !isShipped(file) })
	isRoot := r.user == "" || r.user == "root" || r.user == "0"
	showsFlags := true
	for _, c := range commands {
		showsFlags = showsFlags && len(u[c+"Ex"]) == len(u[c])
		for i, command := range u[c] {
			if isRoot || c != "ExecStart" && text.isStartOnly() || i < len(u[c+"Ex"]) && isPrivileged().MatchString(u[c+"Ex"][i]) {
				r.hasRoot = true
				r.byRoot = append(r.byRoot, at.program(command)...)
				if !isShipped { // arguments of the distribution's commands, such as directories that it makes for a user, are its own affair
					r.byRoot = append(r.byRoot, at.arguments(command)...)
				}
			}
		}
	}
	if !showsFlags { // systemd before 243, and every systemd for sockets, does not show the prefixes + and ! of commands (systemd.service(5))
		for _, line := range text.prefixed() {
			r.hasRoot = true
			r.byRoot = append(r.byRoot, at.paths(line)...)
		}
	}
	return r
}
