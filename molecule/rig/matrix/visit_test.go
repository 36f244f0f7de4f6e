package matrix

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJudge_AnswerOfEachWay(t *testing.T) {
	on := []way{{name: "root"}, {name: "su"}}
	failed := errors.New("ansible failed")
	for name, c := range map[string]struct {
		got  map[string]string
		err  error
		want string // "": ok
	}{
		"wanted":            {got: map[string]string{"root": changed, "su": changed}},
		"of another way":    {got: map[string]string{"root": changed, "su": changed, "docker": "FAILED"}, err: failed},
		"no change":         {map[string]string{"root": changed, "su": unchanged}, nil, `log: su answered "SUCCESS", not "CHANGED"`},
		"failed":            {map[string]string{"root": "FAILED", "su": changed}, failed, "log: root answered \"FAILED\", not \"CHANGED\"\nansible failed"},
		"missing":           {map[string]string{"root": changed}, nil, `log: su answered "", not "CHANGED"`},
		"no output":         {nil, failed, "log: root answered \"\", not \"CHANGED\"\nansible failed\nlog: su answered \"\", not \"CHANGED\""},
		"unreachable twice": {map[string]string{"root": "UNREACHABLE", "su": "UNREACHABLE"}, nil, "log: root answered \"UNREACHABLE\", not \"CHANGED\"\nlog: su answered \"UNREACHABLE\", not \"CHANGED\""},
	} {
		t.Run(name, func(t *testing.T) {
			v := &visit{results: map[string]error{}}
			v.judge(roleRow, "log", on, c.got, changed, c.err)
			require.Contains(t, v.results, roleRow)
			if c.want == "" {
				require.NoError(t, v.results[roleRow])
			} else {
				require.EqualError(t, v.results[roleRow], c.want)
			}
		})
	}
}

func TestJudge_RowStaysFailed(t *testing.T) {
	on := []way{{name: "root"}}
	v := &visit{results: map[string]error{}}
	v.judge(roleRow, "first", on, nil, changed, nil)
	v.judge(roleRow, "again", on, map[string]string{"root": unchanged}, unchanged, nil)
	v.judge(againRow, "again", on, map[string]string{"root": unchanged}, unchanged, nil)
	require.EqualError(t, v.results[roleRow], `first: root answered "", not "CHANGED"`)
	require.NoError(t, v.results[againRow])
	v.fail(againRow, "%d remote calls", 2)
	v.judge(againRow, "again", on, map[string]string{"root": unchanged}, unchanged, nil)
	require.EqualError(t, v.results[againRow], "2 remote calls")
}
