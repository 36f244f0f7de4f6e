package sudoersentry

import (
	"fmt"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudolint"
)

// lintAccounts finds names and ids that the host's sudo does not read as they are meant.
func (h host) lintAccounts(r sudoers.Rule) ([]sudolint.Finding, error) {
	var all []sudolint.Finding
	unread, err := h.tools.Unread(r)
	if err != nil {
		return nil, err
	}
	for _, u := range unread {
		id, err := idOf(u)
		if err != nil {
			return nil, err
		}
		hint := idHint(u, id)
		if u.IsID() {
			hint = "give its name"
		}
		if id != nil && *id >= 1e9 {
			hint += "; sudo-rs reads ids of ten digits from 0.2.14 on"
		}
		all = append(all, sudolint.Finding{
			Check: sudoers.Unportable, Severity: sudolint.Error, Subject: u.String(), Message: "cannot be read by " + h.tools.Version(), Hint: hint,
		})
	}
	for _, u := range r.Accounts() {
		lower := u.Lower()
		if h.tools.IsRs() || u == lower {
			continue
		}
		id, err := idOf(u)
		if err != nil {
			return nil, err
		}
		other, err := idOf(lower)
		if err != nil {
			return nil, err
		}
		if id != nil && other != nil && *id != *other {
			all = append(all, sudolint.Finding{
				Check: sudoers.Unportable, Severity: sudolint.Error, Subject: u.String(), Hint: idHint(u, id),
				Message: fmt.Sprintf("is %q as well to sudo, which ignores case (case_insensitive_user)", lower),
			})
		}
	}
	return all, nil
}

// idOf is the number of an account; nil: there is none.
func idOf(u sudoers.User) (*uint32, error) {
	if u.IsGroup() {
		group, err := accounts.LookUpGroup(u.Key())
		if err != nil || group == nil {
			return nil, err
		}
		return &group.GID, nil
	}
	user, err := accounts.LookUpUser(u.Key())
	if err != nil || user == nil {
		return nil, err
	}
	return &user.UID, nil
}

func idHint(u sudoers.User, id *uint32) string {
	if id == nil {
		return "create it before, or correct the name"
	}
	return fmt.Sprintf("give its id as %q", u.WithID(*id))
}
