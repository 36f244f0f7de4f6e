package sidekiq

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// The lines that Sidekiq logs for a job that failed, in its own format and as JSON (lib/sidekiq/logger.rb, job_logger.rb, config.rb), and for other
// errors, also by Rails' logger. Lines with the arguments of a job, which may name people, are left out.
var (
	errorLine       = lazyregexp.New(`\b(ERROR|FATAL)(:| --) |: fail$|\bWARN: [A-Z][\w:]*: |"lvl":"(ERROR|FATAL)"|"msg":"fail"|"lvl":"WARN","msg":"[A-Z][\w:]*: `)
	permissionError = lazyregexp.New(`Errno::(EACCES|EPERM|EROFS)|Read-only file system|(Permission denied|Operation not permitted) @ |/\S+: (Permission denied|Operation not permitted)`)
	arguments       = lazyregexp.New(`"args|\\"args|Job raised exception|with arguments:`)
	varying         = lazyregexp.New(`^\S*\d{4}-\d\d-\d\dT\S+ |\b(pid|tid|jid|bid|elapsed)=\S+ ?|"(ts|pid|tid|jid|elapsed)":("[^"]*"|[0-9.]+),?`)
	colors          = lazyregexp.New(`\x1b\[[0-9;]*m`)
)

const (
	maxErrorLines = 10
	maxErrorLine  = 300 // characters
)

// ErrorLines are the first lines of a log with errors. Of lines that differ only in time, thread and job there is the first, with their number.
func ErrorLines(log string) []string { return matching(log, errorLine()) }

// Answer is the answer of a module.
type Answer interface {
	Append(key string, element any)
	Warn(format string, args ...any)
}

// ReportPermissionErrors adds the first lines in the log of a unit's process in which the kernel has refused access to a file (errno(3): EACCES, EPERM,
// EROFS) to the answer, and a warning. They name a path or are of Ruby: an application, or ssh, may deny permission as well.
func ReportPermissionErrors(to Answer, unit, log string) {
	lines := matching(log, permissionError())
	for _, line := range lines {
		to.Append("permission_errors", line)
	}
	if len(lines) > 0 {
		to.Warn("%s has logged permission errors since its start:\n%s\nhint: check the owner of the files, and the sandbox (hardening, read_write_paths)", unit, strings.Join(lines, "\n"))
	}
}

func matching(log string, wanted *regexp.Regexp) []string {
	var lines []string
	count := map[string]int{} // by what is the same
	for line := range strings.Lines(log) {
		line = strings.TrimSpace(colors().ReplaceAllString(line, ""))
		if !wanted.MatchString(line) || arguments().MatchString(line) {
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
