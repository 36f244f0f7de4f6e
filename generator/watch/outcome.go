package watch

// status is the exit status where that of ansible-playbook is known. For verify 2 and 4 have a meaning of their own, so that Ansible's
// for errors before the play, and for one that broke off, become 1.
func (r Run) status(ansible int, f *fleet) int {
	switch {
	case !r.Verify:
		return ansible
	case f.Over && f.count(unreachable) > 0:
		return 4
	case f.Over && (f.count(failed)+f.count(unfinished)+f.count(skipped) > 0 || len(f.Hosts) == 0):
		return 1
	case f.Over && f.count(changed) > 0:
		return 2
	case ansible == 2 || ansible == 4:
		return 1
	}
	return ansible
}
