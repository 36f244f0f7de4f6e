package ansible

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// control is what Ansible tells a module beside its options, in keys that start with _ansible_.
type control struct {
	CheckMode      bool
	Diff           bool
	NoLog          bool // the task's no_log, or no_target_syslog in ansible.cfg
	Verbosity      int
	Version        string // of ansible-core
	SyslogFacility string
	// InjectInvocation is nil on ansible-core before 2.21, which had no such key.
	InjectInvocation *bool
}

const controlPrefix = "_ansible_"

// parseArguments parts options from control keys. Numbers stay as they are written: integers beyond 64 bits arrive as such.
// The wrapper {"ANSIBLE_MODULE_ARGS": ...} is what people write by hand, from Ansible's developer guide.
func parseArguments(text []byte) (map[string]any, control, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var all map[string]any
	if err := d.Decode(&all); err != nil {
		return nil, control{}, fmt.Errorf("arguments are not a JSON object: %v; hint: give {\"option\": value, ...}", jsonFault(err))
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, control{}, fmt.Errorf("arguments go on after the JSON object; hint: give one object")
	}
	if inner, ok := all["ANSIBLE_MODULE_ARGS"].(map[string]any); ok {
		all = inner
	}
	args, ctl := map[string]any{}, control{}
	for key, v := range all {
		if name, ok := strings.CutPrefix(key, controlPrefix); ok {
			ctl.set(name, v)
		} else {
			args[key] = v
		}
	}
	return args, ctl, nil
}

// jsonFault says where, never what: the arguments may hold secrets.
func jsonFault(err error) string {
	if s, ok := err.(*json.SyntaxError); ok {
		return fmt.Sprintf("syntax error at byte %d", s.Offset)
	}
	if err == io.EOF {
		return "there is nothing"
	}
	return "wrong type or end of input"
}

// set is lenient: a control key of an unexpected type is worth less than the task.
func (c *control) set(name string, v any) {
	switch name {
	case "check_mode":
		c.CheckMode, _ = v.(bool)
	case "diff":
		c.Diff, _ = v.(bool)
	case "no_log":
		c.NoLog, _ = v.(bool)
	case "verbosity":
		n, _ := v.(json.Number)
		c.Verbosity, _ = strconv.Atoi(n.String())
	case "version":
		c.Version, _ = v.(string)
	case "syslog_facility":
		c.SyslogFacility, _ = v.(string)
	case "inject_invocation":
		if b, ok := v.(bool); ok {
			c.InjectInvocation = &b
		}
	}
}

// wantsInvocation: up to 2.20 the key is shown at -vvv and kept out of registered results; from 2.21 Ansible asks for it.
func (c control) wantsInvocation() bool {
	if c.InjectInvocation != nil {
		return *c.InjectInvocation
	}
	return c.Verbosity >= 3
}

// takesNewSecrets: from 2.22 the controller masks what a module reports in _ansible_new_secrets; older ones print the key
// with its value in a warning.
func (c control) takesNewSecrets() bool {
	major, rest, _ := strings.Cut(c.Version, ".")
	minor := rest
	if i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		minor = rest[:i]
	}
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(minor)
	return errA == nil && errB == nil && (a > 2 || a == 2 && b >= 22)
}
