package watch

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/ansibletest"
	"github.com/curationexperts/ansible-sidekiq/generator/goldentest"
)

// These tests run the callback plugin with each ansible-core in ansibletest.Cores.

func TestPlugin_EventsWithoutSecrets(t *testing.T) {
	for i, bin := range ansibletest.Cores(t) {
		for _, way := range []string{"linear", "free"} {
			if i > 0 && way == "free" {
				continue // the same plugin calls
			}
			t.Run(filepath.Base(filepath.Dir(bin))+" "+way, func(t *testing.T) {
				home := ansibletest.Use(t, bin)
				f, out := hear(t, home, way)
				require.NotContains(t, out, "s3cret")
				require.NotRegexp(t, `[\x00-\x09\x0b-\x1f\x7f]|\\u00(0|1|7f|8|9)|\\u20[26]`, strings.NewReplacer(`\n`, "", `\\u`, "visible ").Replace(out))
				require.Equal(t, 10, f.Tasks, "all but the rescue")
				require.Equal(t, []string{changed, failed}, []string{f.Hosts[0].result(), f.Hosts[1].result()})
				log, err := os.ReadFile(filepath.Join(home, "log"))
				require.NoError(t, err)
				require.NotContains(t, string(log), "s3cret")
				goldentest.File(t, "testdata/callback/secrets.jsonl", resultsOf(t, f.Hosts[0]))
			})
		}
	}
}

// hear runs the playbook with the plugin in its directory.
func hear(t *testing.T, home, way string) (*fleet, string) {
	t.Helper()
	_, err := WritePlugin(home)
	require.NoError(t, err)
	text, err := os.ReadFile("testdata/callback/secrets.yml")
	ansibletest.Write(t, filepath.Join(home, "play.yml"), text, err)
	command := exec.Command("ansible-playbook", "-i", "one,two,", "-e", "playground="+t.TempDir(), "-e", "way="+way, filepath.Join(home, "play.yml"))
	command.Env = append(os.Environ(), "ANSIBLE_STDOUT_CALLBACK=sidekiq_role", "SIDEKIQ_ROLE_MARK=MARK")
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	require.ErrorContains(t, command.Run(), "exit status 2", out.String()+errs.String())
	ansibletest.Clean(t, errs.String())
	require.NotContains(t, strings.ToLower(errs.String()), "deprecat")
	events, texts := split(t, out.String())
	require.Regexp(t, `^(a task starts\n){11,}$`, strings.Join(texts, ""), "what is not an event is shown")
	f := &fleet{}
	for _, e := range events {
		require.False(t, e.Ours, "no role")
		e.Ours = true
		f.take(e, time.Time{})
	}
	return f, out.String()
}

// resultsOf returns the results of a host by task.
func resultsOf(t *testing.T, h *host) string {
	t.Helper()
	var b strings.Builder
	for _, r := range h.Results {
		line, err := json.Marshal(map[string]any{"task": r.Task, "module": r.Module, "status": r.Status, "text": r.Answer.text(), "diff": r.Diff != ""})
		require.NoError(t, err)
		b.Write(append(line, '\n'))
	}
	return b.String()
}
