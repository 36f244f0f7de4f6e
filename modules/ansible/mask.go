package ansible

import (
	"net/url"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// masked is what stands in the place of a secret, as in Ansible's own modules.
const masked = "********"

// mask removes secrets from everything that is answered or logged.
type mask struct {
	secrets  []string
	replacer *strings.Replacer
}

// newMask also looks for the forms in which a secret can appear inside another text: quoted with %q, escaped for a URL, and,
// if the secret is a URL itself, its password alone.
func newMask(secrets []string) *mask {
	m := &mask{}
	forms := map[string]bool{}
	for _, s := range secrets {
		m.secrets = append(m.secrets, withPassword(s)...)
	}
	for _, s := range m.secrets {
		q := strconv.Quote(s)
		for _, form := range []string{s, q[1 : len(q)-1], url.QueryEscape(s), url.PathEscape(s)} {
			if form != "" {
				forms[form] = true
			}
		}
	}
	m.replacer = strings.NewReplacer(pairs(forms)...)
	return m
}

// secretName are names of variables whose values nobody wants to see, as people pass them in `environment`.
var secretName = regexp.MustCompile(`(?i)(^|_)(PASS|PASSWD|PASSWORD|SECRET|SECRETS|TOKEN|CREDENTIALS|API_?KEY|ACCESS_KEY|PRIVATE_KEY)(_|$)`)

// likelySecrets finds secrets in arguments that are not marked no_log: values under such names, and passwords in URLs.
func likelySecrets(v any) []string {
	var all []string
	switch v := v.(type) {
	case map[string]any:
		for name, item := range v {
			if text, ok := item.(string); ok && secretName.MatchString(name) && text != "" {
				all = append(all, text)
			}
			all = append(all, likelySecrets(item)...)
		}
	case []any:
		for _, item := range v {
			all = append(all, likelySecrets(item)...)
		}
	case string:
		all = withPassword(v)[1:]
	}
	return all
}

// withPassword is the text and, if it is a URL with a password, that.
func withPassword(secret string) []string {
	u, err := url.Parse(secret)
	if err != nil || u.User == nil {
		return []string{secret}
	}
	if password, ok := u.User.Password(); ok && password != "" {
		return []string{secret, password}
	}
	return []string{secret}
}

// pairs puts the longest first: the replacer takes the first that matches.
func pairs(forms map[string]bool) []string {
	var sorted []string
	for f := range forms {
		sorted = append(sorted, f)
	}
	sort.Slice(sorted, func(i, j int) bool {
		if len(sorted[i]) != len(sorted[j]) {
			return len(sorted[i]) > len(sorted[j])
		}
		return sorted[i] < sorted[j]
	})
	var all []string
	for _, f := range sorted {
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
