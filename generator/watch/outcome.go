package watch

// Outcome is how a run ended.
type Outcome struct {
	Status int    // ansible-playbook's
	fleet  *fleet // nil where ansible-playbook was not asked to run
}

// Verdict is the exit status of verify. 2 and 4 have a meaning of their own there, so that Ansible's for errors before the play,
// and for one that broke off, become 1.
func (o Outcome) Verdict() int {
	f := o.fleet
	if f == nil {
		f = &fleet{}
	}
	switch {
	case f.Over && f.count(unreachable) > 0:
		return 4
	case f.Over && f.count(failed)+f.count(unfinished) > 0:
		return 1
	case f.Over && f.count(changed) > 0:
		return 2
	case o.Status == 2 || o.Status == 4:
		return 1
	}
	return o.Status
}
