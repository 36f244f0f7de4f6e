package systemdsidekiq

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// What an old unit has, by a directive of it, and what is said of it; nothing where the new unit does the same or better.
func TestWhatAPersonPutIntoAUnitIsNamed(t *testing.T) {
	const command = "(options bundle, login_shell, environment, concurrency, queues, sidekiq_config, timeout)"
	for _, c := range []struct {
		line string
		said []string
	}{
		// ansible-samvera's, capistrano-sidekiq's, Sidekiq's own example.
		{line: "Description=sidekiq"},
		{line: "After=syslog.target network.target redis-server.service"},
		{line: "Type=simple"}, {line: "Type=notify"}, {line: "NotifyAccess=all"}, {line: "WatchdogSec=10"}, {line: "Restart=on-failure"}, {line: "RestartSec=1"},
		{line: "StandardOutput=syslog"}, {line: "StandardError=journal"}, {line: "SyslogIdentifier=sidekiq"}, {line: "WantedBy=multi-user.target"}, {line: "UMask=0002"},
		{line: "User=deploy"}, {line: "Environment=MALLOC_ARENA_MAX=2"}, {line: `Environment="RAILS_ENV=production" MALLOC_ARENA_MAX=2`}, {line: "TimeoutStopSec=30"},
		{line: "ExecReload=/bin/kill -TSTP $MAINPID"},
		{line: "ExecStart=/usr/local/bin/bundle exec sidekiq -e production -C config/sidekiq.yml"},
		{line: "ExecStart=/usr/bin/bundle exec sidekiq -e production"},
		{line: "ExecStart=/usr/bin/env /usr/bin/bundle exec sidekiq -e production"},
		{line: "ExecStart=/bin/bash -lc 'cd /opt/hyrax/current && exec /usr/bin/bundle exec sidekiq -e production'"},
		// Of a person.
		{line: "User=root", said: []string{"User=root (option user)"}},
		{line: "UMask=0027", said: []string{"UMask=0027 (option umask)"}},
		{line: "After=fedora.service", said: []string{"After=fedora.service (a drop-in)"}},
		{line: "MemoryMax=3G", said: []string{"MemoryMax=3G (option memory_max)"}},
		{line: "CPUWeight=20", said: []string{"CPUWeight=20 (option extra_directives)"}},
		{line: "TimeoutStopSec=infinity", said: []string{"TimeoutStopSec=infinity (option stop_timeout)"}},
		{line: "EnvironmentFile=/opt/hyrax/shared/.env", said: []string{"EnvironmentFile=/opt/hyrax/shared/.env (option environment_files)"}},
		{line: "StandardOutput=append:/var/log/sidekiq.log", said: []string{"StandardOutput=append:/var/log/sidekiq.log (option log_file)"}},
		{line: `Environment=A=1 "B=two hush"`, said: []string{"Environment=A=(hidden) (option environment)", "Environment=B=(hidden) (option environment)"}},
		{line: "ExecStartPre=/opt/prepare", said: []string{"ExecStartPre=/opt/prepare (a drop-in)"}},
		{line: "ExecStart=/usr/bin/bundle exec sidekiq -e staging", said: []string{"ExecStart=/usr/bin/bundle exec sidekiq -e staging " + command}},
		{line: "ExecStart=/usr/bin/bundle exec sidekiq -e production -c 12", said: []string{"ExecStart=/usr/bin/bundle exec sidekiq -e production -c 12 " + command}},
		{line: "ExecStart=/usr/bin/bundle exec sidekiq -q special", said: []string{"ExecStart=/usr/bin/bundle exec sidekiq -q special " + command}},
		{line: "ExecStart=/usr/bin/bundle exec sidekiq -L log/sidekiq.log", said: []string{"ExecStart=/usr/bin/bundle exec sidekiq -L log/sidekiq.log " + command}},
		{line: "ExecStart=/usr/bin/nice -n 10 /usr/bin/bundle exec sidekiq", said: []string{"ExecStart=/usr/bin/nice -n 10 /usr/bin/bundle exec sidekiq " + command}},
		{line: "ExecStart=/usr/bin/env DB_POOL=hush /usr/bin/bundle exec sidekiq", said: []string{"ExecStart=/usr/bin/env DB_POOL=(hidden) /usr/bin/bundle exec sidekiq " + command}},
		{line: "ExecStart=/bin/bash -lc 'export DB_POOL=hush; exec /usr/bin/bundle exec sidekiq'", said: []string{"ExecStart=/bin/bash -lc 'export DB_POOL=(hidden) exec /usr/bin/bundle exec sidekiq' " + command}},
		{line: "ExecStart=/opt/jemalloc.sh /usr/bin/bundle exec sidekiq", said: []string{"ExecStart=/opt/jemalloc.sh /usr/bin/bundle exec sidekiq " + command}},
	} {
		o := asked(nil)
		require.NoError(t, o.Validate())
		p := &planner{host: host{root: t.TempDir()}, options: o, facts: &facts{}}
		p.bundle.Path = "/usr/bin/bundle"
		p.service = service{&unit{process: &sidekiq.ProcessOptions{}, timeout: 25}}
		require.Equal(t, c.said, p.edits(systemd.UnitFile{Path: "/etc/systemd/system/sidekiq.service", Text: "[Service]\n" + c.line + "\n"}), c.line)
	}
}
