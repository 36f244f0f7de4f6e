package matrix

import (
	"context"
	"errors"
	"fmt"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
)

const (
	changed   = "CHANGED"
	unchanged = "SUCCESS"
)

const (
	poolArgs    = "path=/srv/matrix/{{ inventory_hostname }}/database.yml concurrency=9"
	sudoersArgs = "name=matrix-{{ inventory_hostname }} users=daemon nopasswd=yes commands='/bin/systemctl restart {{ inventory_hostname }}'"
	serviceArgs = "name=sidekiq app_root=/opt/demo/current user=deploy read_write_paths=-/opt/derivatives,-/opt/uploads,-/opt/data" // as in the role
	infoArgs    = "app_root=/opt/demo/current"
)

// anyUserCalls do not require root.
var anyUserCalls = []call{
	{"db_pool", poolArgs, true, changed},
	{"db_pool", poolArgs, false, changed},
	{"db_pool", poolArgs, false, unchanged},
	{"sidekiq_info", infoArgs, false, unchanged},
}

var rootCalls = []call{
	{"sudoers_entry", sudoersArgs, true, changed},
	{"sudoers_entry", sudoersArgs, false, changed},
	{"systemd_sidekiq", serviceArgs, true, unchanged},
}

// plainCalls follow the other calls, so that nothing changes.
var plainCalls = []call{
	{"db_pool", poolArgs, true, unchanged},
	{"sudoers_entry", sudoersArgs, true, unchanged},
	{"systemd_sidekiq", serviceArgs, true, unchanged},
	{"sidekiq_info", infoArgs, true, unchanged},
}

// A visit tests a core with a host.
type visit struct {
	controller
	host    host
	ways    []way
	results map[string]error // by row; nil: ok
}

func newVisit(c controller, h host) *visit {
	return &visit{c, h, pick(ways, func(w way) bool { return w.isIn(c.core) }), map[string]error{}}
}

// run runs the role on a fresh host, then the modules, and removes the service.
func (v *visit) run(ctx context.Context) {
	sudo := pick(v.ways, func(w way) bool { return w.name == "sudo" })
	v.play(ctx, roleRow, "role-check", sudo, true, nil, changed)
	v.play(ctx, roleRow, "role-first", sudo, false, nil, changed)
	v.again(ctx)
	v.modules(ctx, anyUserCalls, v.ways)
	v.modules(ctx, rootCalls, pick(v.ways, way.isRoot))
	v.binaries(ctx)
	v.play(ctx, roleRow, "role-absent", sudo, false, lab.Vars{"sidekiq_state": "absent"}, changed)
}

// again runs the role by all ways at once. Each task that reaches the host must be one remote call.
func (v *visit) again(ctx context.Context) {
	on := pick(v.ways, way.isRoot)
	out := v.play(ctx, againRow, "role-again", on, false, nil, unchanged)
	for _, w := range pick(on, func(w way) bool { return w.oneCall }) {
		calls := remoteCalls(out, w.address(v.host))
		for task, count := range calls {
			if count != 1 {
				v.fail(againRow, "%s: %q was %d remote calls", w.name, task, count)
			}
		}
		if len(calls) != 3 {
			v.fail(againRow, "%s: %d tasks reached the host, not 3", w.name, len(calls))
		}
	}
}

func (v *visit) play(ctx context.Context, row, log string, on []way, check bool, extra lab.Vars, want string) string {
	out, err := v.role(ctx, v.host.title+"-"+log, pattern(on), check, extra)
	v.judge(row, log, on, recap(out), want, err)
	return out
}

// modules makes each call by all ways at once. A call without changes must be one remote call.
func (v *visit) modules(ctx context.Context, calls []call, on []way) {
	for i, one := range calls {
		log := fmt.Sprintf("%s-%d", one.module, i)
		out, err := v.module(ctx, v.host.title+"-"+log, pattern(on), one, false)
		for _, w := range on {
			v.judge(w.title, log, []way{w}, answers(out), one.want, err)
			if count := remoteCalls(out, w.address(v.host))[""]; w.oneCall && one.want == unchanged && count != 1 {
				v.fail(w.title, "%s was %d remote calls", log, count)
			}
		}
	}
}

func (v *visit) binaries(ctx context.Context) {
	on := pick(v.ways, func(w way) bool { return w.isRoot() && w.plain })
	for _, one := range plainCalls {
		log := "plain-" + one.module
		out, err := v.module(ctx, v.host.title+"-"+log, pattern(on), one, true)
		v.judge(plainRow, log, on, answers(out), one.want, err)
	}
}

// judge compares the answer of each way with the wanted one; err is the error of the run.
func (v *visit) judge(row, log string, on []way, got map[string]string, want string, err error) {
	v.results[row] = errors.Join(v.results[row]) // the row was tested
	for _, w := range on {
		if got[w.name] != want {
			v.results[row] = errors.Join(v.results[row], wrongAnswer(log, w.name, got[w.name], want), err)
			err = nil // report it once
		}
	}
}

func (v *visit) fail(row, format string, args ...any) {
	v.results[row] = errors.Join(v.results[row], fmt.Errorf(format, args...))
}
