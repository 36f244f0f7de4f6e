package sudoers

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// request is a rule that is fine; tests change one thing.
func request() Request {
	return Request{
		Users: []string{"deploy"}, Hosts: []string{"ALL"}, Runas: []string{"root"},
		Commands: []string{"/bin/systemctl restart sidekiq"}, NoPassword: true,
	}
}

func parse(t *testing.T, requests ...Request) File {
	t.Helper()
	var f File
	for _, q := range requests {
		r, err := ParseRule(q)
		require.NoError(t, err)
		f = append(f, r)
	}
	return f
}

func TestFileHasOneCompleteLineForEachCommand(t *testing.T) {
	f := parse(t,
		Request{
			Users: []string{"deploy", "#1000"}, Groups: []string{"ops", "#27"}, Hosts: []string{"ALL"}, Runas: []string{"root"},
			Commands: []string{"/bin/systemctl restart sidekiq", "/bin/systemctl kill --kill-who=main -s TSTP sidekiq"}, NoPassword: true,
		},
		Request{
			Groups: []string{"admin"}, Hosts: []string{"web1", "web2.example.org"}, Runas: []string{"ALL"},
			Commands: []string{`/opt/backup ""`, "/opt/note at 12:30, #1"},
		},
	)
	require.Equal(t, `# Managed by Ansible (sudoers_entry); changes are overwritten.
deploy, #1000, %ops, %#27 ALL=(root) NOPASSWD: /bin/systemctl restart sidekiq
deploy, #1000, %ops, %#27 ALL=(root) NOPASSWD: /bin/systemctl kill --kill-who=main -s TSTP sidekiq
%admin web1, web2.example.org=(ALL) PASSWD: /opt/backup ""
%admin web1, web2.example.org=(ALL) PASSWD: /opt/note at 12\:30\, \#1
`, f.Text())
}

func TestFileWithoutRulesIsAComment(t *testing.T) {
	require.Equal(t, header, File{}.Text())
}

func TestFaultNamesItsField(t *testing.T) {
	for field, change := range map[string]func(*Request){
		"users":    func(q *Request) { q.Users = []string{"deploy", "ALL"} },
		"groups":   func(q *Request) { q.Groups = []string{"Ops"} },
		"hosts":    func(q *Request) { q.Hosts = []string{"10.0.0.1"} },
		"runas":    func(q *Request) { q.Runas = []string{"!root"} },
		"commands": func(q *Request) { q.Commands = append(q.Commands, "sh") },
	} {
		q := request()
		change(&q)
		_, err := ParseRule(q)
		var fault *FieldError
		require.ErrorAs(t, err, &fault)
		require.Equal(t, field, fault.Field)
		require.Equal(t, field+": "+fault.Err.Error(), err.Error())
	}
}

func TestListsAreNeitherEmptyNorTooLongForSudoRs(t *testing.T) {
	var names []string
	for i := range 128 {
		names = append(names, fmt.Sprintf("u%d", i))
	}
	for _, c := range []struct {
		field, wanted string
		set           func(*Request, []string)
	}{
		{"users", "user or group", func(q *Request, l []string) { q.Users = l }},
		{"hosts", "host, or ALL", func(q *Request, l []string) { q.Hosts = l }},
		{"runas", "account", func(q *Request, l []string) { q.Runas = l }},
	} {
		q := request()
		c.set(&q, nil)
		_, err := ParseRule(q)
		require.EqualError(t, err, c.field+": is empty; hint: name at least one "+c.wanted)
		c.set(&q, names[:127])
		parse(t, q)
		c.set(&q, names)
		_, err = ParseRule(q)
		require.EqualError(t, err, c.field+": 128 are too many for sudo-rs; accepted: up to 127; hint: use a group or several rules")
	}
	q := request()
	q.Commands = nil
	_, err := ParseRule(q)
	require.EqualError(t, err, "commands: is empty; hint: name at least one command")
}

func TestRuleHoldsEverywhereWithAllAmongItsHosts(t *testing.T) {
	q := request()
	require.True(t, parse(t, q)[0].Everywhere())
	q.Hosts = []string{"web1", "ALL"}
	require.True(t, parse(t, q)[0].Everywhere())
	q.Hosts = []string{"web1"}
	require.False(t, parse(t, q)[0].Everywhere())
}
