// Package sidekiq knows what a Sidekiq process will do without running it: its version from the lock file of Bundler, its settings from
// config/sidekiq.yml and the environment, and its life from the heartbeat that it keeps in Redis.
//
// # Decisions
//
// config/sidekiq.yml is read as Sidekiq's CLI does (lib/sidekiq/cli.rb, parse_config): ERB, then YAML, keys with or without a
// leading colon, the section of the environment over the top level. No Ruby is run: ERB is evaluated where it is one of the
// few usual expressions over ENV, and only where the value is wanted. A file with ERB code tags (<% %>) is refused.
//
// What is not in the file follows the order of the CLI: RAILS_MAX_THREADS, then the default of the version
// (lib/sidekiq.rb, from 7.0 lib/sidekiq/config.rb).
//
// The heartbeat is what the page /busy shows (lib/sidekiq/launcher.rb, api.rb). It and the queues are read with plain commands of
// Redis, so that no gem and no login is needed. Arguments of jobs are never taken out of them: they may name people.
package sidekiq

import "github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml"

// Refusal says why a configuration file cannot be read without Ruby: line, reason, hint. It never quotes a value of the file.
type Refusal = rubyyaml.Refusal
