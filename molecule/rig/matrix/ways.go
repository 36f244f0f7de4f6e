package matrix

import (
	"maps"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
)

// A way is a connection and a user: a row of the table, and a host of the inventory.
type way struct {
	name    string // in the inventory, and of the way's directory on the host
	title   string
	user    string // user of the modules
	oneCall bool   // a task is one remote call, since standard input reaches the module
	plain   bool   // plain binaries run: the home is not noexec, and the user is not an unprivileged become_user, which requires setfacl
	vars    lab.Vars
}

const password = "secret" // as in prepare.sh

var ways = []way{
	{"root", "ssh as root", "root", true, true, lab.Vars{"ansible_user": "root"}},
	{"sudo", "ssh, sudo without password", "root", true, true, become("ubuntu", nil)},
	{"password", "ssh, sudo with password", "root", true, true, become("admin", lab.Vars{"ansible_become_password": password})},
	{"deploy", "ssh, sudo to an ordinary user, no setfacl", "deploy", true, false, become("ubuntu", lab.Vars{"ansible_become_user": "deploy"})},
	{"su", "ssh, su with password", "root", false, true,
		become("admin", lab.Vars{"ansible_become_method": "su", "ansible_become_password": password})},
	{"requiretty", "ssh, sudo with requiretty", "root", false, true, become("terminal", nil)},
	{"csh", "ssh, csh as login shell, sudo without password", "root", true, true, become("csh", nil)},
	{"tcsh", "ssh, tcsh as login shell, sudo without password", "root", true, true, become("tcsh", nil)},
	{"noexec", "ssh, a home mounted noexec", "noexec", true, false, lab.Vars{"ansible_user": "noexec"}},
	{"paramiko", "paramiko, sudo without password", "root", false, true, become("ubuntu", lab.Vars{"ansible_connection": "paramiko_ssh"})},
	{"docker", "docker, sudo without password", "root", true, true, become("ubuntu", lab.Vars{"ansible_connection": "community.docker.docker"})},
}

// rootWay is the only way to some hosts.
func rootWay(name string) way {
	return way{name: name, user: "root", oneCall: true, plain: true, vars: lab.Vars{"ansible_user": "root"}}
}

func become(user string, more lab.Vars) lab.Vars {
	all := lab.Vars{"ansible_user": user, "ansible_become": true}
	maps.Copy(all, more)
	return all
}

// address returns the host's name in Ansible's output at -vvv. Over ssh each way has its own address, so that its
// remote calls can be counted, and that ssh does not share connections between ways.
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

func (w way) inventory(h host) lab.Vars {
	all := lab.Vars{"ansible_host": w.address(h), "ansible_ssh_common_args": lab.SSHOptions + " -o HostName=" + h.Address}
	maps.Copy(all, w.vars)
	return all
}

func (w way) isRoot() bool { return w.user == "root" }

// isIn reports whether a core has the connection.
func (w way) isIn(c core) bool { return w.name != "paramiko" || c.hasParamiko() }

func pick(from []way, keep func(way) bool) (kept []way) {
	for _, w := range from {
		if keep(w) {
			kept = append(kept, w)
		}
	}
	return kept
}

func names(on []way) (all []string) {
	for _, w := range on {
		all = append(all, w.name)
	}
	return all
}

func pattern(on []way) string { return strings.Join(names(on), ",") }
