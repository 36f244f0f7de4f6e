package matrix

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"

	"github.com/apenella/go-ansible/v2/pkg/adhoc"
	"github.com/apenella/go-ansible/v2/pkg/playbook"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
)

// A controller is an ansible-core with an inventory.
type controller struct {
	*lab.Lab
	core      core
	inventory string
}

// A call is an ad hoc run of a module, with the expected answer of each host.
type call struct {
	module, args string
	check        bool
	want         string
}

// module runs a module with the role's action plugin, or as a plain binary.
func (c controller) module(ctx context.Context, log, pattern string, one call, plain bool) (string, error) {
	options := adhoc.AnsibleAdhocOptions{Inventory: c.inventory, ModuleName: one.module, Args: one.args, Check: one.check, Diff: one.check}
	env := lab.ModulePaths()
	if plain {
		options.ModulePath, env = "bin/modules", nil
	}
	out, err := c.Module(ctx, c.core.bin(), pattern, options, c.environment(env))
	return c.log(log, out, err)
}

// role runs the role as molecule's scenario default does.
func (c controller) role(ctx context.Context, log, limit string, check bool, extra lab.Vars) (string, error) {
	out, err := c.Playbook(ctx, c.core.bin(), []string{"molecule/default/converge.yml"},
		playbook.AnsiblePlaybookOptions{Inventory: c.inventory, Limit: limit, Check: check, Diff: check, ExtraVars: extra}, c.environment(nil))
	return c.log(log, out, err)
}

func (c controller) environment(more map[string]string) map[string]string {
	all := map[string]string{
		"HOME": c.Path("home"), "ANSIBLE_VERBOSITY": "3",
		"ANSIBLE_PARAMIKO_RECORD_HOST_KEYS":               "False",
		"ANSIBLE_COLLECTIONS_PATH":                        c.Path("collections"),
		"ANSIBLE_COLLECTIONS_ON_ANSIBLE_VERSION_MISMATCH": "ignore",
	}
	maps.Copy(all, more)
	return all
}

// log writes the output to a file, which an error names.
func (c controller) log(name string, out lab.Output, err error) (string, error) {
	path := c.Path("logs", c.core.version+"-"+name+".log")
	if failed := os.WriteFile(path, []byte(out.Stdout+out.Stderr), 0o600); failed != nil {
		return "", failed
	}
	if err != nil {
		err = fmt.Errorf("%w; %s: %s", err, path, lab.Tail(out.Stdout+out.Stderr, 1500))
	}
	return out.Stdout, err
}

// expect runs a module; each host must give the wanted answer.
func (c controller) expect(ctx context.Context, log string, hosts []string, one call) error {
	out, err := c.module(ctx, log, strings.Join(hosts, ","), one, false)
	got := answers(out)
	for _, name := range hosts {
		if got[name] != one.want {
			return errors.Join(wrongAnswer(log, name, got[name], one.want), err)
		}
	}
	return nil
}

func wrongAnswer(log, name, got, want string) error {
	return fmt.Errorf("%s: %s answered %q, not %q", log, name, got, want)
}

var (
	answerLine = regexp.MustCompile(`(?m)^(\S+) \| ([A-Z]+)`)
	recapLine  = regexp.MustCompile(`(?m)^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)`)
	taskOrCall = regexp.MustCompile(`(?m)^TASK \[(.*?)\]|^<(\S+)> (?:SSH: )?(?:EXEC|PUT) `)
)

// answers returns SUCCESS, CHANGED, FAILED or UNREACHABLE for each host of an ad hoc run.
func answers(out string) map[string]string {
	all := map[string]string{}
	for _, found := range answerLine.FindAllStringSubmatch(out, -1) {
		all[found[1]] = found[2]
	}
	return all
}

// recap returns the same for the hosts of a playbook.
func recap(out string) map[string]string {
	all := map[string]string{}
	for _, found := range recapLine.FindAllStringSubmatch(out, -1) {
		switch {
		case found[3] != "0":
			all[found[1]] = "UNREACHABLE"
		case found[4] != "0":
			all[found[1]] = "FAILED"
		case found[2] != "0":
			all[found[1]] = changed
		default:
			all[found[1]] = unchanged
		}
	}
	return all
}

// remoteCalls counts the remote calls to an address by task; the task of an ad hoc run is "".
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
