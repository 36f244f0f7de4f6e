package systemdsidekiq

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/limited"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// log is where the service logs to.
func (o *options) log() string { return cmp.Or(o.LogFile, "journal") }

// opensLog reports whether the user of the service opens log_file. In the deployment systemd must not: as root it would write through any link that
// the deploy user makes.
func (o *options) opensLog() bool {
	return o.LogFile != "" && !strings.HasPrefix(o.LogFile, "/var/log/")
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
	if p.opensLog() {
		if p.user == nil {
			return nil, fmt.Errorf("user %q is not known", p.User)
		}
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
