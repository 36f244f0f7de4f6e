package sudoersentry

import (
	"slices"
	"testing"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudolint"
	"github.com/stretchr/testify/require"
)

func TestAllowFindings_ChoicesAreTheFindings(t *testing.T) {
	spec, err := argspec.Parse(doc)
	require.NoError(t, err)
	i := slices.IndexFunc(spec.Options, func(o argspec.Option) bool { return o.Name == "allow_findings" })
	var want []any
	for _, check := range sudolint.Allowable {
		want = append(want, string(check))
	}
	require.Equal(t, want, spec.Options[i].Choices)
}
