package acl

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	version, owner, group := "\x02\x00\x00\x00", "\x01\x00\x06\x00\xff\xff\xff\xff", "\x08\x00\x02\x00\x1b\x00\x00\x00"
	for value, want := range map[string][]Entry{
		"":                      nil,
		version:                 nil,
		version + owner + group: {{Tag: 1, Permissions: 6, ID: 1<<32 - 1}, {Tag: Group, Permissions: Write, ID: 27}},
		version + group[:7]:     nil,
	} {
		require.Equal(t, want, Parse([]byte(value)), "%q", value)
	}
}
