package systemdsidekiq

import (
	"fmt"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
)

// secretMode: systemd reads the file before it becomes the user of the service.
const secretMode = 0o600

// installSecrets plans the file of secret_environment. Its diff has names only.
func (p *planner) installSecrets() error {
	if len(p.SecretEnvironment) == 0 {
		return nil
	}
	values, err := environ.FormatFile(p.SecretEnvironment)
	if err != nil {
		return err
	}
	p.secretsText = "# " + marker + "\n" + values
	switch found := p.secrets; {
	case found.Is([]byte(p.secretsText), secretMode, 0, 0):
	case found != nil && string(found.Data) == p.secretsText:
		p.Add(p.attributesStep(found, p.secretPath(), secretMode))
	case found != nil && !isManaged(string(found.Data)):
		return fmt.Errorf("%s was not written by this module; hint: move it away and list it in option %q", p.secretPath(), "environment_files")
	default:
		for _, u := range p.workers() {
			p.redefined[u.name] = true
		}
		p.Add(ansible.Step{
			Title: "write " + p.secretPath(),
			Diff:  &ansible.Diff{Prepared: p.secretDiff()},
			Do:    func(*ansible.Late) error { return p.writeSecrets() },
			Undo:  p.restoreSecrets,
		})
	}
	return nil
}

func (p *planner) writeSecrets() error { return p.write(p.secretPath(), p.secretsText, secretMode) }

// removeSecrets plans that the file is removed if this module wrote it, when no unit refers to it any more.
func (p *planner) removeSecrets() {
	if p.secrets == nil || !isManaged(string(p.secrets.Data)) {
		return
	}
	p.Change("remove "+p.secretPath(), func() error { return atomicfile.Remove(p.inRoot(p.secretPath())) }, p.restoreSecrets)
}

func (p *planner) restoreSecrets() error {
	return atomicfile.Restore(p.inRoot(p.secretPath()), p.secrets)
}

func (p *planner) secretDiff() string {
	before := map[string]string{}
	if p.secrets != nil {
		before, _ = environ.ParseFile(p.secrets.Data) // one that cannot be read is replaced
	}
	return environ.Diff(before, p.SecretEnvironment)
}
