// The program ansible-sidekiq is all modules in one static binary, so that a host gets one file. Which one runs is chosen by
// the name under which it is started, or by `run NAME`.
package main

import (
	"os"

	dbpool "github.com/curationexperts/ansible-sidekiq/modules/db_pool"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	sidekiqinfo "github.com/curationexperts/ansible-sidekiq/modules/sidekiq_info"
	sudoersentry "github.com/curationexperts/ansible-sidekiq/modules/sudoers_entry"
	systemdsidekiq "github.com/curationexperts/ansible-sidekiq/modules/systemd_sidekiq"
)

// version is set by the linker.
var version = "devel"

func main() {
	os.Exit(ansible.Main(version, ansible.Modules{
		"db_pool":         dbpool.Module,
		"sidekiq_info":    sidekiqinfo.Module,
		"sudoers_entry":   sudoersentry.Module,
		"systemd_sidekiq": systemdsidekiq.Module,
	}))
}
