package main

import (
	"context"
	"fmt"
	"os"
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
	sudoersArgs = "name=matrix-{{ inventory_hostname }} users=daemon nopasswd=yes commands='/bin/systemctl restart {{ inventory_hostname }}'"
	serviceArgs = "name=sidekiq app_root=/opt/demo/current user=deploy read_write_paths=-/opt/derivatives,-/opt/uploads,-/opt/data" // as the role
	infoArgs    = "app_root=/opt/demo/current"
)

// Any user may do these.
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

// What the others have done is there for the plain binaries.
var plains = []call{
	{"db_pool", poolArgs, true, unchanged},
	{"sudoers_entry", sudoersArgs, true, unchanged},
	{"systemd_sidekiq", serviceArgs, true, unchanged},
	{"sidekiq_info", infoArgs, true, unchanged},
}

// A visit is one core at one host.
type visit struct {
	controller
	host     host
	ways     []way
	problems map[string][]problem // by the rows that were tried
}

type problem struct{ what, log string }

func newVisit(c controller, h host, on []way) *visit {
	v := &visit{controller: c, host: h, problems: map[string][]problem{}}
	for _, w := range on {
		if w.isIn(c.core) {
			v.ways = append(v.ways, w)
		}
	}
	return v
}

func (v *visit) problem(row, log, format string, args ...any) {
	v.problems[row] = append(v.problems[row], problem{fmt.Sprintf(format, args...), log})
}

// everything is the role on a fresh host, what a host that it has been to says to its modules, and the role's end.
func (v *visit) everything(ctx context.Context) {
	sudo := pick(v.ways, func(w way) bool { return w.name == "sudo" })
	v.play(ctx, roleRow, "role-check", sudo, true, nil, changed)
	v.play(ctx, roleRow, "role-first", sudo, false, nil, changed)
	v.again(ctx)
	v.modules(ctx, anyones, v.ways)
	v.modules(ctx, roots, pick(v.ways, way.isRoot))
	v.binaries(ctx)
	v.play(ctx, roleRow, "role-absent", sudo, false, vars{"sidekiq_state": "absent"}, changed)
}

// again runs the role by all ways at once. Its tasks that reach a host are those of its four modules.
func (v *visit) again(ctx context.Context) {
	const log = "role-again"
	on := pick(v.ways, way.isRoot)
	out := v.play(ctx, againRow, log, on, false, nil, unchanged)
	for _, w := range pick(on, func(w way) bool { return w.oneCall }) {
		calls := remoteCalls(out, w.address(v.host))
		for task, count := range calls {
			if count != 1 {
				v.problem(againRow, log, "%s: %q was %d remote calls", w.name, task, count)
			}
		}
		if len(calls) != 4 {
			v.problem(againRow, log, "%s: %d tasks reached the host, not 4", w.name, len(calls))
		}
	}
}

func (v *visit) play(ctx context.Context, row, log string, on []way, check bool, extra vars, want string) string {
	out, err := v.role(ctx, v.log(log), pattern(on), check, extra)
	v.judge(row, log, on, recap(out), want, err)
	return out
}

// modules makes calls, each by all ways at once, and judges every way by itself. Where nothing is left to do, a task is one remote call.
func (v *visit) modules(ctx context.Context, calls []call, on []way) {
	for i, c := range calls {
		log := fmt.Sprintf("%s-%d", c.module, i)
		out, err := v.adhoc(ctx, v.log(log), pattern(on), c.module, c.args, c.check)
		for _, w := range on {
			v.judge(w.title, log, []way{w}, answers(out), c.want, err)
			if count := remoteCalls(out, w.address(v.host))[""]; w.oneCall && c.want == unchanged && count != 1 {
				v.problem(w.title, log, "%s: %s was %d remote calls", w.name, c.module, count)
			}
		}
	}
}

func (v *visit) binaries(ctx context.Context) {
	on := pick(v.ways, func(w way) bool { return w.isRoot() && w.plain })
	for _, c := range plains {
		log := "plain-" + c.module
		out, err := v.plain(ctx, v.log(log), pattern(on), c.module, c.args)
		v.judge(plainRow, log, on, answers(out), c.want, err)
	}
}

// judge holds every way to the answer that is wanted; err tells why there is none.
func (v *visit) judge(row, log string, on []way, got map[string]string, want string, err error) {
	v.problems[row] = append([]problem{}, v.problems[row]...) // it was tried
	for _, w := range on {
		switch answer := got[w.name]; answer {
		case want:
		case "":
			v.problem(row, log, "%s: no answer: %v", w.name, err)
		default:
			v.problem(row, log, "%s: %s where %s is right", w.name, answer, want)
		}
	}
}

// report gives the table what came of the visit, and the reader what went wrong: the first of each row, with the end of its log, once.
func (v *visit) report(t *table) {
	shown := map[string]bool{}
	for row, problems := range v.problems {
		t.tried(row, v.core.version, v.host.title, len(problems) == 0)
		if len(problems) == 0 {
			continue
		}
		first := problems[0]
		say("%s, %s, %s: %s; %d more", v.core.version, v.host.title, row, first.what, len(problems)-1)
		path := v.controller.log(v.log(first.log))
		if !shown[path] {
			say("%s", lastLines(path, 15))
		}
		shown[path] = true
	}
}

func lastLines(path string, count int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	lines = lines[max(0, len(lines)-count):]
	return path + "\n    " + strings.Join(lines, "\n    ")
}

func (v *visit) log(name string) string { return v.host.title + "-" + name }
