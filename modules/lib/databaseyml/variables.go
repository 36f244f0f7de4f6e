package databaseyml

import (
	"maps"
	"strconv"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
)

// Variables are those that the environment of the process wants so that every pool that ERB makes is large enough, with their
// values; none when all are. Pools that stand in the file as numbers, and those of a URL, do not matter here. Every error is a
// *Refusal.
func Variables(source []byte, by Reader, q Request) (map[string]string, error) {
	f, err := parse(source, by)
	if err != nil {
		return nil, err
	}
	databases, err := f.named(q.Environment, q.Databases)
	if err != nil {
		return nil, err
	}
	wanted := map[string]string{}
	for _, database := range databases {
		if err := f.addVariable(wanted, by.Environ, q, database); err != nil {
			return nil, plain(err)
		}
	}
	return wanted, nil
}

// addVariable adds the variable that one database wants, the first of its expression that helps.
func (f *file) addVariable(wanted map[string]string, env environ.Environ, q Request, database string) error {
	p, err := f.poolWith(environ.Overlay(env, wanted), q, database)
	if err != nil || !p.ERB || p.Size >= q.Size {
		return err
	}
	for _, name := range p.Variables {
		try := maps.Clone(wanted)
		try[name] = strconv.Itoa(q.Size)
		with, err := f.poolWith(environ.Overlay(env, try), q, database)
		if err != nil {
			return err
		}
		if with.Size >= q.Size {
			maps.Copy(wanted, try)
			return nil
		}
	}
	if p.unread != nil {
		return p.unread
	}
	return &Refusal{Line: p.Line, Reason: p.Key + " is made by ERB, and no variable makes it large enough", Hint: "write a number in its place"}
}

// poolWith is the pool in an environment.
func (f *file) poolWith(env environ.Environ, q Request, database string) (Pool, error) {
	for _, r := range f.readings {
		r.Environ = env
	}
	return f.look(q.Environment, database)
}
