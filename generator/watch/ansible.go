package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"github.com/apenella/go-ansible/v2/pkg/playbook"
)

// Oldest is the first version of ansible-core, 2.x, with which the role works.
const Oldest = 14

// detached is the first version that runs ssh without a terminal. With others ssh may ask there whether a host's key is right.
const detached = 19

// coreLine is what ansible-playbook --version begins with. Warnings may come before.
var coreLine = regexp.MustCompile(`(?m)^ansible-playbook (?:\[core )?((\d+)\.(\d+)\S*?)\]?\s*$`)

// Ansible asks the ansible-playbook that will run for its version of ansible-core: 14 is 2.14.
func Ansible(ctx context.Context) (core int, err error) {
	c := exec.CommandContext(ctx, playbook.DefaultAnsiblePlaybookBinary, "--version")
	said, err := c.CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	core, version := coreOf(string(said))
	switch {
	case errors.Is(err, exec.ErrNotFound):
		err = errors.New("ansible-playbook was not found in PATH")
	case err != nil:
		err = fmt.Errorf("%s --version: %w: %s", c.Path, err, lines[len(lines)-1])
	case version == "":
		err = fmt.Errorf("%s: %q tells no version of ansible-core", c.Path, lines[0])
	case core < Oldest:
		err = fmt.Errorf("%s is of ansible-core %s, which is too old: 2.%d or later is needed", c.Path, version, Oldest)
	default:
		return core, nil
	}
	return 0, fmt.Errorf("%w; hint: pip install 'ansible-core>=2.%d'", err, Oldest)
}

// configured is a setting that is a list of paths, as the environment or ansible.cfg has it.
func configured(ctx context.Context, name string) (paths []string) {
	var settings []struct {
		Name  string
		Value json.RawMessage
	}
	dump, _ := exec.CommandContext(ctx, "ansible-config", "dump", "--only-changed", "--format", "json").Output() // without it there are none
	_ = json.Unmarshal(dump, &settings)
	for _, s := range settings {
		if s.Name == name {
			_ = json.Unmarshal(s.Value, &paths)
		}
	}
	return paths
}

// coreOf finds the version, and its text, in what ansible-playbook --version says.
func coreOf(said string) (core int, version string) {
	found := coreLine.FindStringSubmatch(said)
	if found == nil {
		return 0, ""
	}
	major, _ := strconv.Atoi(found[2]) // they are digits
	minor, _ := strconv.Atoi(found[3])
	return (major-2)*100 + minor, found[1]
}
