// Package ansible is the protocol between Ansible and a module that is a static binary: arguments in, a plan, one JSON
// answer out.
//
// A module passes its interface (NAME.yml) and a function that compares the options with the host and returns a Plan. Everything else
// happens only here: check mode, diff, changed, rollback, masked secrets, the syslog line.
// A module never sees the check mode flag, so it cannot forget it.
//
// # How it is started
//
//	AnsiballZ_NAME ARGS.json   as Ansible starts a binary module (the prefix is Ansible's)
//	NAME ARGS.json             by hand
//	PROGRAM run NAME - DIR     as the action plugin starts it: in DIR, standard input is a nonce that the answer begins with, and the arguments
//	PROGRAM run NAME -         arguments on standard input
//	PROGRAM run NAME FILE      the same from a file
//
// # Decisions
//
// The exit status says nothing: Ansible ignores it when JSON was printed, so `failed` is always explicit and the status is 0
// once an answer was given. Nothing is ever written to standard error while a module runs: over `ssh -tt` it would land in
// the answer.
//
// Every answer has exact JSON types and warnings as plain strings, which ansible-core 2.14 to 2.22 agree on.
// `_ansible_*` keys that are not known are ignored: each release brings new ones.
package ansible

import (
	"fmt"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// Module is one Ansible module. New makes it.
type Module struct {
	spec *argspec.Spec
	plan func(args map[string]any) (*Plan, error)
}

// New makes a module of NAME.yml and a function that returns the plan; with an error, the plan has what was seen until then. P is the struct of
// the options, its fields tagged `option:"name"`. If *P has a method Validate() error, it is called before plan.
//
// New panics if NAME.yml is invalid or does not fit P: that is a bug, and every test of the module shows it.
func New[P any](doc []byte, plan func(*P) (*Plan, error)) Module {
	spec, err := argspec.Parse(doc)
	if err == nil {
		err = spec.CheckParams(new(P))
	}
	if err != nil {
		panic(err)
	}
	return Module{spec: spec, plan: func(args map[string]any) (*Plan, error) {
		params := new(P)
		if err := spec.Decode(args, params); err != nil {
			return nil, err
		}
		if v, ok := any(params).(interface{ Validate() error }); ok {
			if err := v.Validate(); err != nil {
				return nil, err
			}
		}
		return plan(params)
	}}
}

// Name is what a task calls the module.
func (m Module) Name() string { return m.spec.Module }

// answer runs the module on the text of the arguments and never panics.
func (m Module) answer(text []byte) answer {
	args, ctl, err := parseArguments(text)
	if err != nil {
		return failure(err)
	}
	mask := newMask(append(m.spec.Secrets(args), likelySecretsOf(args)...))
	if !ctl.NoLog {
		logInvocation(m.spec, args, ctl, mask)
	}
	a := m.act(args, ctl)
	mask.add(a.secretsInDiffs())
	if ctl.wantsInvocation() {
		a["invocation"] = map[string]any{"module_args": invocation(m.spec, args)}
	}
	masked := mask.value(map[string]any(a)).(map[string]any)
	if secrets := mask.secrets; len(secrets) > 0 && ctl.takesNewSecrets() {
		masked["_ansible_new_secrets"] = secrets
	}
	return masked
}

// act plans and, unless in check mode, does.
func (m Module) act(args map[string]any, ctl control) answer {
	plan, err := m.makePlan(args)
	if err != nil {
		return plan.refusal(err)
	}
	if ctl.CheckMode {
		return plan.preview(ctl.Diff)
	}
	return plan.run(ctl.Diff)
}

// makePlan calls the module's function. A panic in it is an error: nothing was changed yet.
func (m Module) makePlan(args map[string]any) (plan *Plan, err error) {
	defer func() {
		if p := recover(); p != nil {
			plan, err = nil, fmt.Errorf("bug in module %s, nothing was changed: %v", m.Name(), p)
		}
	}()
	return m.plan(args)
}
