package systemdsidekiq

import (
	"fmt"
	"path"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// fragment is the unit file that systemd uses, wherever it lies; without a path there is none.
type fragment struct{ path, text string }

func (u fragment) isOurs() bool { return strings.HasPrefix(u.text, "# "+marker) }

// isParent tells whether it is ours and holds several processes together.
func (u fragment) isParent() bool { return u.isOurs() && u.directive("Type") == "oneshot" }

// checkOwner refuses a unit of that name that belongs to another project: taking it over would stop somebody's worker.
//
// A unit is of this project when its working directory is app_root or lies in deploy_root. That holds for units of ours, of
// ansible-samvera's role and of capistrano-sidekiq, wherever they were put. One of the project's web server is its own, too, and is told by
// what it runs.
func (u fragment) checkOwner(p *Params) error {
	dir := u.root()
	switch {
	case u.path == "", p.AppRoot == "" && u.isOurs():
		return nil
	case p.AppRoot != "" && p.owns(dir):
		if u.isOurs() || u.runsSidekiq() || p.Takeover == "force" {
			return nil
		}
		return fmt.Errorf("option %q: %s does not run Sidekiq; hint: give this one another name, or set takeover: force", "name", u.path)
	}
	what := fmt.Sprintf("it runs in %q", dir)
	if dir == "" || p.AppRoot == "" {
		what = "it was not written by this module"
	}
	return fmt.Errorf("option %q: %s belongs to another project, %s; hint: give this one another name", "name", u.path, what)
}

func (u fragment) runsSidekiq() bool {
	_, runs := sidekiqAt(commandWords(u.directive("ExecStart")))
	return runs
}

// root is the folder of the application that it runs.
func (u fragment) root() string {
	if u.isParent() {
		return u.directive("ConditionPathIsDirectory")
	}
	return u.directive("WorkingDirectory")
}

// owns tells whether a folder is of this deployment. What else lies in deploy_root may be another's: it may be as wide as /opt.
func (p *Params) owns(dir string) bool {
	if dir == "" || dir == p.AppRoot || p.DeployRoot == "" {
		return dir != "" && dir == p.AppRoot
	}
	dir = path.Clean(dir)
	return dir == path.Join(p.DeployRoot, "current") || strings.HasPrefix(dir, path.Join(p.DeployRoot, "releases")+"/")
}

// directive is the last value of a directive, which is the one that counts for WorkingDirectory= and Type=.
func (u fragment) directive(name string) string {
	value := ""
	for _, line := range u.lines() {
		if line.name == name {
			value = strings.TrimPrefix(strings.ReplaceAll(line.value, "%%", "%"), "-")
		}
	}
	return value
}

// lines are the directives of a unit file, lines that end in a backslash joined with the next (systemd.syntax(7)).
func (u fragment) lines() []directive {
	var all []directive
	joined := ""
	for line := range strings.Lines(u.text) {
		line = strings.TrimSpace(line)
		if joined == "" && (line == "" || strings.ContainsRune("#;[", rune(line[0]))) {
			continue
		}
		if head, more := strings.CutSuffix(line, `\`); more {
			joined += strings.TrimSpace(head) + " "
			continue
		}
		name, value, _ := strings.Cut(joined+line, "=")
		joined = ""
		all = append(all, directive{strings.TrimSpace(name), strings.TrimSpace(value)})
	}
	return all
}

// single takes the variables of one line apart.
func single(d directive) []directive {
	if d.name != "Environment" {
		return []directive{d}
	}
	var all []directive
	for _, assignment := range quoted().FindAllString(d.value, -1) {
		all = append(all, directive{d.name, unquote(assignment)})
	}
	return all
}

// quoted is a word of a line, in quotes or not (systemd.syntax(7)).
var quoted = lazyregexp.New(`"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\S+`)

var escapes = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n", `\t`, "\t", "%%", "%")

// unquote reads one word of a unit, which may be in quotes.
func unquote(word string) string {
	for _, quote := range []string{`"`, "'"} {
		if inner, found := strings.CutPrefix(word, quote); found {
			word = strings.TrimSuffix(inner, quote)
			break
		}
	}
	return escapes.Replace(word)
}
