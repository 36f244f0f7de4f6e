package systemdsidekiq

import (
	"fmt"
	"os"
	"slices"
	"syscall"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
)

// secretPath is where the values of secret_environment stand: beside the unit, where systemd takes no notice of a name without its suffixes.
func secretPath(p *Params) string { return "/etc/systemd/system/" + p.Name + ".env" }

// secretMode: systemd reads the file before it becomes the user of the service.
const secretMode = 0o600

// writeSecrets plans the file of secret_environment. What is shown of it are names.
func (a *act) writeSecrets() error {
	if len(a.p.SecretEnvironment) == 0 {
		return nil
	}
	values, err := environ.FormatFile(a.p.SecretEnvironment)
	if err != nil {
		return err
	}
	a.secrets = "# " + marker + "\n" + values
	switch found := a.f.secrets; {
	case found.Is([]byte(a.secrets), secretMode, 0, 0):
	case found != nil && string(found.Data) == a.secrets:
		a.Add(a.attributesStep(found, secretPath(a.p), secretMode))
	case found != nil && !isOurs(found):
		return fmt.Errorf("%s was not written by this module; hint: move it away and list it in option %q", secretPath(a.p), "environment_files")
	default:
		for _, w := range a.f.workers {
			w.rewritten = true
		}
		a.Add(ansible.Step{
			Title: "write " + secretPath(a.p),
			Diff:  &ansible.Diff{Prepared: a.secretDiff()},
			Do: func(*ansible.Late) error {
				return atomicfile.Replace(atomicfile.Replacement{Path: a.f.host.path(secretPath(a.p)), Data: []byte(a.secrets), Mode: secretMode})
			},
			Undo: a.restoreSecrets,
		})
	}
	return nil
}

func isOurs(file *atomicfile.File) bool { return fragment{text: string(file.Data)}.isOurs() }

// removeSecrets plans that a file of ours goes, when nothing refers to it.
func (a *act) removeSecrets() {
	if a.f.secrets == nil || !isOurs(a.f.secrets) {
		return
	}
	a.Add(ansible.Step{
		Title: "remove " + secretPath(a.p),
		Do:    func(*ansible.Late) error { return atomicfile.Remove(a.f.host.path(secretPath(a.p))) },
		Undo:  a.restoreSecrets,
	})
}

func (a *act) restoreSecrets() error {
	return atomicfile.Restore(a.f.host.path(secretPath(a.p)), a.f.secrets)
}

func (a *act) secretDiff() string {
	text := ""
	before := map[string]string{}
	if a.f.secrets != nil {
		before, _ = environ.ParseFile(a.f.secrets.Data) // one that cannot be read is replaced
	}
	for _, name := range sortedNames(before, a.p.SecretEnvironment) {
		old, was := before[name]
		value, is := a.p.SecretEnvironment[name]
		if was && (!is || old != value) {
			text += "-" + name + "=(hidden)\n"
		}
		if is && (!was || old != value) {
			text += "+" + name + "=(hidden)\n"
		}
	}
	return text
}

func sortedNames(maps ...map[string]string) []string {
	var all []string
	for _, m := range maps {
		for name := range m {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// isRootsAlone tells whether nobody but root may change what is in a folder.
func isRootsAlone(info os.FileInfo) bool {
	return info.Sys().(*syscall.Stat_t).Uid == 0 && info.Mode().Perm()&0o022 == 0
}
