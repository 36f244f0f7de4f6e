package watch

import (
	"cmp"
	"encoding/json"
	"encoding/xml"
	"fmt"
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
			if e.failed() || e.Status == "ignored" {
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

// parts are what the modules manage.
var parts = []struct{ name, module string }{{"Sidekiq", "systemd_sidekiq"}, {"sudo", "sudoers_entry"}, {"pool", "db_pool"}}

func (s *stage) junit(f *fleet) error {
	all := suite{Name: "sidekiq-role verify"}
	counts := map[string]*int{"failure": &all.Failures, "error": &all.Errors, "skipped": &all.Skipped}
	for _, h := range f.Hosts {
		for _, p := range parts {
			r := h.judge(p.module)
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

// judge is nil where a module found all as it should be. A part is an error where it was not judged since the host failed, could not
// be reached or is not finished.
func (h *host) judge(module string) *remark {
	e, result := h.last(module), h.result()
	switch {
	case e.Status == "ok":
		return nil
	case e.Status == changed:
		return &remark{xml.Name{Local: "failure"}, e.instead(true), strings.Join(append(e.Answer.Steps, e.Diff), "\n")}
	case result == changed, result == unchanged, result == skipped:
		return &remark{XMLName: xml.Name{Local: "skipped"}}
	}
	text := ""
	for _, e := range h.errors() {
		text += style{}.error(e)
	}
	return &remark{xml.Name{Local: "error"}, cmp.Or(e.Status, result), text}
}
