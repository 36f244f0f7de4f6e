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
	p.Add(ansible.Step{Title: "check the journal for job errors", Proof: true, Do: func(late *ansible.Late) error {
		all := []string{}
		for _, invocation := range slices.Sorted(maps.Keys(p.started)) {
			u := p.started[invocation]
			time.Sleep(time.Until(u.at.Add(p.jobsPeriod)))
			journal, err := systemd.Journal(invocation)
			if err != nil {
				late.Warn("cannot read the journal of %s for job errors: %v", u.name, err)
				continue
			}
			if lines := errorLines(journal); len(lines) > 0 {
				late.Warn("%s logged errors within %d s after its start:\n%s\nhint: journalctl -u %s", u.name, int(p.jobsPeriod.Seconds()), strings.Join(lines, "\n"), u.name)
				all = append(all, lines...)
			}
		}
		late.Set("job_errors", all)
		return nil
	}})
}

// The lines that Sidekiq logs for a job that failed, in its own format and as JSON (lib/sidekiq/logger.rb, job_logger.rb, config.rb), and for other
// errors, also by Rails' logger. Lines with the arguments of a job, which may name people, are left out.
var (
	errorLine = lazyregexp.New(`\b(ERROR|FATAL)(:| --) |: fail$|\bWARN: [A-Z][\w:]*: |"lvl":"(ERROR|FATAL)"|"msg":"fail"|"lvl":"WARN","msg":"[A-Z][\w:]*: `)
	arguments = lazyregexp.New(`"args|\\"args|Job raised exception|with arguments:`)
	varying   = lazyregexp.New(`^\S*\d{4}-\d\d-\d\dT\S+ |\b(pid|tid|jid|bid|elapsed)=\S+ ?|"(ts|pid|tid|jid|elapsed)":("[^"]*"|[0-9.]+),?`)
	colors    = lazyregexp.New(`\x1b\[[0-9;]*m`)
)

const (
	maxErrorLines = 10
	maxErrorLine  = 300 // characters
)

// errorLines are the first lines with errors. Of lines that differ only in time, thread and job there is the first, with their number.
func errorLines(journal string) []string {
	var lines []string
	count := map[string]int{} // by what is the same
	for line := range strings.Lines(journal) {
		line = strings.TrimSpace(colors().ReplaceAllString(line, ""))
		if !errorLine().MatchString(line) || arguments().MatchString(line) {
			continue
		}
		if same := varying().ReplaceAllString(line, ""); count[same] == 0 {
			lines = append(lines, line)
			count[same] = 1
		} else {
			count[same]++
		}
	}
	more := len(lines) - maxErrorLines
	for i, line := range lines[:min(len(lines), maxErrorLines)] {
		lines[i] = fmt.Sprintf("%.*s", maxErrorLine, line)
		if n := count[varying().ReplaceAllString(line, "")]; n > 1 {
			lines[i] += fmt.Sprintf(" (%d times)", n)
		}
	}
	if more > 0 {
		lines = append(lines[:maxErrorLines], fmt.Sprintf("and %d more", more))
	}
	return lines
}
