package crash

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"time"

	"github.com/apenella/go-ansible/v2/pkg/playbook"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
)

// files are the files that the modules write, with their names in the table.
var files = []struct{ name, path string }{
	{"database.yml", "/opt/demo/shared/config/database.yml"},
	{"sudoers", "/etc/sudoers.d/sidekiq-restart-users"},
	{"unit", "/etc/systemd/system/sidekiq.service"},
	{"secrets", "/etc/systemd/system/sidekiq.env"},
}

func paths() (all []string) {
	for _, f := range files {
		all = append(all, f.path)
	}
	return all
}

// variables are sets of variables of the role. Every file differs between A and B, and one exists only in B; C
// differs from B only in database.yml. With a drain_timeout a restart makes Sidekiq quiet first.
var variables = map[string]lab.Vars{
	"A": {"sidekiq_drain_timeout": 1, "sidekiq_verify_jobs": "off"},
	"B": inB,
	"C": with(inB, "sidekiq_database_pool", 20),
}

var inB = lab.Vars{
	"sidekiq_drain_timeout": 1, "sidekiq_verify_jobs": "off", "sidekiq_concurrency": 9,
	"sidekiq_sudo_extra_commands": []string{"/usr/bin/systemctl daemon-reload"},
	"sidekiq_environment":         lab.Vars{"CRASH": "of B"},
	"sidekiq_secret_environment":  lab.Vars{"CRASH_KEY": "secret of B"},
}

func with(vars lab.Vars, name string, value any) lab.Vars {
	all := maps.Clone(vars)
	all[name] = value
	return all
}

// state has the contents of the files by name; absent for a file that does not exist.
type state map[string]string

const absent = "absent"

// target is the host and its state.
type target struct {
	*lab.Lab
	host      lab.Host
	inventory string
	now       string           // the name of the variables of the last run; "": the host has no Sidekiq
	states    map[string]state // the result of a run that is not killed, by the name of its variables
}

// start starts the host, and installs the application and the wrapper.
func (t *target) start(ctx context.Context, suite string) error {
	t.states = map[string]state{}
	err := os.Setenv("CAPABILITY", "SYS_PTRACE") // killtest requires it; root of a real host has it
	if err != nil {
		return err
	}
	if t.host, err = t.Start(ctx, "host", suite, "host"); err != nil {
		return err
	}
	if t.inventory, err = t.WriteInventory("inventory", map[string]lab.Vars{t.host.Name: lab.Docker()}); err != nil {
		return err
	}
	if err := t.host.Deploy(ctx); err != nil {
		return err
	}
	return t.installWrapper(ctx)
}

// installWrapper runs the role, which installs the binary, and makes a copy of the cache in which the wrapper
// replaces it.
func (t *target) installWrapper(ctx context.Context) error {
	wrapper, err := t.Build(ctx, "./molecule/rig/crash/wrapper")
	if err != nil {
		return err
	}
	if out, err := t.role(ctx, variables["A"], 1); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	if err := t.host.Copy(ctx, wrapper, "/usr/local/src/wrapper"); err != nil {
		return err
	}
	_, err = t.host.Run(ctx, "sh", "-euc", `
		mkdir -p /var/lib/crash
		cp -a /var/cache/ansible-sidekiq /var/lib/crash/cache
		cd /var/lib/crash/cache
		set -- *
		mv "$1" ../real
		install /usr/local/src/wrapper "$1"
		touch -r .stamp "$1"`)
	return err
}

// prepare runs the role with the variables `from`, and deploys database.yml.
func (t *target) prepare(ctx context.Context, from string) error {
	if from == "" {
		if err := t.host.RunScript(ctx, "molecule/rig/reset.sh"); err != nil {
			return err
		}
		if _, err := t.host.Run(ctx, "sh", "-euc", "rm -f /etc/systemd/system/sidekiq.env; cp -a /var/lib/crash/cache /var/cache/ansible-sidekiq"); err != nil {
			return err
		}
		t.now = ""
	}
	if t.now != from {
		if err := t.deployDatabase(ctx); err != nil { // the role does not lower a pool
			return err
		}
		if out, err := t.role(ctx, variables[from], 1); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		t.now = from
	}
	return t.deployDatabase(ctx)
}

// deployDatabase replaces database.yml with the application's, as a deployment may.
func (t *target) deployDatabase(ctx context.Context) error {
	_, err := t.host.Run(ctx, "install", "-o", "deploy", "-g", "deploy", "-m", "0640", "/usr/local/src/demo/config/database.yml", files[0].path)
	return err
}

// arm makes the wrapper kill the module before that call, or with "all" and 0 only record the calls of each module.
func (t *target) arm(ctx context.Context, module string, number int) error {
	_, err := t.host.Run(ctx, "sh", "-euc", `rm -f /var/lib/crash/*.calls; echo "$0 $1" >/var/lib/crash/plan`, module, fmt.Sprint(number))
	return err
}

// calls returns the recorded calls of a module's last run.
func (t *target) calls(ctx context.Context, module string) ([]string, error) {
	out, err := t.host.Run(ctx, "sh", "-euc", `rm -f /var/lib/crash/plan; cat "/var/lib/crash/$0.calls"`, module)
	return strings.Split(out, "\n"), err
}

// role runs the role several times, and returns the output.
func (t *target) role(ctx context.Context, vars lab.Vars, times int) (string, error) {
	books := []string{}
	for range times {
		books = append(books, "molecule/default/converge.yml")
	}
	out, err := t.Playbook(ctx, "", books, playbook.AnsiblePlaybookOptions{Inventory: t.inventory, ExtraVars: vars},
		map[string]string{"ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml"})
	return out.Stdout + out.Stderr, err
}

//go:embed check.sh
var check string

//go:embed worker.sh
var worker string

// inspect returns the state of the service and of the files. It fails if sudo does not work.
func (t *target) inspect(ctx context.Context) (service string, s state, err error) {
	out, err := t.host.RunWith(ctx, strings.NewReader(check), "sh", append([]string{"-s"}, paths()...)...)
	if err != nil {
		return "", nil, err
	}
	lines := strings.Split(out, "\n")
	if len(lines) != 1+len(files) {
		return "", nil, fmt.Errorf("check.sh printed %q", out)
	}
	s = state{}
	for i, f := range files {
		s[f.name] = lines[i+1]
	}
	return lines[0], s, nil
}

// checkWorker fails unless Sidekiq runs with the current files and fetches jobs. killed is the time before the run
// that was killed.
func (t *target) checkWorker(ctx context.Context, s situation, killed time.Time) error {
	older := paths()    // older than the process
	if s.from == s.to { // not database.yml: the process has its pool already
		older = older[1:]
	}
	_, err := t.host.RunWith(ctx, strings.NewReader(worker), "sh", append([]string{"-s", fmt.Sprint(killed.Unix())}, older...)...)
	return err
}

// countCalls runs the role once in each situation, and returns a row for each module in it.
func (t *target) countCalls(ctx context.Context) (rows []*row, err error) {
	for _, s := range situations {
		if err := t.prepare(ctx, s.from); err != nil {
			return nil, err
		}
		if err := t.arm(ctx, "all", 0); err != nil {
			return nil, err
		}
		if out, err := t.role(ctx, with(variables[s.to], "sidekiq_state", s.state), 1); err != nil {
			return nil, fmt.Errorf("%s: %w: %s", s.name, err, out)
		}
		t.now = s.to
		for _, m := range modules {
			r := &row{module: m, situation: s, found: map[string]map[string]int{}}
			if r.calls, err = t.calls(ctx, m); err != nil {
				return nil, err
			}
			rows = append(rows, r)
		}
		if _, t.states[s.to], err = t.inspect(ctx); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// try kills the module before a call, checks the host, and checks that the next runs repair it. It returns the call.
func (t *target) try(ctx context.Context, k kill) (call string, err error) {
	if err := t.prepare(ctx, k.from); err != nil {
		return "", err
	}
	_, old, err := t.inspect(ctx)
	if err != nil {
		return "", err
	}
	if err := t.arm(ctx, k.module, k.number); err != nil {
		return "", err
	}
	began := time.Now()
	out, failed := t.role(ctx, with(variables[k.to], "sidekiq_state", k.state), 1)
	service, left, fault := t.inspect(ctx)
	calls, err := t.calls(ctx, k.module)
	if err != nil {
		return "", fmt.Errorf("%w: %s", errors.Join(fault, err), out)
	}
	call = calls[len(calls)-1]
	if fault != nil {
		return call, fault
	}
	if failed == nil {
		return call, fmt.Errorf("the module ended after %d calls: %s", len(calls), strings.Join(calls, "\n"))
	}
	if !strings.Contains(out, "gave no answer") {
		return call, fmt.Errorf("the module was not killed: %s", out)
	}
	found, err := compare(left, old, t.states[k.to])
	if err != nil {
		return call, err
	}
	found["service"] = service
	k.note(found)
	if err := t.recover(ctx, k.situation, began); err != nil {
		return call, fmt.Errorf("found %s; then %w", k.last, err)
	}
	return call, nil
}

// compare returns the state of each file that the run changes: old, new or absent.
func compare(left, old, wanted state) (map[string]string, error) {
	found := map[string]string{}
	for name, text := range left {
		switch {
		case old[name] == wanted[name] && text == old[name]:
		case text == old[name] && text == absent, text == wanted[name] && text == absent:
			found[name] = absent
		case text == old[name]:
			found[name] = "old"
		case text == wanted[name]:
			found[name] = "new"
		default:
			dump, _ := json.Marshal(map[string]string{"old": old[name], "new": wanted[name], "found": text})
			return nil, fmt.Errorf("%s is neither the old one nor the new one (base64): %s", name, dump)
		}
	}
	return found, nil
}

// recover runs the role twice and checks the result.
func (t *target) recover(ctx context.Context, s situation, began time.Time) error {
	out, err := t.role(ctx, variables[s.to], 2)
	if err != nil {
		return fmt.Errorf("the next runs: %w: %s", err, out)
	}
	if again := out[strings.LastIndex(out, "\nPLAY ["):]; strings.Contains(again, "\nchanged: ") {
		return fmt.Errorf("the run after the next one changed something: %s", again)
	}
	t.now = s.to
	_, now, err := t.inspect(ctx)
	if err != nil {
		return err
	}
	for name, text := range t.states[s.to] {
		if now[name] != text {
			return fmt.Errorf("%s is not the same as after a run that is not killed", name)
		}
	}
	return t.checkWorker(ctx, s, began)
}
