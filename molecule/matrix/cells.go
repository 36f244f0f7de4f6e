package main

import (
	"context"
	"fmt"
	"strings"
)

// A call is a module ad hoc, and what each host has to answer.
type call struct {
	module, args string
	check        bool
	want         string
}

const (
	changed   = "CHANGED"
	unchanged = "SUCCESS"
)

const (
	poolArgs    = "path=/srv/matrix/{{ inventory_hostname }}/database.yml concurrency=9"
	sudoersArgs = "name=matrix-{{ inventory_hostname }} users=deploy nopasswd=yes commands='/bin/systemctl restart {{ inventory_hostname }}'"
	serviceArgs = "name=sidekiq app_root=/opt/demo/current user=deploy read_write_paths=-/opt/derivatives,-/opt/uploads,-/opt/data" // as the role
	infoArgs    = "app_root=/opt/demo/current"
)

// Every user may do these to its own file; they are what the role's first and last task do.
var anyones = []call{
	{"db_pool", poolArgs, true, changed},
	{"db_pool", poolArgs, false, changed},
	{"db_pool", poolArgs, false, unchanged},
	{"sidekiq_info", infoArgs, false, unchanged},
}

var roots = []call{
	{"sudoers_entry", sudoersArgs, true, changed},
	{"sudoers_entry", sudoersArgs, false, changed},
	{"systemd_sidekiq", serviceArgs, true, unchanged},
}

// What the others have done is seen by the plain binaries as well.
var plains = []call{
	{"db_pool", poolArgs, true, unchanged},
	{"sudoers_entry", sudoersArgs, true, unchanged},
	{"systemd_sidekiq", serviceArgs, true, unchanged},
	{"sidekiq_info", infoArgs, true, unchanged},
}

// The rows of the table that are not a way.
const (
	roleRow  = "role: check, first run, absent"
	againRow = "role again: no change, one remote call a task"
	plainRow = "plain binaries: `ansible -M bin/modules`"
	localRow = "local"
	armRow   = "arm64 under qemu, ssh as root"
)

// A visit is one core at one host: whatever goes wrong is kept by row.
type visit struct {
	controller
	host     host
	problems map[string][]string
}

func (v *visit) problem(row, format string, args ...any) {
	v.problems[row] = append(v.problems[row], fmt.Sprintf(format, args...))
}

// role: the host is fresh, and is so again afterwards but for what between has done.
func (v *visit) role(ctx context.Context, between func()) {
	v.play(ctx, roleRow, "role-check", []way{wayOf("sudo")}, true, nil, changed)
	v.play(ctx, roleRow, "role", []way{wayOf("sudo")}, false, nil, changed)
	everywhere := waysOfRoot(func(way) bool { return true })
	out := v.play(ctx, againRow, "role-again", everywhere, false, nil, unchanged)
	for _, w := range everywhere {
		if w.calls {
			v.oneCallEach(againRow, w, out)
		}
	}
	between()
	v.play(ctx, roleRow, "role-absent", []way{wayOf("sudo")}, false, vars{"sidekiq_state": "absent"}, changed)
}

func (v *visit) play(ctx context.Context, row, log string, on []way, check bool, extra vars, want string) string {
	out, err := v.controller.role(ctx, v.log(log), pattern(on), check, extra)
	v.judge(row, on, recap(out), want, log, err)
	return out
}

// oneCallEach: the tasks of the role that reach the host are its modules'.
func (v *visit) oneCallEach(row string, w way, out string) {
	calls := remoteCalls(out, w.address(v.host))
	if len(calls) != 4 {
		v.problem(row, "%s: %d tasks reached the host, not 4: %v", w.name, len(calls), calls)
	}
	for task, count := range calls {
		if count != 1 {
			v.problem(row, "%s: %q was %d remote calls", w.name, task, count)
		}
	}
}

// modules tries each module by every way, then as a plain binary.
func (v *visit) modules(ctx context.Context) {
	for i, c := range anyones {
		v.adhoc(ctx, fmt.Sprintf("%s-%d", c.module, i), c, ways)
	}
	for i, c := range roots {
		v.adhoc(ctx, fmt.Sprintf("%s-%d", c.module, i), c, waysOfRoot(func(way) bool { return true }))
	}
	for _, c := range plains {
		on := waysOfRoot(func(w way) bool { return w.plain })
		log := "plain-" + c.module
		out, err := v.plain(ctx, v.log(log), pattern(on), c.module, c.args)
		v.judge(plainRow, on, answers(out), c.want, log, err)
	}
}

// adhoc judges each way by itself. The second time a task is one call, where standard input gets through.
func (v *visit) adhoc(ctx context.Context, log string, c call, on []way) {
	out, err := v.controller.adhoc(ctx, v.log(log), pattern(on), c.module, c.args, c.check)
	got := answers(out)
	for _, w := range on {
		v.judge(w.title, []way{w}, got, c.want, log, err)
		count := remoteCalls(out, w.address(v.host))[""]
		if w.calls && c.want == unchanged && count != 1 {
			v.problem(w.title, "%s: %s was %d remote calls", w.name, c.module, count)
		}
	}
}

// judge holds every way to the answer that is wanted; err tells why there is none.
func (v *visit) judge(row string, on []way, got map[string]string, want, log string, err error) {
	for _, w := range on {
		if got[w.name] == want {
			continue
		}
		answer := got[w.name]
		if answer == "" {
			answer = fmt.Sprintf("no answer (%v)", err)
		}
		v.problem(row, "%s: %s where %s is right; see %s", w.name, answer, want, v.controller.log(v.log(log)))
	}
}

func (v *visit) log(name string) string { return v.host.suite + "-" + name }

func pattern(on []way) string {
	names := []string{}
	for _, w := range on {
		names = append(names, w.name)
	}
	return strings.Join(names, ",")
}

func wayOf(name string) way {
	for _, w := range ways {
		if w.name == name {
			return w
		}
	}
	panic("no way " + name)
}

// waysOfRoot are those whose modules may change the host, as the role's have to.
func waysOfRoot(keep func(way) bool) []way {
	found := []way{}
	for _, w := range ways {
		if w.user == "root" && keep(w) {
			found = append(found, w)
		}
	}
	return found
}
