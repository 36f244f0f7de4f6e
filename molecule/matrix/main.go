// Program matrix runs the role and each module with every ansible-core that the project supports, on hosts without Python and by every way
// in, and writes what it saw into the README's table. Run it in the project's folder after `make build`:
//
//	go run ./molecule/matrix [-cores 2.14.18,2.19.14] [-suites trixie] [-keep]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
	"github.com/curationexperts/ansible-sidekiq/molecule/marked"
)

const goarch = runtime.GOARCH

// The rows of the table that are not a way.
const (
	pythonRow = "Python on the controller"
	roleRow   = "the role on a fresh host: `--check`, first run; at last `sidekiq_state: absent`"
	againRow  = "the role again: no change, one remote call a task"
	plainRow  = "plain binaries, `ansible -M bin/modules`"
	localRow  = "local connection"
	armRow    = "arm64 under qemu, ssh as root"
	crowdRow  = "20 hosts at once, no binary there"
	pairRow   = "two playbooks at once on a fresh host"
	cacheRow  = "a spoilt cache is mended and never run"
)

func rows() []string {
	all := []string{pythonRow, roleRow, againRow}
	for _, w := range ways {
		all = append(all, w.title)
	}
	return append(all, plainRow, localRow, armRow, crowdRow, cacheRow, pairRow)
}

var suites = []string{"bullseye", "bookworm", "trixie"}

func main() {
	only := flag.String("cores", "", "only these versions of ansible-core, parted by commas; the README stays as it is")
	on := flag.String("suites", "", "only hosts of these suites of Debian; the README stays as it is")
	keep := flag.Bool("keep", false, "leave logs and hosts")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	m := &matrix{keep: *keep, whole: *only == "" && *on == ""}
	err := m.choose(*only, *on)
	if err == nil {
		err = m.run(ctx)
	}
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "matrix:", err)
		os.Exit(1)
	}
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "matrix: "+format+"\n", args...) }

type matrix struct {
	cores   []core
	suites  []string
	whole   bool
	keep    bool
	scratch string
	key     string // public
	table   *table
	targets []host
	crowd   []host
	arm     host
	noArm   error
}

// choose takes cores and suites that are parted by commas; "" is all.
func (m *matrix) choose(only, on string) error {
	m.cores, m.suites = cores, suites
	if only != "" {
		m.cores = nil
		for version := range strings.SplitSeq(only, ",") {
			i := slices.IndexFunc(cores, func(c core) bool { return c.version == version })
			if i < 0 {
				return fmt.Errorf("-cores: %q is none; accepted are %s", version, strings.Join(versions(cores), ", "))
			}
			m.cores = append(m.cores, cores[i])
		}
	}
	if on != "" {
		m.suites = strings.Split(on, ",")
	}
	for _, suite := range m.suites {
		if !slices.Contains(suites, suite) {
			return fmt.Errorf("-suites: %q is none; accepted are %s", suite, strings.Join(suites, ", "))
		}
	}
	return nil
}

func (m *matrix) run(ctx context.Context) error {
	began := time.Now()
	m.table = newTable(rows(), versions(m.cores))
	defer m.clean()
	if err := m.prepare(ctx); err != nil {
		return err
	}
	for _, c := range m.cores {
		if err := m.column(ctx, c); err != nil {
			return err
		}
	}
	took := fmt.Sprintf("%s, in %d minutes on %d cores.", time.Now().Format(time.DateOnly), int(time.Since(began).Minutes()+0.5), runtime.NumCPU())
	text := m.table.String() + "\n" + took + "\n"
	fmt.Println(text)
	failures := m.table.failures()
	m.keep = m.keep || len(failures) > 0
	if m.whole {
		if err := marked.Write("README.md", "matrix", "\n"+text+"\n"); err != nil {
			return err
		}
	}
	if len(failures) > 0 {
		return fmt.Errorf("%d cells failed; logs and hosts stay, logs in %s/logs\n  %s", len(failures), m.scratch, strings.Join(failures, "\n  "))
	}
	return nil
}

// prepare makes the logs' folder and all hosts.
func (m *matrix) prepare(ctx context.Context) error {
	var err error
	if m.scratch, m.key, err = newScratch(ctx); err != nil {
		return err
	}
	say("starting the hosts; logs in %s/logs", m.scratch)
	for _, suite := range m.suites {
		h, err := startTarget(ctx, suite, m.key)
		m.targets = append(m.targets, h)
		if err != nil {
			return err
		}
		if err := hosts.WriteInventory(m.inventory(h), inventory(h, ways), nil); err != nil {
			return err
		}
	}
	if m.crowd, err = startCrowd(ctx, m.key); err != nil {
		return err
	}
	m.arm, m.noArm = startArm(ctx, m.key)
	if m.noArm == nil {
		return hosts.WriteInventory(m.inventory(m.arm), inventory(m.arm, []way{armWay}), nil)
	}
	if errors.As(m.noArm, new(notRun)) {
		return nil
	}
	return m.noArm
}

func (m *matrix) inventory(h host) string { return filepath.Join(m.scratch, h.Name+".json") }

func (m *matrix) clean() {
	if m.keep {
		return
	}
	for _, h := range append(append(m.targets, m.crowd...), m.arm) {
		if h.Name == "" {
			continue
		}
		if err := h.Stop(); err != nil {
			say("%v", err)
		}
	}
	if err := os.RemoveAll(m.scratch); err != nil {
		say("%v", err)
	}
}

// column is all that is tried with one core.
func (m *matrix) column(ctx context.Context, c core) error {
	began := time.Now()
	python, err := c.prepare(ctx)
	if errors.As(err, new(notRun)) {
		for _, row := range m.table.rows {
			m.table.note(row, c.version, err.Error())
		}
		return nil
	}
	if err != nil {
		return err
	}
	m.table.note(pythonRow, c.version, python)
	if err := m.onTargets(ctx, c); err != nil {
		return err
	}
	m.step(ctx, localRow, c, local)
	m.onArm(ctx, c)
	m.together(ctx, c)
	say("%s done in %d s", c.version, int(time.Since(began).Seconds()))
	return ctx.Err()
}

// onTargets visits all hosts at the same time.
func (m *matrix) onTargets(ctx context.Context, c core) error {
	var all sync.WaitGroup
	errs := make([]error, len(m.targets))
	for i, h := range m.targets {
		all.Go(func() {
			v := newVisit(controller{c, m.scratch, m.inventory(h)}, h, ways)
			if errs[i] = h.reset(ctx, ways); errs[i] == nil {
				v.everything(ctx)
				v.report(m.table)
			}
		})
	}
	all.Wait()
	for _, w := range ways {
		if !w.isIn(c) {
			m.table.note(w.title, c.version, "not run: this core has none")
		}
	}
	return errors.Join(errs...)
}

func (m *matrix) onArm(ctx context.Context, c core) {
	if m.noArm != nil {
		m.table.note(armRow, c.version, m.noArm.Error())
		return
	}
	m.step(ctx, armRow, c, func(ctx context.Context, c controller) error {
		c.inventory = m.inventory(m.arm)
		return arm(ctx, c, m.arm)
	})
}

// together is where hosts or playbooks get into each other's way. Two playbooks are a matter of the modules more than of Ansible.
func (m *matrix) together(ctx context.Context, c core) {
	target := m.targets[len(m.targets)-1]
	m.step(ctx, crowdRow, c, func(ctx context.Context, c controller) error { return crowd(ctx, c, m.crowd) })
	m.step(ctx, cacheRow, c, func(ctx context.Context, c controller) error { return cache(ctx, c, target) })
	if !c.isEnd() {
		m.table.note(pairRow, c.version, "not run: first and last only")
		return
	}
	m.step(ctx, pairRow, c, func(ctx context.Context, c controller) error { return pair(ctx, c, target) })
}

// step is a cell that one function fills.
func (m *matrix) step(ctx context.Context, row string, c core, try func(context.Context, controller) error) {
	err := try(ctx, controller{c, m.scratch, m.inventory(m.targets[len(m.targets)-1])})
	m.table.tried(row, c.version, "", err == nil)
	if err != nil {
		say("%s, %s: %v", c.version, row, err)
	}
}
