package answertest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const answer = `{"changed": true, "failed": false, "pid": 101, "steps": ["write a", "start b"], "warnings": ["careful"],
	"redis": {"place": "localhost", "version": "7.3"}, "msg": "<a>"}`

func TestCompare_Equal(t *testing.T) {
	for _, expected := range []string{
		`{"changed": true, "warnings": ["careful"]}`,
		`{"changed": true, "warnings": ["~care.*"], "pid": "~[0-9]+", "steps": ["write a", "~start ."]}`,
		`{"changed": true, "warnings": ["careful"], "redis": {"place": "localhost"}, "msg": "<a>", "steps": "~.*write a.*"}`,
	} {
		differences, err := Compare(answer, expected)
		require.NoError(t, err)
		require.Empty(t, differences, expected)
	}
	differences, err := Compare(`{"failed": true, "changed": false, "msg": "no"}`, `{"failed": true, "msg": "no"}`)
	require.NoError(t, err)
	require.Empty(t, differences, "an answer without warnings has none")
}

func TestCompare_Different(t *testing.T) {
	const rest = `"changed": true, "warnings": ["careful"]`
	for expected, want := range map[string]string{
		`{` + rest + `, "stesp": ["write a", "start b"]}`:    "stesp is missing",
		`{` + rest + `, "redis": {"palce": "localhost"}}`:    "redis.palce is missing",
		`{` + rest + `, "redis": {"version": "7.2"}}`:        `redis.version is "7.3", not "7.2"`,
		`{` + rest + `, "pid": "101"}`:                       `pid is 101, not "101"`,
		`{` + rest + `, "pid": "~[0-9]"}`:                    `pid is 101, which does not match [0-9]`,
		`{` + rest + `, "steps": ["write a"]}`:               `steps is ["write a","start b"], not ["write a"]`,
		`{` + rest + `, "steps": ["write a", "start c"]}`:    `steps[1] is "start b", not "start c"`,
		`{` + rest + `, "msg": null}`:                        `msg is "<a>", not null`,
		`{` + rest + `, "msg": "~("}`:                        "msg: error parsing regexp: missing closing ): `(?s)^(?:()$`",
		`{` + rest + `, "failed": true}`:                     "failed is false, not true",
		`{"warnings": ["careful"]}`:                          "changed is true, not false",
		`{"changed": true}`:                                  `warnings is ["careful"], not []`,
		`{"changed": true, "warnings": ["careful", "more"]}`: `warnings is ["careful"], not ["careful","more"]`,
	} {
		differences, err := Compare(answer, expected)
		require.NoError(t, err)
		require.Equal(t, []string{want}, differences, expected)
	}
}

func TestCompare_RefusesOtherThanObjects(t *testing.T) {
	_, err := Compare(answer, `{"changed": tru}`)
	require.ErrorContains(t, err, "the expected JSON: ")
	_, err = Compare("panic: no JSON", `{}`)
	require.ErrorContains(t, err, "the answer: ")
}
