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
	"strings"
)

// Tag is the tag of all tasks of the role.
const Tag = "sidekiq"

// Play is a play that uses the role.
type Play struct {
	Name, Pattern string
	Hosts         []string
}

// Plays are those that use the role, as ansible-playbook lists them for the same inventories and options. No host is
// connected to. Where ansible-playbook refuses, status is its own and said is what it said.
func (r Run) Plays(ctx context.Context) (plays []Play, status int, said string, err error) {
	words, err := command{r.Playbook, append(slices.Clone(r.Extra), "--list-hosts", "--list-tasks")}.Command()
	if err != nil {
		return nil, 0, "", err
	}
	out, said, err := listing(ctx, words...)
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.Exited() {
		return nil, ended.ExitCode(), said, nil
	}
	return playsOf(out), 0, said, err
}

// listing runs a program of Ansible, whose output is for programs that read it.
func listing(ctx context.Context, words ...string) (out, errs string, err error) {
	var stdout, stderr bytes.Buffer
	c := exec.CommandContext(ctx, words[0], words[1:]...)
	c.Env = append(os.Environ(), "ANSIBLE_NOCOLOR=1", "ANSIBLE_FORCE_COLOR=0")
	c.Stdout, c.Stderr = &stdout, &stderr
	err = c.Run()
	return Visible(stdout.String()), Visible(stderr.String()), err
}

// The lines of --list-hosts and --list-tasks, which are the same from ansible-core 2.14 to 2.22 (lib/ansible/cli/playbook.py).
var (
	playLine = regexp.MustCompile(`^  play #\d+ \((.*?)\): (.*)\tTAGS: \[.*\]$`)
	hostLine = regexp.MustCompile(`^      (.+)$`)
	taskLine = regexp.MustCompile(`^      .*\tTAGS: \[(.*)\]$`)
)

func playsOf(listed string) (plays []Play) {
	var p Play
	tagged := false
	add := func() {
		if tagged {
			slices.Sort(p.Hosts)
			plays = append(plays, p)
		}
	}
	for _, line := range strings.Split(listed, "\n") {
		if m := playLine.FindStringSubmatch(line); m != nil {
			add()
			p, tagged = Play{Name: m[2], Pattern: m[1]}, false
		} else if m := taskLine.FindStringSubmatch(line); m != nil {
			tagged = tagged || slices.Contains(strings.Split(m[1], ", "), Tag)
		} else if m := hostLine.FindStringSubmatch(line); m != nil {
			p.Hosts = append(p.Hosts, m[1])
		}
	}
	add()
	return plays
}

var groupName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// Describe says in a line what the play is and what is to be known of it, and below the hosts.
func (p Play) Describe(note string) string {
	text := fmt.Sprintf("%s: %s", p.Name, Hosts(len(p.Hosts)))
	switch {
	case p.Pattern == "all", slices.Equal(p.Hosts, []string{p.Pattern}):
	case groupName.MatchString(p.Pattern):
		text += " of the group " + p.Pattern
	default:
		text += fmt.Sprintf(" that match %q", p.Pattern)
	}
	return text + note + "\n" + shift(wrap(strings.Join(p.Hosts, ", "), 78), 2)
}

// groupLine is a line of ansible-inventory --graph.
var groupLine = regexp.MustCompile(`(?m)^[| ]*\|--@(.+):$`)

// Groups are those of the inventories, none where ansible-inventory cannot tell. It needs no variables, and so no password of
// a vault that holds some.
func Groups(ctx context.Context, inventories []string) (groups []string) {
	words := []string{"ansible-inventory", "--graph"}
	for _, i := range inventories {
		words = append(words, "--inventory="+i)
	}
	out, _, err := listing(ctx, words...)
	if err != nil {
		return nil
	}
	for _, m := range groupLine.FindAllStringSubmatch(out, -1) {
		if m[1] != "ungrouped" {
			groups = append(groups, m[1])
		}
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}
