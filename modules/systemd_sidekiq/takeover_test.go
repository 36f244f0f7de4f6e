package systemdsidekiq

import (
	"cmp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// The reported edits for a directive of an old unit; none if the new unit covers it.
func TestEdits_OfOneDirective(t *testing.T) {
	const command = "(options command, bundle, login_shell, environment, concurrency, queues, sidekiq_config, timeout)"
	for _, c := range []struct {
		section string // "": Service
		line    string
		change  func(*options)
		edits   []string
	}{
		// As ansible-samvera, capistrano-sidekiq and Sidekiq's own example write it.
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
		// As an admin changes it.
		{line: "User=root", edits: []string{"User=root (option user)"}},
		{line: "UMask=0027", edits: []string{"UMask=0027 (option umask)"}},
		{section: "Unit", line: "After=fedora.service", edits: []string{"After=fedora.service (option unit_directives)"}},
		{section: "Unit", line: "OnFailure=mail@%n.service", edits: []string{"OnFailure=mail@%n.service (option unit_directives)"}},
		{section: "Unit", line: "PartOf=web.service", edits: []string{"PartOf=web.service (a drop-in)"}},
		{section: "Install", line: "Alias=worker.service", edits: []string{"Alias=worker.service (a drop-in)"}},
		{line: "TimeoutSec=90", edits: []string{"TimeoutSec=90 (option stop_timeout)"}},
		{line: "MemoryMax=3G", edits: []string{"MemoryMax=3G (option memory_max)"}},
		{line: "CPUWeight=20", edits: []string{"CPUWeight=20 (option extra_directives)"}},
		{line: "TimeoutStopSec=infinity", edits: []string{"TimeoutStopSec=infinity (option stop_timeout)"}},
		{line: "EnvironmentFile=/opt/hyrax/shared/.env", edits: []string{"EnvironmentFile=/opt/hyrax/shared/.env (option environment_files)"}},
		{line: `Environment=A=1 "B=two hush"`, edits: []string{"Environment=A=(hidden) (option environment)", "Environment=B=(hidden) (option environment)"}},
		{line: "ExecStartPre=/opt/prepare", edits: []string{"ExecStartPre=/opt/prepare (option extra_directives)"}},
		{line: "ExecStartPre=+/opt/prepare", edits: []string{"ExecStartPre=+/opt/prepare (a drop-in)"}},
		{line: "ExecStart=/usr/bin/bundle exec sidekiq -e staging", edits: []string{"ExecStart=/usr/bin/bundle exec sidekiq -e staging " + command}},
		{line: "ExecStart=/usr/bin/bundle exec sidekiq -e production -c 12", edits: []string{"ExecStart=/usr/bin/bundle exec sidekiq -e production -c 12 " + command}},
		{line: "ExecStart=/usr/bin/bundle exec sidekiq -q special", edits: []string{"ExecStart=/usr/bin/bundle exec sidekiq -q special " + command}},
		{line: "ExecStart=/usr/bin/bundle exec sidekiq -L log/sidekiq.log", edits: []string{"ExecStart=/usr/bin/bundle exec sidekiq -L log/sidekiq.log " + command}},
		{line: "ExecStart=/usr/bin/nice -n 10 /usr/bin/bundle exec sidekiq", edits: []string{"ExecStart=/usr/bin/nice -n 10 /usr/bin/bundle exec sidekiq " + command}},
		{line: "ExecStart=/usr/bin/env DB_POOL=hush /usr/bin/bundle exec sidekiq", edits: []string{"ExecStart=/usr/bin/env DB_POOL=(hidden) /usr/bin/bundle exec sidekiq " + command}},
		{line: "ExecStart=/bin/bash -lc 'export DB_POOL=hush; exec /usr/bin/bundle exec sidekiq'", edits: []string{"ExecStart=/bin/bash -lc 'export DB_POOL=(hidden) exec /usr/bin/bundle exec sidekiq' " + command}},
		{line: "ExecStart=/usr/bin/bundle exec sidekiq -t 60", edits: []string{"ExecStart=/usr/bin/bundle exec sidekiq -t 60 " + command}},
		{line: "ExecStart=/usr/bin/bundle exec sidekiq --verbose", edits: []string{"ExecStart=/usr/bin/bundle exec sidekiq --verbose " + command}},
		{line: "ExecStart=/opt/hyrax/current/bin/sidekiq", edits: []string{"ExecStart=/opt/hyrax/current/bin/sidekiq " + command}},
		{line: "ExecStart=bundle exec sidekiq", edits: []string{"ExecStart=bundle exec sidekiq " + command}},
		{line: "ExecStart=/usr/bin/true", edits: []string{"ExecStart=/usr/bin/true " + command}},
		{line: "ExecReload=/bin/kill -HUP $MAINPID", edits: []string{"ExecReload=/bin/kill -HUP $MAINPID (a drop-in)"}},
		{line: "Group=ops"}, // see groupOf
		{line: "WantedBy=graphical.target", edits: []string{"WantedBy=graphical.target (option enabled)"}},
		{line: "TimeoutStopSec=35"},
		{line: "TimeoutStopSec=36", edits: []string{"TimeoutStopSec=36 (option stop_timeout)"}},
		{line: "MemoryHigh=1G", edits: []string{"MemoryHigh=1G (option memory_high)"}},
		{line: "ExecStart=/opt/jemalloc.sh /usr/bin/bundle exec sidekiq", edits: []string{"ExecStart=/opt/jemalloc.sh /usr/bin/bundle exec sidekiq " + command}},
		// As an admin changes it, and the options have it.
		{line: "User=root", change: func(o *options) { o.User = "root" }},
		{line: "UMask=27", change: func(o *options) { o.Umask = "0027" }},
		{line: "MemoryHigh=1G", change: func(o *options) { o.MemoryHigh = "2G" }},
		{line: "MemoryLimit=1G", change: func(o *options) { o.MemoryMax = "2G" }},
		{line: "LimitNOFILE=9999", change: func(o *options) { o.LimitNOFILE = number(1024) }},
		{line: "TimeoutStopSec=90", change: func(o *options) { o.StopTimeout = number(60) }},
		{line: "CPUWeight=20", change: func(o *options) { o.ExtraDirectives = map[string][]string{"CPUWeight": {"20"}} }},
		{line: "CPUWeight=20", change: func(o *options) { o.ExtraDirectives = map[string][]string{"CPUWeight": {"30"}} }, edits: []string{"CPUWeight=20 (option extra_directives)"}},
		{line: "ExecStartPre=/opt/b", change: func(o *options) { o.ExtraDirectives = map[string][]string{"ExecStartPre": {"/opt/a", "/opt/b"}} }},
		{section: "Unit", line: "After=redis.service fedora.service", change: func(o *options) { o.UnitDirectives = map[string][]string{"After": {"solr.service fedora.service"}} }},
		{section: "Unit", line: "CPUWeight=20", change: func(o *options) { o.ExtraDirectives = map[string][]string{"CPUWeight": {"20"}} }, edits: []string{"CPUWeight=20 (option unit_directives)"}},
		{line: "StandardOutput=append:/var/log/sidekiq.log"}, // see warnOfOldLog
		{line: "StandardError=null", edits: []string{"StandardError=null (option log_file)"}},
		{line: "EnvironmentFile=/opt/hyrax/shared/.env", change: func(o *options) { o.EnvironmentFiles = []string{"/opt/hyrax/shared/.env"} }},
		{line: "Environment=A=1", change: func(o *options) { o.Environment["A"] = "1" }},
		{line: "Environment=A=1", change: func(o *options) { o.Environment["A"] = "2" }, edits: []string{"Environment=A=(hidden) (option environment)"}},
		{line: "Environment=RACK_ENV=staging", edits: []string{"Environment=RACK_ENV=(hidden) (option environment)"}},
		{line: "ExecStart=/usr/bin/bundle exec sidekiq -c 12 -q a -q b -t 60 -C config/media.yml", change: func(o *options) {
			o.Concurrency, o.Timeout, o.Queues, o.SidekiqConfig = number(12), number(60), []string{"a", "b"}, "config/media.yml"
		}},
		{line: "ExecStart=/usr/bin/bundle exec sidekiq -c 12", change: func(o *options) { o.Concurrency = number(13) }, edits: []string{"ExecStart=/usr/bin/bundle exec sidekiq -c 12 " + command}},
		{line: "ExecStart=/usr/bin/bundle exec sidekiq -q a -q b", change: func(o *options) { o.Queues = []string{"a"} }, edits: []string{"ExecStart=/usr/bin/bundle exec sidekiq -q a -q b " + command}},
		{line: "ExecStart=/bin/bash -lc 'exec bundle exec sidekiq'", change: func(o *options) { o.LoginShell = true }},
		{line: "ExecStart=/usr/bin/bundle exec sidekiqswarm -e production", edits: []string{"ExecStart=/usr/bin/bundle exec sidekiqswarm -e production " + command}},
		{line: "ExecStart=/usr/bin/bundle exec sidekiqswarm -e production", change: func(o *options) { o.Command = "sidekiqswarm" }},
		{line: "ExecStart=/usr/bin/bundle exec sidekiq -e production", change: func(o *options) { o.Command = "sidekiqswarm" }, edits: []string{"ExecStart=/usr/bin/bundle exec sidekiq -e production " + command}},
		{line: "ExecStart=/usr/bin/bundle exec sidekiq -e production", change: func(o *options) { o.Command = "sidekiq" }},
		{line: "ExecStart=/bin/bash -lc 'exec bundle exec sidekiq'", change: func(o *options) { o.Bundle = "/usr/bin/bundle" }},
	} {
		o := roleOptions(c.change)
		require.NoError(t, o.Validate())
		p := newPlanner(newInspector(host{root: t.TempDir()}, o), &facts{})
		p.bundle.Path = "/usr/bin/bundle"
		p.service = service{&unit{process: &sidekiq.ProcessOptions{}, timeout: 25}}
		require.Equal(t, c.edits, p.edits(systemd.UnitFile{Path: "/etc/systemd/system/sidekiq.service", Text: "[" + cmp.Or(c.section, "Service") + "]\n" + c.line + "\n"}), c.line)
	}
}
