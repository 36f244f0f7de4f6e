// Package environ knows the variables of a process before it runs: those of its unit, of the files that systemd reads for it, and of the
// files that the application loads with dotenv. It reads and writes such files as systemd and dotenv do.
package environ

import "github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml"

// Environ looks up a variable of the environment of a process.
type Environ = rubyyaml.Environ

// None is the Environ without variables.
func None(string) (string, bool) { return "", false }

// Overlay is an environment with some variables set otherwise.
func Overlay(environ Environ, variables map[string]string) Environ {
	return func(name string) (string, bool) {
		if value, set := variables[name]; set {
			return value, true
		}
		return environ(name)
	}
}
