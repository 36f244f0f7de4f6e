package sidekiq

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseCommandLine_ReadsCommand(t *testing.T) {
	twelve, forty := 12, 40
	p := ProcessOptions{Queues: []string{"default,2", "ingest"}, Concurrency: &twelve, Config: "config/sidekiq_media.yml"}
	line := strings.Join(Command("/usr/bin/bundle", "production", p, &forty), " ")
	require.Equal(t, &CommandLine{
		Starter: []string{"/usr/bin/bundle", "exec"}, Program: "sidekiq", Environment: "production", Config: p.Config, Concurrency: "12", Timeout: "40", Queues: p.Queues,
	}, ParseCommandLine(line))
	for command, want := range map[string]string{"": "sidekiq", "sidekiq": "sidekiq", "sidekiqswarm": "sidekiqswarm"} {
		line := strings.Join(Command("bundle", "staging", ProcessOptions{Command: command}, nil), " ")
		require.Equal(t, "bundle exec "+want+" -e staging", line)
		require.Equal(t, want, ParseCommandLine(line).Program)
	}
}

func TestParseCommandLine(t *testing.T) {
	c := ParseCommandLine("/bin/bash -lc 'cd /opt/hyrax/current && exec bundle exec sidekiq -e production'")
	require.Equal(t, []string{"/bin/bash", "-lc", "cd", "/opt/hyrax/current", "&&", "exec", "bundle", "exec"}, c.Starter)
	require.Equal(t, "sidekiq", c.Program)
	require.Equal(t, "production", c.Environment)
	require.False(t, c.HasOthers)
	for _, line := range []string{"/bin/bash -lc 'exec bundle exec sidekiqswarm'", "/opt/hyrax/current/bin/sidekiqswarm -e production"} {
		require.Equal(t, Swarm, ParseCommandLine(line).Program, line)
	}

	for _, line := range []string{"sidekiq -L log/sidekiq.log", "sidekiq -v", "sidekiq -e production -d"} {
		require.True(t, ParseCommandLine("bundle exec "+line).HasOthers, line)
	}
	require.Nil(t, ParseCommandLine("/usr/bin/bundle exec puma"))
	require.Nil(t, ParseCommandLine("/usr/bin/bundle exec sidekiqmon"))
	require.Nil(t, ParseCommandLine(""))
}
