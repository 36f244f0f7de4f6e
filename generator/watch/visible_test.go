package watch

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVisible(t *testing.T) {
	for given, want := range map[string]string{
		"a\n\tb é 日本 👩‍🚀":                         "a\n\tb é 日本 👩‍🚀",
		"\x1b[2J\x1b]0;title\a\x1b[31mred\x1b[0m": `\u001b[2J\u001b]0;title\u0007\u001b[31mred\u001b[0m`,
		"\u009b2J\u007f\u202egnp\u2066\u200f":     `\u009b2J\u007f\u202egnp\u2066\u200f`,
		"line\r\nover\rwritten\r":                 "line\r\n" + `over\u000dwritten\u000d`,
		"\x9b2J\xe2\x80":                          "\ufffd2J\ufffd\ufffd",
		"\x1b":                                    `\u001b`,
	} {
		require.Equal(t, want, Visible(given), "%q", given)
	}
}

// What Ansible prints by itself may hold what a host says, such as a deprecation or ssh's last words. Wherever the output breaks, all
// that drives a terminal becomes visible.
func TestSplitter_ShowsControlCharactersOfText(t *testing.T) {
	const out = "\x1b[0;35mwarning: \x1b[2J\u009b2J\u202egnp\x1b[0m\r\n\x1b]0;title\a over\rwritten\x1b["
	const want = `\u001b[0;35mwarning: \u001b[2J\u009b2J\u202egnp\u001b[0m` + "\r\n" + `\u001b]0;title\u0007 over\u000dwritten\u001b[`
	for at := range out {
		events, texts := split(t, out[:at], out[at:])
		require.Empty(t, events)
		require.Equal(t, want, strings.Join(texts, ""), at)
	}
}
