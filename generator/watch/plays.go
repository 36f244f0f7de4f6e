package watch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Tag is the tag of all tasks of the role.
const Tag = "sidekiq"

// Play is a play of which tasks would run.
type Play struct {
	Name, Pattern string
	Hosts         []string
	Tagged        bool // one of the tasks has the tag
}

// Plays are those of which tasks would run, as ansible-playbook lists them for the same inventories and options. No host is connected to.
// Warnings are what ansible-playbook said beside the list. If it refuses, status is the exit status, and warnings say why.
func (r Run) Plays(ctx context.Context) (plays []Play, warnings string, status int, err error) {
	words, err := command{r.Playbook, append(slices.Clone(r.Extra), "--list-hosts", "--list-tasks")}.Command()
	if err != nil {
		return nil, "", 0, err
	}
	var said bytes.Buffer
	c := exec.CommandContext(ctx, words[0], words[1:]...)
	c.Env, c.Stderr = os.Environ(), &said
	for name, value := range r.settings() {
		c.Env = append(c.Env, name+"="+value)
	}
	listed, err := c.Output()
	warnings = Visible(said.String())
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended) && ended.Exited():
		return nil, warnings, r.status(ended.ExitCode(), &fleet{}), nil
	case err == nil:
		plays, err = playsOf(Visible(string(listed)))
	}
	return plays, warnings, 0, err
}

// How --list-hosts and --list-tasks print a play and its tasks, from ansible-core 2.14 to 2.22 (lib/ansible/cli/playbook.py). Names may
// have line breaks.
var (
	playBlock = regexp.MustCompile(`(?s)^\d+ \(([^\n]*?)\): (.*)\tTAGS: \[[^\n]*\]\n    pattern: [^\n]*\n    hosts \((\d+)\):((?:\n      [^\n]+)*)\n    tasks:\n(.*)$`)
	tagged    = regexp.MustCompile(`(?m)\tTAGS: \[(.*, )?` + Tag + `(, .*)?\]$`)
)

// playsOf refuses a list with a play that cannot be read for certain: its hosts would be changed unseen.
func playsOf(listed string) (plays []Play, err error) {
	for _, block := range strings.Split(listed, "\n  play #")[1:] {
		m := playBlock.FindStringSubmatch(block)
		if m == nil || strings.Count(block, "\n    hosts (") != 1 || strconv.Itoa(strings.Count(m[4], "\n")) != m[3] {
			return nil, fmt.Errorf("the list of ansible-playbook cannot be read: %q; hint: give plays and tasks names of one line", "play #"+block)
		}
		if tasks, _, _ := strings.Cut(m[5], "\nplaybook: "); strings.TrimSpace(tasks) != "" {
			hosts := strings.Split(m[4], "\n      ")[1:]
			slices.Sort(hosts)
			plays = append(plays, Play{strings.Join(strings.Fields(m[2]), " "), m[1], hosts, tagged.MatchString(tasks)})
		}
	}
	return plays, nil
}

var groupLine = regexp.MustCompile(`(?m)--@(.+):$`)

// Groups are the groups of inventories, or of Ansible's default one. There are none if they cannot be read.
func Groups(ctx context.Context, inventories []string) (groups []string) {
	words := []string{"--graph"}
	for _, i := range inventories {
		words = append(words, "--inventory="+i)
	}
	graph, _ := exec.CommandContext(ctx, "ansible-inventory", words...).Output()
	for _, m := range groupLine.FindAllStringSubmatch(Visible(string(graph)), -1) {
		if m[1] != "ungrouped" {
			groups = append(groups, m[1])
		}
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

// Describe has the play and a note in a line, and the hosts below.
func (p Play) Describe(note string) string {
	return fmt.Sprintf("%s (%s): %s%s\n", p.Name, p.Pattern, Hosts(len(p.Hosts)), note) + shift(wrap(strings.Join(p.Hosts, ", "), 78), 2)
}
