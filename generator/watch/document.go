package watch

import (
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
		for i, r := range h.judge(f.word(h.result())) {
			if r != nil {
				*counts[r.XMLName.Local]++
			}
			all.Tests++
			all.Cases = append(all.Cases, testCase{h.Name, parts[i].name, r})
		}
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(s.out, "%s%s\n", xml.Header, text)
	}
	return err
}

// judge has a remark for each part, nil where a module found all as it should be. An error is said once: for the part that it is of,
// else for the first part that was not judged.
func (h *host) judge(result string) (remarks []*remark) {
	of := func(module string) []event {
		return slices.DeleteFunc(h.errors(), func(e event) bool { return e.Module != module })
	}
	said := h.result() == changed || h.result() == unchanged || slices.ContainsFunc(parts, func(p part) bool { return len(of(p.module)) > 0 })
	for _, p := range parts {
		e, errs := h.last(p.module), of(p.module)
		var r *remark
		switch {
		case len(errs) > 0:
			r = style{}.remark(result, errs)
		case e.Status == "ok":
		case e.Status == changed:
			r = &remark{xml.Name{Local: "failure"}, e.instead(true), strings.Join(append(e.Answer.Steps, e.Diff), "\n")}
		case said:
			r = &remark{XMLName: xml.Name{Local: "skipped"}}
		default:
			said, r = true, style{}.remark(result, h.errors())
		}
		remarks = append(remarks, r)
	}
	return remarks
}

func (s style) remark(result string, errs []event) *remark {
	r := &remark{XMLName: xml.Name{Local: "error"}, Message: result}
	for _, e := range errs {
		r.Text += s.error(e)
	}
	return r
}
