package accounts

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLookUp_Root(t *testing.T) {
	for _, key := range []string{"root", "0"} {
		u, err := LookUpUser(key)
		require.NoError(t, err)
		require.Equal(t, &User{Name: "root", Home: "/root"}, u)
		g, err := LookUpGroup(key)
		require.NoError(t, err)
		require.Equal(t, "root", g.Name)
	}
	groups, err := User{Name: "root"}.Groups()
	require.NoError(t, err)
	require.Contains(t, groups, uint32(0))
}

func TestLookUp_MissingAccount(t *testing.T) {
	u, err := LookUpUser("no-such-user")
	require.NoError(t, err)
	require.Nil(t, u)
	g, err := LookUpGroup("no-such-group")
	require.NoError(t, err)
	require.Nil(t, g)
	_, err = User{Name: "no-such-user"}.Groups()
	require.ErrorContains(t, err, `asking id for the groups of "no-such-user"`)
}

// answering replaces getent with a script.
func answering(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "getent"), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	t.Setenv("PATH", dir)
}

func TestLookUpGroup_Members(t *testing.T) {
	answering(t, `echo "ops:x:27:anna,ben"`)
	g, err := LookUpGroup("ops")
	require.NoError(t, err)
	require.Equal(t, &Group{Name: "ops", GID: 27, Members: []string{"anna", "ben"}}, g)
}

func TestLookUpUser_NoHome(t *testing.T) {
	for entry, want := range map[string]User{
		"deploy:x:1000:1001":               {Name: "deploy", UID: 1000, GID: 1001},
		"deploy:x:1000:1001:":              {Name: "deploy", UID: 1000, GID: 1001},
		"deploy:x:1000:1001:Deploy:/srv/a": {Name: "deploy", UID: 1000, GID: 1001, Home: "/srv/a"},
	} {
		answering(t, "echo "+entry)
		u, err := LookUpUser("deploy")
		require.NoError(t, err)
		require.Equal(t, &want, u)
	}
}

func TestLookUpUser_InvalidAnswers(t *testing.T) {
	answering(t, "exit 1")
	_, err := LookUpUser("deploy")
	require.EqualError(t, err, `looking up "deploy" with getent passwd: exit status 1`)
	answering(t, "echo deploy")
	_, err = LookUpUser("deploy")
	require.EqualError(t, err, `getent passwd answers "deploy\n" for "deploy", which is no entry`)
	answering(t, "echo deploy:x:one:2")
	_, err = LookUpUser("deploy")
	require.ErrorContains(t, err, `parsing "one"`)
}
