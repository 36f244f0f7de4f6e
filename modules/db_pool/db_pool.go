// Package dbpool is the Ansible module db_pool: it gives an application enough database connections for its Sidekiq.
//
// The promise: after it, the pool of the environment is at least the number of threads, as Rails reads the file; at most one
// line per database has changed; or the file is as it was and the error says why, with its line.
//
// # Decisions
//
// One process wants one connection for each thread that runs jobs, all capsules together (Sidekiq's own threads use none). It
// is a number per process, so several processes want no more than one.
//
// Where Sidekiq's number of threads cannot be known for certain, as before the first deploy, the larger is taken and said so:
// a pool too large costs nothing, one too small loses jobs.
//
// A symbolic link is followed: Capistrano links config/database.yml to its shared one, and that is the file to change.
//
// The diff shows the entries that change and nothing else of their lines, since a line may hold a password.
package dbpool

import (
	_ "embed"

	"github.com/curationexperts/ansible-sidekiq/modules/ansible"
)

//go:embed db_pool.yml
var doc []byte

// Module is db_pool.
func Module() ansible.Module { return ansible.New(doc, plan) }
