package watch

import (
	"regexp"
	"strings"
)

// hints are what to do about errors that everybody meets: Ansible's own, and the journal of a Sidekiq that does not start. Other errors
// of our modules bring theirs.
var hints = []struct {
	pattern *regexp.Regexp
	hint    string
}{
	{regexp.MustCompile(`Permission denied \([^)]*publickey`), "name a user whom a key of yours lets in: -- --user NAME (--private-key FILE), or -- --ask-pass"},
	{regexp.MustCompile(`Invalid/incorrect password|Permission denied, please try again`), "is the user right? -- --user NAME --ask-pass asks for the password again"},
	{regexp.MustCompile(`REMOTE HOST IDENTIFICATION HAS CHANGED`), "if the host was reinstalled, remove its old key: ssh-keygen -R HOST; otherwise find out who answers"},
	{regexp.MustCompile(`Host key verification failed|host key is not known`), "look at the host's key once and accept it: ssh HOST"},
	{regexp.MustCompile(`Could not resolve hostname|Name or service not known`), "is the name right? ansible_host in the inventory gives a host another address"},
	{regexp.MustCompile(`Connection refused|Connection timed out|timed out|No route to host|Network is unreachable`), "check that the host is up and that ssh HOST works; ansible_host and ansible_port in the inventory set its address"},
	{regexp.MustCompile(`sshpass`), "install sshpass, or log in with a key"},
	{regexp.MustCompile(`(?i)missing sudo password|sudo: a password is required|timeout .* waiting for privilege escalation`), "-- --ask-become-pass asks for the password of sudo"},
	{regexp.MustCompile(`(?i)incorrect sudo password`), "enter the login user's password, not root's: -- --ask-become-pass"},
	{regexp.MustCompile(`not in the sudoers file|may not run sudo`), "log in as a user who may become root: -- --user NAME"},
	{regexp.MustCompile(`is not up: [^\n]*; last lines of its journal:`), "see the error in the journal: fix it, deploy, and apply again"},
	{regexp.MustCompile(`'project_name' is undefined`), "name the application: --project NAME, or project_name in the inventory"},
}

// wrapping is what Ansible puts before an error, and in the place of one of a module that ended without an answer.
var wrapping = regexp.MustCompile(`^((Task|Module|Action) failed: |Failed to connect to the host via ssh: |` +
	`Data could not be sent to remote host "[^"]*"\. Make sure this host can be reached over ssh: |` +
	`Finalization of task args for \S+ failed: |Error while resolving value for \S+: )+`)

var noAnswer = regexp.MustCompile(`^(MODULE FAILURE(: [^\n]*)?|Module result deserialization failed: No start of json char found\.?)(\s+See stdout/stderr for[^\n]*)?`)

// explain parts an error from its hint.
func explain(text string) (message, hint string) {
	text = noAnswer.ReplaceAllString(wrapping.ReplaceAllString(text, ""), "the module ended without an answer")
	if message, hint, found := strings.Cut(text, "; hint: "); found {
		return message, hint
	}
	for _, h := range hints {
		if h.pattern.MatchString(text) {
			return text, h.hint
		}
	}
	return text, ""
}

// labelled is an error or a warning with its hint, each on lines of their own.
func (s style) labelled(label, text string) string {
	message, hint := explain(strings.TrimSpace(text))
	lines := s.hanging(label, message)
	if hint != "" {
		lines += s.hanging("hint:", hint)
	}
	return lines
}

// margin is how far a text is set off at most.
const margin = 4

// hanging puts a word before a text, whose further lines stand below its first.
func (s style) hanging(label, text string) string {
	text = s.wrapped(text, width(label)+1+margin)
	first, rest, more := strings.Cut(text, "\n")
	lines := s.word(label) + " " + first + "\n"
	if more {
		lines += shift(rest, width(label)+1)
	}
	return lines
}

// wrapped breaks the lines of a text at the width of the terminal, of which some columns are used otherwise.
func (s style) wrapped(text string, used int) string {
	if s.columns == 0 {
		return text
	}
	return wrap(text, max(30, s.columns-used))
}
