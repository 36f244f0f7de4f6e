package main

import (
	"maps"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
)

// A way is how Ansible gets to a host and who it is there: one line of the table, one host of the inventory.
type way struct {
	name    string // in the inventory, and of the way's folder on the host
	title   string
	user    string // whom the modules run as
	oneCall bool   // whether standard input gets through, so that a task is one remote call
	plain   bool   // whether plain binaries can be tried: to become an ordinary user wants setfacl, and they a folder that they run from
	vars    vars
}

type vars = hosts.Vars

const password = "secret" // as in the script prepare

var ways = []way{
	{"root", "ssh as root", "root", true, true, vars{"ansible_user": "root"}},
	{"sudo", "ssh, sudo without password", "root", true, true, become("ubuntu", nil)},
	{"password", "ssh, sudo with password", "root", true, true, become("admin", vars{"ansible_become_password": password})},
	{"deploy", "ssh, sudo to an ordinary user, no setfacl", "deploy", true, false, become("ubuntu", vars{"ansible_become_user": "deploy"})},
	{"su", "ssh, su with password", "root", false, true,
		become("admin", vars{"ansible_become_method": "su", "ansible_become_password": password})},
	{"requiretty", "ssh, sudo with requiretty", "root", false, true, become("terminal", nil)},
	{"csh", "ssh, csh as login shell, sudo without password", "root", true, true, become("csh", nil)},
	{"tcsh", "ssh, tcsh as login shell, sudo without password", "root", true, true, become("tcsh", nil)},
	{"noexec", "ssh, a home mounted noexec", "noexec", true, false, vars{"ansible_user": "noexec"}},
	{"paramiko", "paramiko, sudo without password", "root", false, true, become("ubuntu", vars{"ansible_connection": "paramiko_ssh"})},
	{"docker", "docker, sudo without password", "root", true, true, become("ubuntu", vars{"ansible_connection": "community.docker.docker"})},
}

func become(user string, more vars) vars {
	all := vars{"ansible_user": user, "ansible_become": true}
	maps.Copy(all, more)
	return all
}

// address is how Ansible calls the host at -vvv. Over ssh it is a name of the way's own, so that its calls can be told from those of other
// ways, and so that no open connection to another host is taken for it.
func (w way) address(h host) string {
	switch w.vars["ansible_connection"] {
	case "community.docker.docker":
		return h.Name
	case "paramiko_ssh":
		return h.Address
	default:
		return w.name + "." + h.title
	}
}

func (w way) inventory(h host) vars {
	all := vars{"ansible_host": w.address(h), "ansible_ssh_common_args": sshOptions + " -o HostName=" + h.Address}
	maps.Copy(all, w.vars)
	return all
}

// sshOptions: the hosts and their keys are new each time.
const sshOptions = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"

func (w way) isRoot() bool { return w.user == "root" }

// isIn is false for connections that a core does not have.
func (w way) isIn(c core) bool { return w.name != "paramiko" || c.hasParamiko() }

func pick(from []way, keep func(way) bool) []way {
	kept := []way{}
	for _, w := range from {
		if keep(w) {
			kept = append(kept, w)
		}
	}
	return kept
}

func pattern(on []way) string {
	names := []string{}
	for _, w := range on {
		names = append(names, w.name)
	}
	return strings.Join(names, ",")
}

func inventory(h host, on []way) map[string]vars {
	all := map[string]vars{}
	for _, w := range on {
		all[w.name] = w.inventory(h)
	}
	return all
}
