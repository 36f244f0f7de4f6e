package sidekiq

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestErrorLines(t *testing.T) {
	failed := []string{
		"2026-11-29T08:13:28.123Z pid=142 tid=2s6 class=HardJob jid=4711 elapsed=0.001 INFO: fail",
		"2026-11-29T08:13:28.124Z pid=142 tid=2s6 WARN: RuntimeError: no space left",
		"pid=142 tid=2s6 WARN: ActiveRecord::ConnectionTimeoutError: could not obtain a connection",
		"ERROR: Error fetching job: refused",
		`{"ts":"2026","pid":1,"tid":"a","lvl":"WARN","msg":"NameError: uninitialized constant GoneJob"}`,
		`{"ts":"2026","pid":1,"tid":"a","lvl":"INFO","msg":"fail","ctx":{"class":"HardJob"}}`,
		"E, [2026-11-29T08:13:28.124 #142] ERROR -- : [ActiveJob] it failed",
		"F, [2026-11-29T08:13:28.124 #142] FATAL -- : it failed",
	}
	require.Equal(t, failed, ErrorLines(strings.Join(failed, "\n")+"\n"))
	for _, line := range []string{
		"", "2026-11-29T08:13:28.123Z pid=142 tid=2s6 class=HardJob jid=4711 INFO: start", "pid=142 INFO: done", "pid=142 INFO: no fail", "/opt/app.rb:1:in `perform'",
		`pid=142 WARN: {"context":"Job raised exception","job":{"class":"HardJob","args":["Jane Doe"]}}`, // it has arguments
		`ERROR: {"job":{"args":["Jane Doe"]}}`,
		`{"lvl":"WARN","msg":"{\"context\":\"Job raised exception\",\"job\":{\"args\":[\"Jane Doe\"],\"error_message\":\"ERROR: relation\"}}"}`,
		`ERROR -- : [ActiveJob] Error performing HardJob from Sidekiq(default) with arguments: "Jane Doe"`,
		"WARN: your Redis has a maxmemory policy",
	} {
		require.Empty(t, ErrorLines(line), line)
	}
	require.Equal(t, []string{"ERROR: red"}, ErrorLines("\x1b[31mERROR\x1b[0m: red\n"))
	require.Equal(t, []string{"ERROR: " + strings.Repeat("x", maxErrorLine-7)}, ErrorLines("ERROR: "+strings.Repeat("x", 1000)))
	require.Equal(t, []string{"2026-11-29T08:13:28.123Z pid=1 tid=a class=HardJob jid=1 elapsed=0.1 INFO: fail (2 times)", "ERROR: a (2 times)"},
		ErrorLines("2026-11-29T08:13:28.123Z pid=1 tid=a class=HardJob jid=1 elapsed=0.1 INFO: fail\nERROR: a\n2026-11-29T08:13:28.456Z pid=1 tid=b class=HardJob jid=2 elapsed=0.2 INFO: fail\nERROR: a\n"))
	many := ""
	for i := range 50 {
		many += fmt.Sprintf("ERROR: number %d\n", i)
	}
	require.Len(t, ErrorLines(many), maxErrorLines+1)
	require.Equal(t, "and 40 more", ErrorLines(many)[maxErrorLines])
}
