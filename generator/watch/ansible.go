package watch

import (
	"context"
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

// Core is a version of ansible-core, 2.x.
type Core int

// detached is the first version that runs ssh without a terminal. With others ssh may ask there whether a host's key is right.
const detached = 19

// coreLine is what ansible-playbook --version begins with. Warnings may come before.
var coreLine = regexp.MustCompile(`(?m)^ansible-playbook (?:\[core )?((\d+)\.(\d+)\S*?)\]?\s*$`)

// Ansible asks the ansible-playbook that will run for its version.
func Ansible(ctx context.Context) (Core, error) {
	c := exec.CommandContext(ctx, playbook.DefaultAnsiblePlaybookBinary, "--version")
	said, err := c.CombinedOutput()
	version, found, unread := coreOf(string(said))
	switch {
	case errors.Is(err, exec.ErrNotFound):
		err = errors.New("ansible-playbook was not found in PATH")
	case err != nil:
		lines := strings.Split(strings.TrimSpace(string(said)), "\n")
		err = fmt.Errorf("%s --version: %w: %s", c.Path, err, lines[len(lines)-1])
	case unread != nil:
		err = fmt.Errorf("%s: %w", c.Path, unread)
	case version < Oldest:
		err = fmt.Errorf("%s is of ansible-core %s, which is too old: 2.%d or later is needed", c.Path, found, Oldest)
	default:
		return version, nil
	}
	return 0, fmt.Errorf("%w; hint: pip install 'ansible-core>=2.%d'", err, Oldest)
}

// coreOf finds the version, and its text, in what ansible-playbook --version says.
func coreOf(said string) (Core, string, error) {
	found := coreLine.FindStringSubmatch(said)
	if found == nil {
		line, _, _ := strings.Cut(said, "\n")
		return 0, "", fmt.Errorf("%q tells no version of ansible-core", line)
	}
	major, err := strconv.Atoi(found[2])
	minor, more := strconv.Atoi(found[3])
	return Core((major-2)*100 + minor), found[1], errors.Join(err, more)
}
