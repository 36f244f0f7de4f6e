// Package sidekiqinfo is the Ansible module sidekiq_info: it answers what Sidekiq's page /busy shows, from Redis alone.
//
// # Decisions
//
// It only reads: its plan has no steps, so that check mode and a run are the same.
//
// A Redis that does not answer is a failure, since nothing is known then. Everything else that is wrong is a warning beside what was
// read: the playbook decides what to do about it.
//
// What Redis does not hold is not guessed. It does not hold since when a process is quiet, so the warning only says since when it runs.
// Only processes of this host are compared with the release, because app_root is a path of this host.
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

// plan has no steps, only an answer.
func plan(o *options) (*ansible.Plan, error) {
	f, err := gather(o)
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
