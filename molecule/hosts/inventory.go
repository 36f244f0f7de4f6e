package hosts

import (
	"encoding/json"
	"os"
)

// Vars are variables of Ansible's.
type Vars = map[string]any

// WriteInventory makes an inventory of hosts, each with variables of its own, and of those that all share.
func WriteInventory(path string, hosts map[string]Vars, all Vars) error {
	text, err := json.MarshalIndent(Vars{"all": Vars{"hosts": hosts, "vars": all}}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}
