package systemdsidekiq

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"

	"github.com/curationexperts/ansible-sidekiq/modules/systemd"
)

// marker is the first line of every unit that this module wrote, so that it knows its own.
const marker = "Managed by Ansible (systemd_sidekiq); changes are overwritten."

// graceMargin is how much longer than Sidekiq's own timeout systemd waits before it kills: after the timeout Sidekiq pushes
// unfinished jobs back to Redis and gives its threads up to 3 seconds more (lib/sidekiq/manager.rb, hard_shutdown).
const graceMargin = 10

// unitText is the unit that fits what was asked and what was found.
func unitText(p *Params, f *found) (string, error) {
	var u systemd.Unit
	u.Comment(marker)
	u.Section("Unit")
	u.Set("Description", systemd.Text("Sidekiq for "+projectName(p)))
	u.Set("Documentation", systemd.Literal("https://github.com/sidekiq/sidekiq/wiki"))
	u.Set("After", systemd.Literal("network.target redis-server.service redis.service mariadb.service mysql.service postgresql.service"))
	// A host where nothing was deployed yet stays quiet, also after a reboot.
	u.Set("ConditionPathIsDirectory", systemd.Path(p.AppRoot))
	// Never give up: a Redis that is absent for an hour must not need an admin afterwards.
	u.Set("StartLimitIntervalSec", systemd.Literal("0"))
	service(&u, p, f)
	u.Section("Install")
	u.Set("WantedBy", systemd.Literal("multi-user.target"))
	return u.Text()
}

// projectName is the folder above current: /opt/hyrax/current belongs to hyrax.
func projectName(p *Params) string {
	if p.DeployRoot != "" {
		return path.Base(p.DeployRoot)
	}
	return path.Base(p.AppRoot)
}

func service(u *systemd.Unit, p *Params, f *found) {
	u.Section("Service")
	// sd_notify came with Sidekiq 6.0.6; before, systemd would wait for it in vain.
	if f.version.Notifies() {
		u.Set("Type", systemd.Literal("notify"))
		u.Set("TimeoutStartSec", systemd.Literal("180"))
	} else {
		u.Set("Type", systemd.Literal("simple"))
	}
	u.Set("User", systemd.Text(p.User))
	u.Set("Group", systemd.Text(p.Group))
	u.Set("UMask", systemd.Text(p.Umask))
	u.Set("WorkingDirectory", systemd.Path(p.AppRoot))
	environmentOf(u, p, f)
	u.Set("ExecStart", command(p, f))
	// The shell's kill: the program kill is in no essential package.
	u.Set("ExecReload", systemd.Command{"/bin/sh", "-c", "kill -s TSTP $MAINPID"})
	// TERM to Sidekiq alone: a job's ffmpeg is to finish with its job.
	u.Set("KillMode", systemd.Literal("mixed"))
	u.Set("TimeoutStopSec", systemd.Literal(strconv.Itoa(f.timeout+graceMargin)))
	// always: Sidekiq ends with status 0 when anyone sends it TERM.
	u.Set("Restart", systemd.Literal("always"))
	u.Set("RestartSec", systemd.Literal("5"))
	u.Set("SyslogIdentifier", systemd.Text(p.Name))
}

// environmentOf caps malloc's arenas, as Sidekiq's own example does, since Ruby's threads else bloat the process.
func environmentOf(u *systemd.Unit, p *Params, f *found) {
	variables := map[string]string{"MALLOC_ARENA_MAX": "2"}
	maps.Copy(variables, f.poolVariables)
	maps.Copy(variables, p.Environment)
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		u.Set("Environment", systemd.Assignment{Name: name, Value: variables[name]})
	}
	for _, file := range p.EnvironmentFiles {
		u.Set("EnvironmentFile", systemd.Text(file))
	}
}

// command passes only what was asked for: the rest is the application's own configuration.
func command(p *Params, f *found) systemd.Command {
	c := systemd.Command{f.bundle, "exec", "sidekiq", "-e", p.RailsEnv}
	if p.SidekiqConfig != "" {
		c = append(c, "-C", p.SidekiqConfig)
	}
	if p.Concurrency != nil {
		c = append(c, "-c", fmt.Sprint(*p.Concurrency))
	}
	for _, q := range p.Queues {
		c = append(c, "-q", q)
	}
	return c
}
