// Package dbpool is the Ansible module db_pool: it gives an application enough database connections for its Sidekiq.
//
// The promise: after it, each pool of the environment is at least the number of threads, as Rails reads the file; at most one
// line per database has changed; or the file is as it was and the error says why, with its line.
//
// # Decisions
//
// A symbolic link is followed: Capistrano links config/database.yml to its shared one, and that is the file to change. A link of the deploy user
// does not have root change what that user could not (allow_foreign_links).
//
// Where ERB makes the pool of a variable, as in Rails' own template, the file is right and the environment is not: the role lets the
// unit set the variable (erb: variable), and a number takes the place of the template only when that is asked for.
//
// The diff shows the entries that change and nothing else of their lines, since a line may hold a password.
package dbpool

import (
	_ "embed"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
)

//go:embed db_pool.yml
var doc []byte

// Module is db_pool.
func Module() ansible.Module { return ansible.New(doc, plan) }
