package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	jsonresults "github.com/apenella/go-ansible/v2/pkg/execute/result/json"
	"github.com/apenella/go-ansible/v2/pkg/playbook"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
)

// host is a host with the port of its sshd, or of a relay.
type host struct {
	lab.Host
	port int
}

// startTarget starts a host with the application. root and ubuntu can log in.
func (b *bench) startTarget(ctx context.Context) (host, error) {
	h, err := b.Start(ctx, "target", "trixie", "python")
	if err != nil {
		return host{}, err
	}
	if err := h.Deploy(ctx); err != nil {
		return host{}, err
	}
	return host{h, 22}, h.RunScript(ctx, "molecule/shared/authorize.sh", b.PublicKey, "root", "ubuntu")
}

// reset reverts the changes of the role.
func (b *bench) reset(ctx context.Context, h host) error {
	return h.RunScript(ctx, "molecule/rig/reset.sh")
}

// sshArguments returns Ansible's defaults, without the user's configuration of ssh.
func (b *bench) sshArguments() string {
	return fmt.Sprintf("-F none -C -i %s -o ControlMaster=auto -o ControlPersist=10m -o ControlPath=%s -o IdentitiesOnly=yes %s",
		b.Key(), b.Path("cp-%C"), lab.SSHOptions)
}

// disconnect closes the open connections.
func (b *bench) disconnect() error {
	sockets, err := filepath.Glob(b.Path("cp-*"))
	errs := []error{err}
	for _, socket := range sockets {
		_, err := lab.Run(context.Background(), nil, "ssh", "-F", "none", "-o", "ControlPath="+socket, "-O", "exit", "host")
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// play is a run of ansible-playbook.
type play struct {
	book  string
	hosts []host
	user  string
	vars  lab.Vars
	env   map[string]string
}

// outcome has the time of the run and the results of its tasks.
type outcome struct {
	took time.Duration
	*jsonresults.AnsiblePlaybookJSONResults
}

// play runs a playbook with pipelining, the fastest setting for Ansible's own modules.
func (b *bench) play(ctx context.Context, p play) (outcome, error) {
	all := map[string]lab.Vars{}
	for _, h := range p.hosts {
		all[h.Name] = lab.Vars{"ansible_host": h.Address, "ansible_port": h.port, "ansible_user": p.user, "ansible_python_interpreter": "/usr/bin/python3"}
	}
	inventory, err := b.WriteInventory("inventory", all)
	if err != nil {
		return outcome{}, err
	}
	env := map[string]string{
		"ANSIBLE_STDOUT_CALLBACK":  "ansible.posix.json",
		"ANSIBLE_SSH_ARGS":         b.sshArguments(),
		"ANSIBLE_PIPELINING":       "1",
		"ANSIBLE_COLLECTIONS_PATH": b.Path("collections"),
	}
	maps.Copy(env, p.env)
	start := time.Now()
	out, err := b.Playbook(ctx, "", []string{p.book}, playbook.AnsiblePlaybookOptions{Inventory: inventory, ExtraVars: p.vars}, env)
	o := outcome{took: time.Since(start)}
	results, unreadable := jsonresults.ParseJSONResultsStream(bytes.NewReader([]byte(out.Stdout)))
	if err = errors.Join(err, unreadable); err != nil {
		if unreadable == nil {
			o.AnsiblePlaybookJSONResults = results
			err = fmt.Errorf("%w: %s", err, o.failure())
		}
		return o, out.Failure(fmt.Errorf("%s: %w", filepath.Base(p.book), err))
	}
	o.AnsiblePlaybookJSONResults = results
	return o, nil
}

// unchanged runs a play that must change nothing.
func (b *bench) unchanged(ctx context.Context, p play) (outcome, error) {
	o, err := b.play(ctx, p)
	if err == nil && o.changed() > 0 {
		err = fmt.Errorf("%s: %d tasks changed something", filepath.Base(p.book), o.changed())
	}
	return o, err
}

// rounds writes a playbook that repeats the tasks; a loop would take additional time.
func (b *bench) rounds(tasks string, rounds int) (string, error) {
	path, err := filepath.Abs("molecule/rig/bench/playbooks/tasks/" + tasks)
	if err != nil {
		return "", err
	}
	book := b.Path("rounds.yml")
	text := "- hosts: all\n  gather_facts: false\n  tasks:\n" + strings.Repeat("    - import_tasks: "+path+"\n", rounds)
	return book, os.WriteFile(book, []byte(text), 0o600)
}

// tasks returns all tasks.
func (o outcome) tasks() (all []jsonresults.AnsiblePlaybookJSONResultsPlayTask) {
	for _, p := range o.Plays {
		all = append(all, p.Tasks...)
	}
	return all
}

// failure returns the message of the first failed task.
func (o outcome) failure() string {
	for _, task := range o.tasks() {
		for name, result := range task.Hosts {
			if result.Failed || result.Unreachable {
				return fmt.Sprintf("task %q on %s: %v %v %v", task.Task.Name, name, result.Msg, result.Stdout, result.Stderr)
			}
		}
	}
	return ""
}

// changed returns the number of changed tasks.
func (o outcome) changed() (sum int) {
	for _, stats := range o.Stats {
		sum += stats.Changed
	}
	return sum
}

// times returns the times of the tasks `Run NAME` by NAME, from the start of a task to the answer of the last host.
// It omits the first round, in which Ansible loads plugins.
func (o outcome) times() (map[string]samples, error) {
	times := map[string]samples{}
	for _, task := range o.tasks() {
		start, err := time.Parse(time.RFC3339Nano, task.Task.Duration.Start)
		if err != nil {
			return nil, err
		}
		end, err := time.Parse(time.RFC3339Nano, task.Task.Duration.End)
		if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(task.Task.Name, "Run ")
		times[name] = append(times[name], end.Sub(start).Seconds())
	}
	for name := range times {
		times[name] = times[name][1:]
	}
	return times, nil
}
