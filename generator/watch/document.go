package watch

import (
	"cmp"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// json writes the report as one document; the help of verify describes it.
func (s *stage) json(f *fleet) error {
	type document struct {
		Host   string  `json:"host"`
		Result string  `json:"result"`
		Tasks  []event `json:"tasks"`
	}
	hosts := []document{}
	for _, h := range f.Hosts {
		d := document{h.Name, f.word(h.result()), []event{}}
		for _, e := range h.Results {
			e.Event, e.Host = "", ""
			if e.failed() {
				e.Error, e.Hint = explain(e.Answer.text())
				e.Answer = answer{Steps: e.Answer.Steps, Findings: e.Answer.Findings}
			}
			d.Tasks = append(d.Tasks, e)
		}
		hosts = append(hosts, d)
	}
	to := json.NewEncoder(s.out)
	to.SetIndent("", "  ")
	to.SetEscapeHTML(false)
	return to.Encode(map[string]any{"project": s.Project, "playbook": s.File, "hosts": hosts})
}

// suite is the report as JUnit has it: a case for each host and part.
type suite struct {
	XMLName  xml.Name   `xml:"testsuite"`
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Errors   int        `xml:"errors,attr"`
	Skipped  int        `xml:"skipped,attr"`
	Cases    []testCase `xml:"testcase"`
}

type testCase struct {
	Host   string `xml:"classname,attr"`
	Part   string `xml:"name,attr"`
	Remark *remark
}

// remark is an element failure, error or skipped of a case.
type remark struct {
	XMLName xml.Name
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

type part struct{ name, module string }

// parts are what the modules manage.
var parts = []part{{"Sidekiq", "systemd_sidekiq"}, {"sudo", "sudoers_entry"}, {"pool", "db_pool"}}

func (s *stage) junit(f *fleet) error {
	all := suite{Name: "sidekiq-role verify"}
	counts := map[string]*int{"failure": &all.Failures, "error": &all.Errors, "skipped": &all.Skipped}
	for _, h := range f.Hosts {
		said := slices.ContainsFunc(parts, func(p part) bool { return h.last(p.module).failed() })
		for _, p := range parts {
			r := h.judge(p.module, f.word(h.result()), &said)
			if r != nil {
				*counts[r.XMLName.Local]++
			}
			all.Tests++
			all.Cases = append(all.Cases, testCase{h.Name, p.name, r})
		}
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(s.out, "%s%s\n", xml.Header, text)
	}
	return err
}

// judge is nil where a module found all as it should be. The first part that was not judged, since the host failed, could not be
// reached or is not finished, is an error unless another part has said it; the others are skipped.
func (h *host) judge(module, result string, said *bool) *remark {
	e, errs := h.last(module), h.errors()
	switch {
	case e.Status == "ok":
		return nil
	case e.Status == changed:
		return &remark{xml.Name{Local: "failure"}, e.instead(true), strings.Join(append(e.Answer.Steps, e.Diff), "\n")}
	case e.failed():
		errs = []event{e}
	case *said, h.result() == changed, h.result() == unchanged:
		return &remark{XMLName: xml.Name{Local: "skipped"}}
	}
	*said = true
	text := ""
	for _, e := range errs {
		text += style{}.error(e)
	}
	return &remark{xml.Name{Local: "error"}, cmp.Or(e.Status, result), text}
}
