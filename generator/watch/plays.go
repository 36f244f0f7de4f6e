package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// Plays are those that use the role, as ansible-playbook lists them for the same inventories and options. No host is connected to.
// If ansible-playbook refuses, status is the exit status, and errs has what it said.
func (r Run) Plays(ctx context.Context, errs io.Writer) (plays []Play, status int, err error) {
	words, err := command{r.Playbook, append(slices.Clone(r.Extra), "--list-hosts", "--list-tasks")}.Command()
	if err != nil {
		return nil, 0, err
	}
	c := exec.CommandContext(ctx, words[0], words[1:]...)
	c.Env = append(os.Environ(), "ANSIBLE_NOCOLOR=1", "ANSIBLE_FORCE_COLOR=0")
	listed, err := c.Output()
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.Exited() {
		_, err = io.WriteString(errs, Visible(string(ended.Stderr)))
		return nil, r.status(ended.ExitCode(), &fleet{}), err
	}
	return playsOf(Visible(string(listed))), 0, err
}

// How --list-hosts and --list-tasks print a play and its tasks, from ansible-core 2.14 to 2.22 (lib/ansible/cli/playbook.py).
var (
	playLine = regexp.MustCompile(`^\d+ \((.*?)\): (.*)\tTAGS: `)
	tagged   = regexp.MustCompile(`(?m)\tTAGS: \[(.*, )?` + Tag + `(, .*)?\]$`)
)

func playsOf(listed string) (plays []Play) {
	for _, play := range strings.Split(listed, "\n  play #")[1:] {
		head, rest, _ := strings.Cut(play, "\n    hosts (")
		hosts, tasks, _ := strings.Cut(rest, "\n    tasks:\n")
		if m := playLine.FindStringSubmatch(head); m != nil && tagged.MatchString(tasks) {
			names := strings.Split(hosts, "\n      ")[1:]
			slices.Sort(names)
			plays = append(plays, Play{m[2], m[1], names})
		}
	}
	return plays
}

// Describe has the play and a note in a line, and the hosts below.
func (p Play) Describe(note string) string {
	return fmt.Sprintf("%s (%s): %s%s\n", p.Name, p.Pattern, Hosts(len(p.Hosts)), note) + shift(wrap(strings.Join(p.Hosts, ", "), 78), 2)
}
