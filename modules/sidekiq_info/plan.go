// Package sidekiqinfo is the Ansible module sidekiq_info: it answers what package dashboard reads from Redis.
//
// # Decisions
//
// It only reads: its plan has no steps, so that check mode and a run are the same.
//
// A Redis that does not answer is a failure, since nothing is known then. What cannot be read of the application is a warning.
package sidekiqinfo

import (
	_ "embed"
	"fmt"
	"path/filepath"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/dashboard"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

//go:embed sidekiq_info.yml
var doc []byte

// Module is sidekiq_info.
func Module() ansible.Module { return ansible.New(doc, plan) }

// plan has no steps, only an answer.
func plan(o *options) (*ansible.Plan, error) {
	files := atomicfile.NewReader("/")
	redis, err := findRedis(o, files)
	if err != nil {
		return nil, err
	}
	d, err := dashboard.Read(redis)
	if err != nil {
		return nil, unreachable(redis.Source, err)
	}
	var versionFault error
	if o.AppRoot != "" {
		versionFault = compare(d, o.AppRoot, files)
	}
	plan := &ansible.Plan{}
	for key, value := range d.Answer() {
		plan.Set(key, value)
	}
	for _, warning := range d.Warnings() {
		plan.Warn("%s", warning)
	}
	if versionFault != nil {
		plan.Warn("whether Redis is new enough for the application is not known: %v", versionFault)
	}
	return plan, nil
}

// compare compares the dashboard with the application. The error is why the application's version of Sidekiq is not known.
func compare(d *dashboard.Dashboard, appRoot string, files *atomicfile.Reader) error {
	d.CompareRelease(appRoot)
	lockfile := filepath.Join(appRoot, "Gemfile.lock")
	source, err := files.ReadLockfile(lockfile)
	if err == nil {
		var version sidekiq.Version
		version, err = sidekiq.LockedVersion(source, "sidekiq")
		d.CompareVersion(version)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", lockfile, err)
	}
	return nil
}
