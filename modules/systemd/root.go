package systemd

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lazyregexp"
)

// commands are the properties of a service that start programs; those in Ex tell from systemd 243 which of them root runs although the
// service has another user (systemd.service(5), prefixes + and !).
var commands = []string{"ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost", "ExecReload", "ExecStop", "ExecStopPost"}

// sinceEx is the first systemd that has the properties in Ex.
const sinceEx = 243

var (
	execPath  = lazyregexp.New(`path=(\S+) ;`)
	execArgs  = lazyregexp.New(`argv\[\]=(.*?) ;`)
	execFlags = lazyregexp.New(`flags=[^;]*\b(privileged|no-setuid)\b`)
	execLine  = lazyregexp.New(`(?m)^[ \t]*Exec(?:Condition|Start|StartPre|StartPost|Reload|Stop|StopPost)[ \t]*=[ \t]*[-@:|]*[+!][-@:|+!]*(.*)$`)
)

// RootFiles are the files and directories that root trusts when a unit is started or stopped: those that define it, and, where root runs a
// command for it, the program, all arguments that are absolute paths, the files with its environment, and the directories in which it runs. What
// a timer, socket or path unit triggers counts as well. A unit that does not exist, or is masked, has none.
func (s Systemctl) RootFiles(unit string) ([]string, error) {
	properties := "LoadState,FragmentPath,SourcePath,DropInPaths,User,DynamicUser,PermissionsStartOnly,WorkingDirectory,RootDirectory,RootImage," +
		"EnvironmentFiles,Triggers"
	for _, c := range commands {
		properties += "," + c + "," + c + "Ex"
	}
	var all []string
	for units := []string{unit}; len(units) > 0; units = units[1:] {
		out, err := s.run("show", "-p", properties, "--", units[0])
		if err != nil {
			return nil, err
		}
		r := readRoot(out)
		if !r.isLoaded {
			continue
		}
		if s.Version < sinceEx {
			if err := r.readPrefixes(); err != nil {
				return nil, err
			}
		}
		all = append(all, append(r.files(), "/etc/systemd/system/"+units[0]+".d")...)
		if units[0] == unit {
			units = append(units, r.triggers...)
		}
	}
	return all, nil
}

// root is what systemd shows of a unit, sorted by who uses it.
type root struct {
	isLoaded bool
	user     string   // "": root
	own      []string // files that define the unit
	byRoot   []string // of commands that root runs in any case
	byUser   []string // of commands that the user runs
	around   []string // what all commands have in common
	triggers []string
}

// files are those that root trusts.
func (r root) files() []string {
	byRoot := r.byRoot
	if r.user == "" || r.user == "root" || r.user == "0" {
		byRoot = slices.Concat(byRoot, r.byUser)
	}
	if len(byRoot) == 0 {
		return r.own
	}
	return slices.Concat(r.own, byRoot, r.around)
}

// readRoot reads the output of systemctl show.
func readRoot(out string) root {
	var r root
	properties := map[string][]string{}
	for line := range strings.Lines(out) {
		if key, value, _ := strings.Cut(strings.TrimSpace(line), "="); value != "" {
			properties[key] = append(properties[key], value)
		}
	}
	one := func(key string) string { return strings.Join(properties[key], " ") }
	r.isLoaded = one("LoadState") == "loaded"
	r.user = one("User")
	if r.user == "" && one("DynamicUser") == "yes" {
		r.user = "dynamic"
	}
	r.own = strings.Fields(one("FragmentPath") + " " + one("SourcePath") + " " + one("DropInPaths"))
	r.triggers = strings.Fields(one("Triggers"))
	for _, key := range []string{"WorkingDirectory", "RootDirectory", "RootImage"} {
		if path := strings.TrimLeft(one(key), "!-"); strings.HasPrefix(path, "/") {
			r.around = append(r.around, path)
		}
	}
	for _, file := range properties["EnvironmentFiles"] {
		path, _, _ := strings.Cut(file, " (")
		r.around = append(r.around, path)
	}
	for _, c := range commands {
		for i, command := range properties[c] {
			isRoot := c != "ExecStart" && one("PermissionsStartOnly") == "yes" ||
				i < len(properties[c+"Ex"]) && execFlags().MatchString(properties[c+"Ex"][i])
			if isRoot {
				r.byRoot = append(r.byRoot, paths(command)...)
			} else {
				r.byUser = append(r.byUser, paths(command)...)
			}
		}
	}
	return r
}

// readPrefixes finds the commands with the prefixes + and ! in the files of the unit.
func (r *root) readPrefixes() error {
	for _, file := range r.own {
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("reading a unit that systemd has loaded: %w", err)
		}
		for _, m := range execLine().FindAllStringSubmatch(strings.ReplaceAll(string(text), "\\\n", " "), -1) {
			r.byRoot = append(r.byRoot, absolute(strings.Fields(m[1]))...)
		}
	}
	return nil
}

// paths are the program of a command and those of its arguments that may be files.
func paths(command string) []string {
	var all []string
	if m := execPath().FindStringSubmatch(command); m != nil {
		all = append(all, m[1])
	}
	if m := execArgs().FindStringSubmatch(command); m != nil {
		if words := strings.Fields(m[1]); len(words) > 1 {
			all = append(all, absolute(words[1:])...)
		}
	}
	return all
}

// absolute are the absolute paths among words, also behind a `=`. A specifier is not resolved.
func absolute(words []string) []string {
	var all []string
	for _, word := range words {
		if i := strings.Index(word, "=/"); i >= 0 {
			word = word[i+1:]
		}
		word = strings.Trim(word, `"'`)
		if strings.HasPrefix(word, "/") && !strings.Contains(word, "%") {
			all = append(all, word)
		}
	}
	return all
}
