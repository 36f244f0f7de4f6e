package sudolint

import "github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"

// CheckSetting looks at the directories of a setting on the host: who can write into one of them has a program of its own run as root.
func CheckSetting(s sudoers.Setting) ([]Finding, error) {
	var all findings
	for _, dir := range s.Directories() {
		found, err := walk("/", dir)
		if err != nil {
			return nil, err
		}
		if found.open != "" {
			all.add(WritablePath, Error, s.String(), "has the directory %s, which "+replaceable, dir, found.open).hint("leave %s out", dir)
		}
	}
	return all, nil
}
