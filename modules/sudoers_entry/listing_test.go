package sudoersentry

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudo"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// listings compares the conclusions from sudo's listing with sudo's behaviour, for random policies. SOAK makes more.
func listings() {
	policies := testenv.Rounds(60)
	tools, err := sudo.Find()
	check(err)
	tools, err = tools.Identified()
	check(err)
	random := rand.New(rand.NewPCG(5, 6))
	outcomes := map[string]int{}
	for range policies {
		policy := randomPolicy(random)
		check(os.WriteFile(sudoers.Dir+"/random", []byte(policy), 0o440))
		check(os.Chmod(sudoers.Dir+"/random", 0o440))
		call := sudoers.Call{User: "deploy", Runas: "root", RunasID: "#0", Argv: []string{"/opt/systemctl", "restart", "sidekiq"}}
		if random.IntN(4) == 0 {
			call.Runas, call.RunasID, call.RunasGroup, call.RunasGroupID = "backup", "#34", "ops", "#27"
		}
		outcome, err := compare(tools, call, strings.Contains(policy, "(:ops)"))
		if err != nil {
			check(fmt.Errorf("%w, by\n%s", err, policy))
		}
		outcomes[outcome]++
	}
	fmt.Println(outcomes)
	for _, outcome := range []string{"free", "password", "denied"} {
		if outcomes[outcome] < policies/20 {
			check(fmt.Errorf("only %d of %d calls were %s", outcomes[outcome], policies, outcome))
		}
	}
}

// compare returns the behaviour of sudo, with "doubt" if there was no conclusion. sudo -l of 1.9.16 lists a rule with
// only a group as one for root. lies reports that there is one: then it is not known whether sudo asked for a password.
func compare(tools sudo.Tools, call sudoers.Call, lies bool) (string, error) {
	target := []string{"-u", call.Runas}
	if call.RunasGroup != "" {
		target = append(target, "-g", call.RunasGroup)
	}
	listing, err := tools.List("deploy")
	check(err)
	doubt, wanted := listing.CheckPassword(call)
	call.NoPassword = true
	freeDoubt, free := listing.CheckPassword(call)

	argv := slices.Concat([]string{"-n", "-l", "-U", "deploy"}, target, []string{"--"}, call.Argv)
	isAllowed := exec.Command("sudo", argv...).Run() == nil
	argv = slices.Concat([]string{"-u", "deploy", "--", "sudo", "-n", "-k"}, target, []string{"--"}, call.Argv)
	isFree := exec.Command("runuser", argv...).Run() == nil
	outcome := "denied"
	switch {
	case isFree:
		outcome = "free"
		if free != nil || wanted == nil && doubt == "" {
			return "", fmt.Errorf("sudo asks for no password, but: %w, %w", free, errors.Join(wanted, errors.New(doubt)))
		}
	case lies:
		return "not known", nil
	case isAllowed:
		outcome = "password"
		if wanted != nil || free == nil && freeDoubt == "" {
			return "", fmt.Errorf("sudo asks for a password, but: %w, %w", wanted, errors.Join(free, errors.New(freeDoubt)))
		}
	case free == nil && freeDoubt == "" || wanted == nil && doubt == "":
		return "", errors.New("sudo denies the call, but it was taken for allowed")
	}
	if doubt != "" && freeDoubt != "" {
		outcome += ", doubt"
	}
	return outcome, nil
}

func randomPolicy(r *rand.Rand) string {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	command := func() string {
		return pick("", "", "", "!") + pick("/opt/systemctl restart sidekiq", "/opt/systemctl", `/opt/systemctl ""`, "/opt/systemctl stop sidekiq",
			"/opt/link restart sidekiq", "/opt/", "/opt/s*", "/opt/*", "/bin/*", "/opt/systemctl re* sidekiq", "/opt/systemctl restart ?idekiq", "/opt/systemctl *",
			"/opt/systemctl [a-z]* sidekiq", "/opt/systemctl [!a-z]* sidekiq", "/opt/[a-z]*", "/opt/systemctl restart\\ sidekiq", "^/opt/.*$ .*", "/bin/true", "ALL", "X")
	}
	policy := "Cmnd_Alias X = /opt/systemctl restart sidekiq, !/opt/systemctl stop sidekiq\n" +
		pick("", "", "", "Defaults:deploy !authenticate\n", "Defaults !authenticate\n", "Defaults!/opt/systemctl !authenticate\n")
	for range 1 + r.IntN(4) {
		var commands []string
		for range 1 + r.IntN(3) {
			commands = append(commands, pick("", "", "NOPASSWD: ", "PASSWD: ", "SETENV: ", "NOPASSWD: SETENV: ")+command())
		}
		policy += pick("deploy", "deploy", "%ops", "#1000", "ALL", "backup") + " " + pick("ALL", "ALL", "ALL", "elsewhere") + "=" +
			pick("", "(root) ", "(ALL) ", "(ALL:ALL) ", "(backup) ", "(ALL, !root) ", "(#0) ", "(root : ops) ", "(backup : ops) ", "(ALL : ops) ", "(backup : adm) ", "(:ops) ", "(%ops) ") + strings.Join(commands, ", ") + "\n"
	}
	return policy
}
