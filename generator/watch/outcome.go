package watch

// verdict is the exit status of verify. 2 and 4 have a meaning of their own there, so that Ansible's for errors before the play, and for one
// that broke off, become 1.
func verdict(status int, f *fleet) int {
	switch {
	case f.Over && f.count(unreachable) > 0:
		return 4
	case f.Over && (f.count(failed)+f.count(unfinished) > 0 || f.count(skipped) == len(f.Hosts) && len(f.Hosts) > 0):
		return 1
	case f.Over && f.count(changed) > 0:
		return 2
	case status == 2 || status == 4:
		return 1
	}
	return status
}
