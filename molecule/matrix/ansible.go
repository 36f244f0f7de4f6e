package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/apenella/go-ansible/v2/pkg/adhoc"
	"github.com/apenella/go-ansible/v2/pkg/execute"
	"github.com/apenella/go-ansible/v2/pkg/playbook"
)

// A controller is one ansible-core and what it is to know.
type controller struct {
	core      core
	scratch   string // also its home, so that nothing of this machine's user counts
	inventory string
}

// adhoc runs one module on all hosts that pattern names, by the role's plugin.
func (c controller) adhoc(ctx context.Context, log, pattern, module, args string, check bool) (string, error) {
	return c.execute(ctx, log, c.command(pattern, module, args, check),
		"ANSIBLE_LIBRARY=roles/sidekiq/library", "ANSIBLE_ACTION_PLUGINS=roles/sidekiq/action_plugins")
}

// plain does the same with the binary alone.
func (c controller) plain(ctx context.Context, log, pattern, module, args string) (string, error) {
	command := c.command(pattern, module, args, true)
	command.AdhocOptions.ModulePath = "bin/modules"
	return c.execute(ctx, log, command)
}

func (c controller) command(pattern, module, args string, check bool) *adhoc.AnsibleAdhocCmd {
	return adhoc.NewAnsibleAdhocCmd(
		adhoc.WithBinary(c.core.program("ansible")),
		adhoc.WithPattern(pattern),
		adhoc.WithAdhocOptions(&adhoc.AnsibleAdhocOptions{
			Inventory: c.inventory, ModuleName: module, Args: args, Check: check, Diff: check,
		}),
	)
}

// role runs the role as molecule's default scenario does.
func (c controller) role(ctx context.Context, log, limit string, check bool, extra vars) (string, error) {
	return c.execute(ctx, log, playbook.NewAnsiblePlaybookCmd(
		playbook.WithBinary(c.core.program("ansible-playbook")),
		playbook.WithPlaybooks("molecule/default/converge.yml"),
		playbook.WithPlaybookOptions(&playbook.AnsiblePlaybookOptions{
			Inventory: c.inventory, Limit: limit, Check: check, Diff: check, ExtraVars: extra,
		}),
	), "ANSIBLE_ROLES_PATH=roles")
}

// execute returns what was printed, and leaves it in the file log, standard error last: both are written at the same time. That the command failed is an error.
func (c controller) execute(ctx context.Context, log string, command execute.Commander, env ...string) (string, error) {
	all := map[string]string{
		"HOME": c.scratch, "LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORKS": "20", "ANSIBLE_VERBOSITY": "3",
		"ANSIBLE_CONFIG":                                  filepath.Join(c.scratch, "ansible.cfg"),
		"ANSIBLE_HOST_KEY_CHECKING":                       "False",
		"ANSIBLE_PARAMIKO_RECORD_HOST_KEYS":               "False",
		"ANSIBLE_PRIVATE_KEY_FILE":                        filepath.Join(c.scratch, "key"),
		"ANSIBLE_COLLECTIONS_PATH":                        filepath.Join(c.scratch, "collections"),
		"ANSIBLE_COLLECTIONS_ON_ANSIBLE_VERSION_MISMATCH": "ignore",
	}
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		all[name] = value
	}
	var out, problems bytes.Buffer
	err := execute.NewDefaultExecute(execute.WithCmd(command), execute.WithEnvVars(all),
		execute.WithWrite(&out), execute.WithWriteError(&problems)).Execute(ctx)
	if err != nil && out.Len() == 0 {
		fmt.Fprintln(&problems, err) // it was not started
	}
	if err != nil {
		err = errors.New("ansible failed") // go-ansible's error is the whole environment
	}
	return out.String(), errors.Join(err, os.WriteFile(c.log(log), slices.Concat(out.Bytes(), problems.Bytes()), 0o600))
}

func (c controller) log(name string) string {
	return filepath.Join(c.scratch, "logs", c.core.version+"-"+name+".log")
}

var (
	answerLine = regexp.MustCompile(`(?m)^(\S+) \| ([A-Z]+)`)
	recapLine  = regexp.MustCompile(`(?m)^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)`)
	taskOrCall = regexp.MustCompile(`(?m)^TASK \[(.*?)\]|^<(\S+)> (?:SSH: )?(?:EXEC|PUT) `)
)

// answers are SUCCESS, CHANGED, FAILED or UNREACHABLE, by the hosts of an ad hoc call.
func answers(out string) map[string]string {
	all := map[string]string{}
	for _, found := range answerLine.FindAllStringSubmatch(out, -1) {
		all[found[1]] = found[2]
	}
	return all
}

// recap says the same of a playbook's hosts.
func recap(out string) map[string]string {
	all := map[string]string{}
	for _, found := range recapLine.FindAllStringSubmatch(out, -1) {
		switch {
		case found[3] != "0":
			all[found[1]] = "UNREACHABLE"
		case found[4] != "0":
			all[found[1]] = "FAILED"
		case found[2] != "0":
			all[found[1]] = "CHANGED"
		default:
			all[found[1]] = "SUCCESS"
		}
	}
	return all
}

// remoteCalls counts what Ansible sent to an address, by task; those of an ad hoc call have no name.
func remoteCalls(out, address string) map[string]int {
	calls, task := map[string]int{}, ""
	for _, found := range taskOrCall.FindAllStringSubmatch(out, -1) {
		switch {
		case found[2] == "":
			task = found[1]
		case found[2] == address:
			calls[task]++
		}
	}
	return calls
}
