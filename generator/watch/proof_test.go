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

// The cells after the name and the result.
func TestTable_Cells(t *testing.T) {
	for _, c := range []struct {
		check   bool
		want    string
		results []string
	}{
		{false, "unknown|unknown|unknown|unknown|unknown|unknown|unknown", nil},
		{false, "up|unknown|unknown|unknown|unknown, 7 wanted|unknown|not proved", []string{
			"systemd_sidekiq", "ok", `{"status": "up"}`, "sudoers_entry", "ok", `{"state": "present"}`,
			"db_pool", "ok", `{"exists": true, "pool_before": null, "pool_after": null, "required": 7}`}},
		{false, "up|5|unknown|unknown|no database.yml|unknown|proved for a, b", []string{
			"systemd_sidekiq", "ok", `{"status": "up", "processes": [{"main_pid": 5, "heartbeat": {"status": "unknown"}}]}`,
			"sudoers_entry", "ok", `{"state": "present", "proved": ["a", "b"]}`, "db_pool", "ok", `{"exists": false}`}},
		{false, "failed|unknown|unknown|unknown|unlimited|unknown|absent", []string{
			"systemd_sidekiq", "failed", `{"msg": "no"}`, "sudoers_entry", "changed", `{"state": "absent"}`,
			"db_pool", "ok", `{"exists": true, "pool_before": -1, "pool_after": -1, "required": 1}`}},
		{false, "up, restart pending|5|title only|7|failed|unknown|unknown", []string{
			"systemd_sidekiq", "ok", `{"status": "up", "restart_pending": true, "processes": [{"main_pid": 5, "evidence": "title", "heartbeat": {"status": "unknown", "concurrency": 7}}]}`,
			"db_pool", "failed", `{"msg": "no"}`}},
		{false, "up|unknown|unknown|unknown|7|unknown|proved for a", []string{
			"systemd_sidekiq", "changed", `{"status": "up", "steps": ["a"]}`, "sudoers_entry", "changed", `{"state": "present", "proved": ["a"], "steps": ["a"]}`,
			"db_pool", "changed", `{"exists": true, "pool_before": 5, "pool_after": 7, "required": 7}`}},
		{true, "2 changes|unknown|unknown|unknown|5 -> 7|unknown|failed", []string{
			"systemd_sidekiq", "changed", `{"status": "up", "steps": ["a", "b"]}`, "sudoers_entry", "failed", `{"msg": "no"}`,
			"db_pool", "changed", `{"exists": true, "pool_before": 5, "pool_after": 7, "required": 7}`}},
		{true, "up|unknown|unknown|unknown|1 change|unknown|unknown", []string{
			"systemd_sidekiq", "ok", `{"status": "up"}`, "db_pool", "changed", `{"exists": true, "pool_before": 7, "pool_after": 7, "steps": ["a"]}`}},
		{false, "stopped|-|-|-|unknown|-|unknown", []string{"systemd_sidekiq", "changed", `{"status": "stopped"}`}},
		{false, "absent|-|-|-|unknown|-|unknown", []string{"systemd_sidekiq", "changed", `{"status": "absent"}`}},
		{false, "waiting for the first deploy|-|-|-|unknown|-|unknown", []string{"systemd_sidekiq", "ok", `{"status": "waiting for the first deploy"}`}},
	} {
		rows := ended(t, c.results...).rows(&fleet{Check: c.check})
		require.Equal(t, c.want, strings.Join(rows[0][2:], "|"))
	}
}

func TestHostThatWasNotFinishedIsNotFine(t *testing.T) {
	h := ended(t, "db_pool", "changed", `{"exists": true}`)
	h.stats = nil
	require.Equal(t, unfinished, h.result())
	h.Results[0].Status = failed
	require.Equal(t, failed, h.result())
	require.Equal(t, "1 host: failed 1\n", style{}.summary(&fleet{Hosts: []*host{h}}))
}
