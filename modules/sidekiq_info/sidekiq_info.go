// Package sidekiqinfo is the Ansible module sidekiq_info: it tells what Sidekiq's page /busy shows, from Redis alone.
//
// # Decisions
//
// It only reads: its plan has no steps, so that check mode and a run are the same.
//
// A Redis that cannot be asked is a failure, since nothing is known then. All else that is wrong is a warning beside what was
// read: whoever asks decides what to do about it.
//
// What Redis does not tell is not guessed. Since when a process is quiet stands nowhere, so the warning says only since when it runs.
// Whether a process is older than the release is judged for those of this host alone, for app_root is this host's.
//
// Arguments of jobs are left out: they may name people.
package sidekiqinfo

import (
	_ "embed"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
)

//go:embed sidekiq_info.yml
var doc []byte

// Module is sidekiq_info.
func Module() ansible.Module { return ansible.New(doc, plan) }

// plan has nothing to do: it answers what was found.
func plan(p *Params) (*ansible.Plan, error) {
	f, err := look(p)
	if err != nil {
		return nil, err
	}
	plan := &ansible.Plan{}
	now := time.Now()
	report(plan, f, now)
	for _, warning := range f.warnings(now) {
		plan.Warn("%s", warning)
	}
	return plan, nil
}
