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

// detaches tells whether what this version runs has no terminal: it starts a session of its own since 2.19. Before, ssh may ask
// whether a host's key is right.
func (c Core) detaches() bool { return c >= 19 }

// coreLine is what ansible-playbook --version begins with. Warnings may come before.
var coreLine = regexp.MustCompile(`(?m)^ansible-playbook (?:\[core )?((\d+)\.(\d+)\S*?)\]?\s*$`)

// Ansible asks the ansible-playbook that will run for its version.
func Ansible(ctx context.Context) (Core, error) {
	install := fmt.Sprintf("; hint: pip install 'ansible-core>=2.%d'", Oldest)
	path, err := exec.LookPath(playbook.DefaultAnsiblePlaybookBinary)
	if err != nil {
		return 0, errors.New("ansible-playbook was not found in PATH" + install)
	}
	out, err := exec.CommandContext(ctx, path, "--version").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%s --version: %w: %s%s", path, err, lastLine(string(out)), install)
	}
	version, found, err := coreOf(string(out))
	if err != nil {
		return 0, fmt.Errorf("%s: %w%s", path, err, install)
	}
	if version < Oldest {
		return 0, fmt.Errorf("%s is of ansible-core %s, which is too old: 2.%d or later is needed%s", path, found, Oldest, install)
	}
	return version, nil
}

// coreOf finds the version, and its text, in what ansible-playbook --version says.
func coreOf(said string) (Core, string, error) {
	found := coreLine.FindStringSubmatch(said)
	if found == nil {
		line, _, _ := strings.Cut(said, "\n")
		return 0, "", fmt.Errorf("%q tells no version of ansible-core", line)
	}
	major, err := strconv.Atoi(found[2])
	if err != nil {
		return 0, "", err
	}
	minor, err := strconv.Atoi(found[3])
	if err != nil {
		return 0, "", err
	}
	return Core((major-2)*100 + minor), found[1], nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
