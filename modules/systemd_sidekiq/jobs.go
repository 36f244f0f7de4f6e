package systemdsidekiq

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/limited"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// verifyJobs plans a warning of errors that the restarted processes log. They are no reason for a rollback: a unit cannot repair a release.
func (p *planner) verifyJobs() {
	restarts := slices.ContainsFunc(p.workers(), func(u *unit) bool {
		_, isNeeded := p.restartNeeded(u)
		return u.ran() && (isNeeded || p.stopped[u.name])
	})
	if p.VerifyJobs != "warn" || !restarts {
		return
	}
	p.Add(ansible.Step{Title: "check the log for job errors", Proof: true, Do: func(late *ansible.Late) error {
		all := []string{}
		for _, invocation := range slices.Sorted(maps.Keys(p.started)) {
			u := p.started[invocation]
			time.Sleep(time.Until(u.at.Add(p.jobsPeriod)))
			log, err := p.logOf(u.state)
			if err != nil {
				late.Warn("cannot read the log of %s for job errors: %v", u.name, err)
				continue
			}
			sidekiq.ReportPermissionErrors(late, u.name, log)
			if lines := sidekiq.ErrorLines(log); len(lines) > 0 {
				late.Warn("%s logged errors within %d s after its start:\n%s\nhint: %s", u.name, int(p.jobsPeriod.Seconds()), strings.Join(lines, "\n"), p.logHint(u.name))
				all = append(all, lines...)
			}
		}
		late.Set("job_errors", all)
		return nil
	}})
}

// logHint is where a person reads the log of a unit.
func (o *options) logHint(unit string) string {
	if o.LogFile != "" {
		return "read " + o.LogFile
	}
	return "journalctl -u " + unit
}

// readJournal reads what a process that runs has logged since its start, while other facts are gathered.
func (g *gatherer) readJournal(u *unit) {
	if u.ran() && g.LogFile == "" && (g.State == "started" || g.State == "restarted") {
		u.journal = ansible.Start(func() (string, error) { return systemd.Journal(u.state.InvocationID) })
	}
}

// verifyFiles reports the permission errors of a process that is not restarted.
func (p *planner) verifyFiles(u *unit) {
	read := u.journal
	if read == nil {
		read = func() (string, error) { return p.logOf(u.state) }
	}
	log, err := read()
	if err != nil {
		p.Warn("cannot read the log of %s for permission errors: %v", u.name, err)
		return
	}
	sidekiq.ReportPermissionErrors(p.Plan, u.name, log)
}

// logOf is what a process has logged since its start.
func (p *planner) logOf(s systemd.State) (string, error) {
	if p.LogFile == "" {
		return systemd.Journal(s.InvocationID)
	}
	text, err := p.tail()
	first := regexp.MustCompile(fmt.Sprintf(`(pid=|"pid":|#)%d\b`, s.MainPID)).FindIndex(text)
	if first == nil {
		return "", err
	}
	return string(text[first[0]:]), err
}

const (
	tailSize    = 1 << 20 // bytes
	tailTimeout = 10 * time.Second
)

// tail reads the end of log_file, as the user of the service if that opens it: the user may have put a link or a FIFO there.
func (p *planner) tail() ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), tailTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "tail", "-c", strconv.Itoa(tailSize), "--", p.inRoot(p.LogFile))
	if p.opensLog() && p.user != nil {
		var err error
		if cmd, err = p.user.Command(ctx, cmd.Args[0], cmd.Args[1:]...); err != nil {
			return nil, err
		}
	}
	out, errs := limited.Buffer{Most: tailSize}, limited.Buffer{Most: tailSize}
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w: %.200s", err, bytes.TrimSpace(errs.Bytes()))
	}
	return out.Bytes(), nil
}
