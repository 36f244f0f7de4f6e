package sudoers

import "strings"

// Dialect is what must be known of a sudo to write for it. The zero value is sudo's own.
type Dialect struct {
	// EscapeEquals puts a backslash before each `=` of an argument: sudo-rs before 0.2.8 reads no other, 0.2.8 reads none with it.
	EscapeEquals bool
}

var (
	escapes       = strings.NewReplacer(",", `\,`, ":", `\:`, "#", `\#`)
	escapesEquals = strings.NewReplacer(",", `\,`, ":", `\:`, "#", `\#`, "=", `\=`)
)

func (d Dialect) escape(arg string) string {
	if d.EscapeEquals {
		return escapesEquals.Replace(arg)
	}
	return escapes.Replace(arg)
}
