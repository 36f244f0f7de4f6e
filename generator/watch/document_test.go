package watch

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/apenella/go-ansible/v2/pkg/playbook"
	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/goldentest"
)

// documented returns the report of recorded events in a format.
func documented(t *testing.T, name, format string) string {
	t.Helper()
	var out, errs bytes.Buffer
	s := newStage(&out, &errs, Run{Project: "demo", Verify: true, Format: format, Playbook: playbook.NewAnsiblePlaybookCmd(playbook.WithPlaybooks("/tmp/x/sidekiq.yml"))})
	for _, e := range told(t, name) {
		s.event(e)
	}
	s.text(s.texts, "Ansible's own\n")
	require.NoError(t, s.report())
	require.Equal(t, "Ansible's own\n", errs.String())
	return out.String()
}

func TestReport_JSON(t *testing.T) {
	text := documented(t, "drift", "json")
	goldentest.File(t, "testdata/drift.json", text)
	var d struct{ Hosts []struct{ Result string } }
	require.NoError(t, json.Unmarshal([]byte(text), &d))
	var results []string
	for _, h := range d.Hosts {
		results = append(results, h.Result)
	}
	require.Equal(t, []string{"ok", "differs", "differs", "unreachable"}, results)
}

func TestReport_JUnit(t *testing.T) {
	text := documented(t, "drift", "junit")
	goldentest.File(t, "testdata/drift.junit", text)
	var all suite
	require.NoError(t, xml.Unmarshal([]byte(text), &all))
	require.Equal(t, []int{12, 2, 1, 2}, []int{all.Tests, all.Failures, all.Errors, all.Skipped})
}

// What a host says is text in both formats.
func TestReport_DocumentsAreWellFormed(t *testing.T) {
	for _, format := range Formats[1:] {
		var out, errs bytes.Buffer
		s := newStage(&out, &errs, Run{Format: format, Playbook: playbook.NewAnsiblePlaybookCmd(playbook.WithPlaybooks("x"))})
		s.fleet.take(event{Event: "play", Tasks: 1, Hosts: []string{"a", "b", "c"}}, time.Time{})
		s.event(event{Event: "result", Ours: true, Host: "a", Module: "db_pool", Status: failed, Answer: answer{Msg: "</error>\"&\x01]]>"}})
		s.event(event{Event: "result", Ours: true, Host: "b", Module: "db_pool", Status: changed, Diff: "</failure>\x02"})
		s.event(event{Event: "result", Ours: true, Host: "c", Module: "db_pool", Status: skipped})
		s.event(event{Event: "end", Stats: map[string]stats{"a": {Failures: 1}, "b": {}, "c": {}}})
		require.NoError(t, s.report())
		require.NotRegexp(t, "[\x00-\x08]", out.String())
		if format == "json" {
			require.True(t, json.Valid(out.Bytes()))
			continue
		}
		var all suite
		require.NoError(t, xml.Unmarshal(out.Bytes(), &all))
		require.Equal(t, []int{9, 1, 2, 6}, []int{all.Tests, all.Failures, all.Errors, all.Skipped}, "an error for each host that failed or was not judged")
	}
}

// An error is said for the part that it is of, or once.
func TestJUnit_OneErrorForEachHost(t *testing.T) {
	pool := event{Event: "result", Ours: true, Host: "a", Module: "db_pool", Status: failed}
	other := event{Event: "result", Host: "a", Module: "fail", Status: failed}
	service := event{Event: "result", Ours: true, Host: "a", Module: "systemd_sidekiq", Status: "ignored", Answer: answer{Msg: "another"}}
	fine := event{Event: "result", Ours: true, Host: "a", Module: "db_pool", Status: "ok"}
	for want, events := range map[string][]event{
		"skipped <skipped <error": {pool},
		"error <skipped <skipped": {other},
		"error <skipped <error":   {pool, service, fine}, // a rescued failure counts
	} {
		var out bytes.Buffer
		s := newStage(&out, &out, Run{Format: "junit", Verify: true, Quiet: true})
		for _, e := range append(events, event{Event: "end", Stats: map[string]stats{"a": {Failures: 1}}}) {
			s.event(e)
		}
		require.NoError(t, s.report())
		parts := regexp.MustCompile(`<(skipped|error|failure) `).FindAllString(out.String(), -1)
		require.Equal(t, want, strings.Trim(strings.Join(parts, ""), "< "))
	}
}

func TestQuiet_DocumentsHaveAllHosts(t *testing.T) {
	for _, format := range Formats[1:] {
		var texts [2]bytes.Buffer
		for i := range texts {
			s := newStage(&texts[i], &texts[i], Run{Format: format, Verify: true, Quiet: i == 1})
			for _, e := range told(t, "again") {
				s.event(e)
			}
			require.NoError(t, s.report())
		}
		require.Equal(t, texts[0].String(), texts[1].String())
		require.Contains(t, texts[0].String(), "worker1.example.org")
	}
}

func TestQuiet_OnlyHostsThatDifferOrFailed(t *testing.T) {
	for name, want := range map[string]bool{"drift": true, "again": false} {
		var out bytes.Buffer
		s := newStage(&out, &out, Run{Verify: true, Quiet: true})
		for _, e := range told(t, name) {
			s.event(e)
		}
		require.NoError(t, s.report())
		if want {
			require.Contains(t, out.String(), "worker2.example.org  differs")
			require.Contains(t, out.String(), "error: ssh: Could not resolve hostname worker4.example.org")
			require.NotContains(t, out.String(), "worker1.example.org")
		} else {
			require.Empty(t, out.String())
		}
	}
}

func TestQuestion_ServiceOfAnotherApplication(t *testing.T) {
	moves := event{Module: "systemd_sidekiq", Status: changed, Diff: "--- before\n+++ after\n@@ @@\n-WorkingDirectory=/opt/hyrax/current\n+WorkingDirectory=/opt/demo/current\n"}
	refused := event{Module: "systemd_sidekiq", Status: failed, Answer: answer{Msg: `option "name": /etc/systemd/system/sidekiq.service belongs to another project, it runs in "/opt/hyrax/current"; hint: x`}}
	for _, e := range []event{moves, refused} {
		f := &fleet{Check: true, Hosts: []*host{{Name: "a", Results: []event{e}}, {Name: "b"}}}
		require.Equal(t, "\nhint: the service belongs to another application on a: is --project demo right?\n", style{}.question(f, "demo"))
		require.Contains(t, style{}.question(f, ""), "is project_name right?")
		f.Check = false
		require.Empty(t, style{}.question(f, "demo"))
	}
	same := event{Module: "systemd_sidekiq", Status: changed, Diff: "-Nice=1\n+Nice=2\n WorkingDirectory=/opt/demo/current\n"}
	require.Empty(t, style{}.question(&fleet{Check: true, Hosts: []*host{{Name: "a", Results: []event{same}}}}, "demo"))
}
