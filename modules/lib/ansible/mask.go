package ansible

import (
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// masked is what stands in the place of a secret, as in Ansible's own modules.
const masked = "********"

// mask removes secrets from everything that is answered or logged.
type mask struct {
	secrets  []string
	replacer *strings.Replacer
}

// newMask knows secrets and the forms in which they can appear inside another text.
func newMask(secrets []string) *mask {
	m := &mask{}
	m.add(secrets)
	return m
}

func (m *mask) add(secrets []string) {
	for _, s := range secrets {
		m.secrets = append(m.secrets, s)
		m.secrets = append(m.secrets, passwordsIn(s)...)
	}
	forms := map[string]bool{}
	for _, s := range m.secrets {
		for _, form := range formsOf(s) {
			forms[form] = true
		}
	}
	delete(forms, "")
	m.replacer = strings.NewReplacer(pairs(forms)...)
}

// formsOf are the ways in which errors, URLs and unit files write a text: quoted with %q, escaped for a URL, with systemd's
// doubled percent signs.
func formsOf(s string) []string {
	var all []string
	for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s)} {
		for _, form := range []string{form, strings.ReplaceAll(form, "%", "%%")} {
			q := strconv.Quote(form)
			all = append(all, form, q[1:len(q)-1])
		}
	}
	return all
}

var (
	// secretName are names of variables whose values nobody wants to see, as people pass them in `environment`.
	secretName = lazyregexp.New(`(?i)(^|_)PASS($|_)|_PWD$|PASSWD|PASSWORD|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|(API|ACCESS|PRIVATE|MASTER|ENCRYPTION|SIGNING)_?KEY`)
	// assignment finds NAME=value in a text, as in dicts given as text, and "NAME=value" as in unit files.
	assignment = lazyregexp.New(`"(\w+)=((?:[^"\\]|\\.)*)"|(?:Environment=)?(\w+)=([^\s,"']+)`)
	// userinfo finds the password of a URL, as it is written.
	userinfo = lazyregexp.New(`://[^/@\s:]*:([^/@\s]+)@`)
)

// leastSecret is the length from which a likely secret is taken for one: to mask every "up" would spoil the answer.
const leastSecret = 4

// likelySecrets finds secrets in values that are not marked no_log: under such names, and passwords in URLs.
func likelySecrets(v any) []string {
	var all []string
	switch v := v.(type) {
	case map[string]any:
		for name, item := range v {
			if text, ok := item.(string); ok && secretName().MatchString(name) {
				all = append(all, long(text)...)
			}
			all = append(all, likelySecrets(item)...)
		}
	case []any:
		for _, item := range v {
			all = append(all, likelySecrets(item)...)
		}
	case string:
		all = secretsInText(v)
	}
	return all
}

// likelySecretsOf looks at the values of options, not at their names, which are ours: nopasswd is no password.
func likelySecretsOf(args map[string]any) []string {
	var all []string
	for _, v := range args {
		all = append(all, likelySecrets(v)...)
	}
	return all
}

func secretsInText(text string) []string {
	all := passwordsIn(text)
	for _, m := range assignment().FindAllStringSubmatch(text, -1) {
		if name, value := m[1]+m[3], m[2]+m[4]; secretName().MatchString(name) {
			all = append(all, long(value)...)
		}
	}
	return all
}

// passwordsIn are the passwords of URLs, as they are written and as they are meant.
func passwordsIn(text string) []string {
	var all []string
	for _, m := range userinfo().FindAllStringSubmatch(text, -1) {
		all = append(all, long(m[1])...)
		if plain, err := url.PathUnescape(m[1]); err == nil && plain != m[1] {
			all = append(all, long(plain)...)
		}
	}
	return all
}

func long(secret string) []string {
	if len(secret) < leastSecret {
		return nil
	}
	return []string{secret}
}

// pairs puts the longest first: the replacer takes the first that matches.
func pairs(forms map[string]bool) []string {
	var all []string
	for _, f := range slices.SortedFunc(maps.Keys(forms), func(a, b string) int { return len(b) - len(a) }) {
		all = append(all, f, masked)
	}
	return all
}

func (m *mask) text(s string) string { return m.replacer.Replace(s) }

// value masks every text inside v but the names of keys, which are ours. Structs are answered by no module.
func (m *mask) value(v any) any {
	if v == nil {
		return nil
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.String:
		return m.text(r.String())
	case reflect.Slice:
		all := make([]any, r.Len())
		for i := range all {
			all[i] = m.value(r.Index(i).Interface())
		}
		return all
	case reflect.Map:
		all := make(map[string]any, r.Len())
		for _, k := range r.MapKeys() {
			all[k.String()] = m.value(r.MapIndex(k).Interface())
		}
		return all
	default:
		return v
	}
}
