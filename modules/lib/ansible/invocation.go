package ansible

import (
	"encoding/json"
	"fmt"
	"log/syslog"
	"sort"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// invocation is what the module was called with, the values of secret options left out whole.
func invocation(spec *argspec.Spec, args map[string]any) map[string]any {
	shown := map[string]any{}
	for k, v := range args {
		if len(spec.Secrets(map[string]any{k: v})) > 0 {
			v = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
		}
		shown[k] = v
	}
	return shown
}

// openSyslog is replaced in tests.
var openSyslog = syslog.New

// logInvocation writes the line that Ansible's own modules write, so that an admin finds who changed what in the journal.
// A host without a syslog socket is no reason to fail the task, so its error goes nowhere: there is no other place for it.
func logInvocation(spec *argspec.Spec, args map[string]any, ctl control, m *mask) {
	w, err := openSyslog(facility(ctl.SyslogFacility)|syslog.LOG_INFO, "ansible-"+spec.Module)
	if err != nil {
		return
	}
	defer w.Close()
	_ = w.Info(invokedWith(spec, args, m))
}

// invokedWith is one line: json.Marshal escapes line breaks.
func invokedWith(spec *argspec.Spec, args map[string]any, m *mask) string {
	var parts []string
	for k, v := range invocation(spec, args) {
		text, isText := v.(string)
		if !isText || strings.ContainsAny(text, "\n\r\x00") {
			b, err := json.Marshal(v)
			if err != nil {
				b = []byte("?")
			}
			text = string(b)
		}
		parts = append(parts, fmt.Sprintf("%s=%s", k, text))
	}
	sort.Strings(parts)
	return m.text("Invoked with " + strings.Join(parts, " "))
}

// facility knows the names that Ansible's setting DEFAULT_SYSLOG_FACILITY accepts; its default is LOG_USER.
func facility(name string) syslog.Priority {
	facilities := map[string]syslog.Priority{
		"LOG_AUTH": syslog.LOG_AUTH, "LOG_AUTHPRIV": syslog.LOG_AUTHPRIV, "LOG_CRON": syslog.LOG_CRON,
		"LOG_DAEMON": syslog.LOG_DAEMON, "LOG_KERN": syslog.LOG_KERN, "LOG_SYSLOG": syslog.LOG_SYSLOG,
		"LOG_LOCAL0": syslog.LOG_LOCAL0, "LOG_LOCAL1": syslog.LOG_LOCAL1, "LOG_LOCAL2": syslog.LOG_LOCAL2,
		"LOG_LOCAL3": syslog.LOG_LOCAL3, "LOG_LOCAL4": syslog.LOG_LOCAL4, "LOG_LOCAL5": syslog.LOG_LOCAL5,
		"LOG_LOCAL6": syslog.LOG_LOCAL6, "LOG_LOCAL7": syslog.LOG_LOCAL7,
	}
	if f, ok := facilities[name]; ok {
		return f
	}
	return syslog.LOG_USER
}
