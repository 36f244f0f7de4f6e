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
		Starter: []string{"/usr/bin/bundle", "exec"}, Environment: "production", Config: p.Config, Concurrency: "12", Timeout: "40", Queues: p.Queues,
	}, ParseCommandLine(line))
	require.Equal(t, "bundle exec sidekiq -e staging", strings.Join(Command("bundle", "staging", ProcessOptions{}, nil), " "))
}

func TestParseCommandLine(t *testing.T) {
	c := ParseCommandLine("/bin/bash -lc 'cd /opt/hyrax/current && exec bundle exec sidekiq -e production'")
	require.Equal(t, []string{"/bin/bash", "-lc", "cd", "/opt/hyrax/current", "&&", "exec", "bundle", "exec"}, c.Starter)
	require.Equal(t, "production", c.Environment)
	require.False(t, c.HasOthers)

	for _, line := range []string{"sidekiq -L log/sidekiq.log", "sidekiq -v", "sidekiq -e production -d"} {
		require.True(t, ParseCommandLine("bundle exec "+line).HasOthers, line)
	}
	require.Nil(t, ParseCommandLine("/usr/bin/bundle exec puma"))
	require.Nil(t, ParseCommandLine(""))
}
