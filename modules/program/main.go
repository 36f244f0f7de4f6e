// The program ansible-sidekiq is all modules in one static binary, so that a host gets one file. Which one runs is chosen by
// the name under which it is started, or by `run NAME`.
package main

import (
	"os"

	"github.com/curationexperts/ansible-sidekiq/modules/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/db_pool"
	"github.com/curationexperts/ansible-sidekiq/modules/sidekiq_info"
	"github.com/curationexperts/ansible-sidekiq/modules/sudoers_entry"
	"github.com/curationexperts/ansible-sidekiq/modules/systemd_sidekiq"
)

// version is set by the linker.
var version = "devel"

func main() {
	os.Exit(ansible.Main(version, dbpool.Module(), sidekiqinfo.Module(), sudoersentry.Module(), systemdsidekiq.Module()))
}
