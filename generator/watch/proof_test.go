package watch

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ended is a host with these answers, by module, each with a status.
func ended(t *testing.T, results ...string) *host {
	t.Helper()
	h := &host{Name: "h", stats: &stats{}}
	for i := 0; i < len(results); i += 3 {
		e := event{Event: "result", Module: results[i], Status: results[i+1]}
		require.NoError(t, json.Unmarshal([]byte(results[i+2]), &e.Answer))
		h.Results = append(h.Results, e)
	}
	return h
}

func TestWhatIsNotKnownIsSaidToBeUnknown(t *testing.T) {
	for want, results := range map[string][]string{
		"unknown|unknown|unknown": nil,
		"up, heartbeat not seen|not proved|unknown, 7 wanted": {
			"systemd_sidekiq", "ok", `{"status": "up"}`, "sudoers_entry", "ok", `{"state": "present"}`,
			"db_pool", "ok", `{"exists": true, "pool_before": null, "pool_after": null, "required": 7}`},
		"up, PID 5, heartbeat unknown, threads unknown, queues unknown|proved for a, b|no database.yml": {
			"systemd_sidekiq", "ok", `{"status": "up", "processes": [{"main_pid": 5, "heartbeat": {"status": "unknown"}}]}`,
			"sudoers_entry", "ok", `{"state": "present", "proved": ["a", "b"]}`, "db_pool", "ok", `{"exists": false}`},
		"failed|absent|unlimited": {
			"systemd_sidekiq", "failed", `{"msg": "no"}`, "sudoers_entry", "changed", `{"state": "absent"}`,
			"db_pool", "ok", `{"exists": true, "pool_before": -1, "pool_after": -1, "required": 1}`},
	} {
		var got []string
		for _, c := range ended(t, results...).cells(false) {
			got = append(got, c.text)
		}
		require.Equal(t, want, strings.Join(got, "|"))
	}
}

func TestProof_TitleAndPendingRestart(t *testing.T) {
	h := ended(t, "systemd_sidekiq", "ok", `{"status": "up", "restart_pending": true, "processes": [{"main_pid": 5, "evidence": "title", "heartbeat": {"status": "unknown", "concurrency": 7}}]}`)
	require.Equal(t, "up, restart pending, PID 5, heartbeat title only", h.cells(true)[0].text)
	_, rows := proofs(&fleet{Hosts: []*host{h}}, applied)
	require.Equal(t, []string{"h", unchanged, "up, restart pending", "5", "title only", "7", unknown, unknown, unknown}, rows[0])
}

func TestCheckTellsChangesInsteadOfProof(t *testing.T) {
	h := ended(t, "systemd_sidekiq", "changed", `{"status": "up", "steps": ["a", "b"]}`, "sudoers_entry", "failed", `{"msg": "no"}`,
		"db_pool", "changed", `{"exists": true, "pool_before": 5, "pool_after": 7, "required": 7}`)
	require.Equal(t, []cell{{"Sidekiq", "2 changes"}, {"sudo", "failed"}, {"pool", "5 -> 7"}}, h.cells(true))
}

func TestServiceThatIsNotMeantToRunHasNoUnknownProcess(t *testing.T) {
	for _, status := range []string{"waiting for the first deploy", "stopped", "absent"} {
		h := ended(t, "systemd_sidekiq", "changed", `{"status": "`+status+`"}`)
		_, rows := proofs(&fleet{Hosts: []*host{h}}, applied)
		require.Equal(t, []string{"h", changed, status, "-", "not seen", "-", unknown, "-", unknown}, rows[0])
	}
}

func TestHostThatWasNotFinishedIsNotFine(t *testing.T) {
	h := ended(t, "db_pool", "changed", `{"exists": true}`)
	h.stats = nil
	require.Equal(t, unfinished, h.result())
	h.Results[0].Status = failed
	require.Equal(t, failed, h.result())
	require.Equal(t, "1 host: 1 failed\n", style{}.summary(&fleet{Hosts: []*host{h}}, applied))
}
