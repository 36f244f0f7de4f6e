package ansible

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestText_ShowsControlCharacters(t *testing.T) {
	for given, want := range map[string]string{
		"plain \\ \"quoted\" <é>\n\ttext": "plain \\ \"quoted\" <é>\n\ttext",
		"\x1b[2J\x1b]0;title\a":           `\u001b[2J\u001b]0;title\u0007`,
		"\x00\b\f\r\n\x7f":                `\u0000\b\f\r` + "\n" + `\u007f`,
		"\u0080\u009b31m\u009f\u00a0":     `\u0080\u009b31m\u009f` + "\u00a0",
		"\u202egnp.exe\u2066\u200f\u061c": `\u202egnp.exe\u2066\u200f\u061c`,
		"a\u2028b":                        `a\u2028b`,
		`\u001b and \\u001b`:              `\u001b and \\u001b`,
		"\xff\ufffd":                      "\ufffd\ufffd",
		"日本 👩‍🚀 שלום":                     "日本 👩‍🚀 שלום",
	} {
		for name, a := range map[string]answer{
			"string":  {"msg": given},
			"list":    {"msg": []string{given}},
			"key":     {given: "msg"},
			"nested":  {"processes": []map[string]any{{"jobs": []any{map[string]string{given: given}}}}},
			"failure": failure(errorText(given)),
		} {
			line, err := a.text()
			require.NoError(t, err)
			var got answer
			require.NoError(t, json.Unmarshal(line, &got), "%s", line)
			texts := stringsIn(map[string]any(got))
			require.Contains(t, texts, want, "%s %q", name, given)
			require.NotRegexp(t, `[\x00-\x08\x0b-\x1f\x7f\x{80}-\x{9f}\x{202a}-\x{202e}\x{2066}-\x{2069}]`, strings.Join(texts, ""), "%s %q", name, given)
		}
	}
}

type errorText string

func (e errorText) Error() string { return string(e) }

// stringsIn are all strings of a value of JSON, keys as well.
func stringsIn(v any) []string {
	var all []string
	switch v := v.(type) {
	case string:
		all = []string{v}
	case []any:
		for _, item := range v {
			all = append(all, stringsIn(item)...)
		}
	case map[string]any:
		for key, item := range v {
			all = append(append(all, key), stringsIn(item)...)
		}
	}
	return all
}

// What a person sees in a diff is what changes, where it is a control character, too.
func TestText_DiffShowsChangedControlCharacters(t *testing.T) {
	p := &Plan{}
	p.Add(Step{Title: "write", Diff: &Diff{Before: "a\r\nb\x1b\n", After: "a\nb\n"}})
	line, err := p.preview(true).text()
	require.NoError(t, err)
	require.Contains(t, string(line), `"after":"a\nb\n"`)
	require.Contains(t, string(line), `"before":"a\\r\nb\\u001b\n"`)
}

// A secret with a control character is masked before the character is made visible.
func TestText_MasksSecretsWithControlCharacters(t *testing.T) {
	m := newMask([]string{"s3\x1bcret"})
	line, err := answer(m.value(map[string]any{"msg": "it is s3\x1bcret", "quoted": `it is "s3\x1bcret"`}).(map[string]any)).text()
	require.NoError(t, err)
	require.Equal(t, `{"msg":"it is ********","quoted":"it is \"********\""}`+"\n", string(line))
}

func BenchmarkVisible(b *testing.B) {
	line, err := json.Marshal(map[string]string{"before": strings.Repeat("Environment=\"ODD=50%% \\\"é\\\"\"\n", 300), "after": strings.Repeat("PrivateTmp=yes\n", 600)})
	require.NoError(b, err)
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		visible(line)
	}
}
