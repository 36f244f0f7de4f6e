package systemdsidekiq

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// verifyJobs plans a warning of errors that the restarted processes log. They are no reason for a rollback: a unit cannot repair a release.
func (p *planner) verifyJobs() {
	restarts := slices.ContainsFunc(p.workers(), func(u *unit) bool {
		_, isNeeded := p.restartNeeded(u)
		return u.ran() && (isNeeded || p.stopped[u.name])
	})
	if p.VerifyJobs != "warn" || p.LogFile != "" || !restarts {
		return
	}
	p.Add(ansible.Step{Title: "look for errors of jobs", Proof: true, Do: func(late *ansible.Late) error {
		lines := []string{}
		for _, invocation := range slices.Sorted(maps.Keys(p.started)) {
			time.Sleep(time.Until(p.started[invocation].Add(p.jobsPeriod)))
			journal, err := systemd.Journal(invocation)
			if err != nil {
				late.Warn("errors of jobs since the restart are not known: %v", err)
				continue
			}
			lines = append(lines, errorLines(journal)...)
		}
		late.Set("job_errors", lines)
		if len(lines) > 0 {
			late.Warn("Sidekiq has logged errors within %d s after the restart; hint: journalctl -u %s:\n%s", int(p.jobsPeriod.Seconds()), p.main().name, strings.Join(lines, "\n"))
		}
		return nil
	}})
}

// The lines that Sidekiq logs for a job that failed, in its own format and as JSON (lib/sidekiq/logger.rb, job_logger.rb, config.rb), and for other
// errors, also by Rails' logger. The line with the job as JSON has its arguments, which may name people.
var (
	errorLine = lazyregexp.New(`\b(ERROR|FATAL)(:| --) |: fail$|\bWARN: [A-Z][\w:]*: |"lvl":"(ERROR|FATAL)"|"msg":"fail"|"lvl":"WARN","msg":"[A-Z][\w:]*: `)
	arguments = lazyregexp.New(`"args":`)
	colors    = lazyregexp.New(`\x1b\[[0-9;]*m`)
)

const (
	maxErrorLines = 10
	maxErrorLine  = 300 // bytes
)

func errorLines(journal string) []string {
	var lines []string
	for line := range strings.Lines(journal) {
		line = strings.TrimSpace(colors().ReplaceAllString(line, ""))
		if errorLine().MatchString(line) && !arguments().MatchString(line) {
			lines = append(lines, fmt.Sprintf("%.*s", maxErrorLine, line))
		}
	}
	return lines[:min(len(lines), maxErrorLines)]
}
