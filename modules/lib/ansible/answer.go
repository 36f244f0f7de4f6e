package ansible

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"unicode"
	"unicode/utf8"
)

// answer is the JSON object that Ansible reads.
type answer map[string]any

func failure(err error) answer {
	return answer{"failed": true, "changed": false, "msg": err.Error(), "warnings": []string{}}
}

// result is the answer of a plan of which the titled changes hold.
func (p *Plan) result(changes []string, diff bool) answer {
	a := answer{}
	maps.Copy(a, p.facts)
	maps.Copy(a, p.late)
	a["failed"] = false
	a["changed"] = len(changes) > 0
	a["steps"] = list(changes)
	a["warnings"] = list(p.warnings)
	if diff {
		a["diff"] = p.diffs()
	}
	return a
}

// diffs uses the keys that all versions of Ansible render alike.
func (p *Plan) diffs() []map[string]string {
	all := []map[string]string{}
	for _, s := range p.steps {
		switch d := s.Diff; {
		case d == nil:
		case d.Prepared != "":
			all = append(all, map[string]string{"prepared": d.Prepared})
		default:
			all = append(all, map[string]string{
				"before": d.Before, "after": d.After,
				"before_header": d.BeforeHeader, "after_header": d.AfterHeader,
			})
		}
	}
	return all
}

// secretsInDiffs are those of files that were found: they stand in no argument.
func (a answer) secretsInDiffs() []string {
	var all []string
	diffs, _ := a["diff"].([]map[string]string)
	for _, d := range diffs {
		for _, text := range d {
			all = append(all, secretsInText(text)...)
		}
	}
	return all
}

// list makes an empty list of nil: null would be a wrong type.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func joined(s []string) string { return strings.Join(s, ", ") }

// text is one line of JSON. Invalid UTF-8, on which ansible-core 2.19 fails the task, becomes the replacement character.
func (a answer) text() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(a)
	return visible(b.Bytes()), err
}

// visible makes control characters other than line breaks and tabs, and those that change the direction of text, visible: ESC becomes \u001b, as
// a text of six characters. Ansible prints the strings of an answer as they are, and what others wrote into Redis, the journal or a
// file would drive the terminal. Here every string passes, of keys as well.
func visible(line []byte) []byte {
	all := make([]byte, 0, len(line)+len(line)/8)
	for i := 0; i < len(line); {
		r, size := rune(line[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(line[i:])
		}
		switch {
		case r == '\\':
			size = 2
			if !bytes.ContainsRune([]byte(`"\nt`), rune(line[i+1])) && !bytes.HasPrefix(line[i:], []byte(`\ufffd`)) {
				all = append(all, '\\') // of an escape that the encoder wrote
			}
		case r >= 0x7f && unicode.In(r, unicode.Cc, unicode.Bidi_Control): // the encoder leaves these
			all = fmt.Appendf(all, `\\u%04x`, r)
			i += size
			continue
		}
		all = append(all, line[i:i+size]...)
		i += size
	}
	return all
}
