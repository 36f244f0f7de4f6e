package watch

import (
	"cmp"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
)

// reported are the results of hosts in documents.
var reported = wording{changed: "differs", unchanged: "ok"}

// document is the report as JSON; the help of verify describes it.
type document struct {
	Project  string         `json:"project,omitempty"`
	Playbook string         `json:"playbook,omitempty"`
	Hosts    []hostDocument `json:"hosts"`
}

type hostDocument struct {
	Host   string         `json:"host"`
	Result string         `json:"result"`
	Tasks  []taskDocument `json:"tasks"`
}

type taskDocument struct {
	Task     string          `json:"task"`
	Module   string          `json:"module"`
	Status   string          `json:"status"`
	Steps    []string        `json:"steps,omitempty"`
	Diff     string          `json:"diff,omitempty"`
	Error    string          `json:"error,omitempty"`
	Hint     string          `json:"hint,omitempty"`
	Warnings []string        `json:"warnings,omitempty"`
	Findings json.RawMessage `json:"findings,omitempty"`
	Proof    proof           `json:"proof,omitzero"`
}

func (s *stage) json(f *fleet) error {
	d := document{Project: s.Project, Playbook: s.Playbook.Playbooks[0], Hosts: []hostDocument{}}
	if s.Plugins == "" { // the playbook is a temporary one
		d.Playbook = ""
	}
	for _, h := range f.Hosts {
		tasks := []taskDocument{}
		for _, e := range h.Results {
			tasks = append(tasks, e.document())
		}
		d.Hosts = append(d.Hosts, hostDocument{h.Name, reported.of(h.result(), 1), tasks})
	}
	to := json.NewEncoder(s.out)
	to.SetIndent("", "  ")
	to.SetEscapeHTML(false)
	return to.Encode(d)
}

func (e event) document() taskDocument {
	a := e.Answer
	d := taskDocument{Task: e.Task, Module: e.Module, Status: e.Status, Steps: a.Steps, Diff: e.Diff, Warnings: e.Warnings, Findings: a.Findings, Proof: a.proof}
	if e.failed() || e.Status == "ignored" {
		d.Error, d.Hint = explain(a.text())
	}
	return d
}

// suite is the report as JUnit has it: a case for each host and part.
type suite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []suiteCase `xml:"testcase"`
}

type suiteCase struct {
	Class   string  `xml:"classname,attr"`
	Name    string  `xml:"name,attr"`
	Failure *remark `xml:"failure"`
	Error   *remark `xml:"error"`
	Skipped *remark `xml:"skipped"`
}

type remark struct {
	Message string `xml:"message,attr,omitempty"`
	Text    string `xml:",chardata"`
}

func (s *stage) junit(f *fleet) error {
	all := suite{Name: "sidekiq-role verify"}
	for _, h := range f.Hosts {
		for _, p := range parts {
			c := h.testCase(p)
			all.Tests++
			for n, r := range map[*int]*remark{&all.Failures: c.Failure, &all.Errors: c.Error, &all.Skipped: c.Skipped} {
				if r != nil {
					*n++
				}
			}
			all.Cases = append(all.Cases, c)
		}
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(s.out, "%s%s\n", xml.Header, text)
	}
	return err
}

// testCase is an error where the part was not judged since the host failed or could not be reached, or is not finished.
func (h *host) testCase(p part) suiteCase {
	c, e, result := suiteCase{Class: h.Name, Name: p.head}, h.last(p.module), h.result()
	switch {
	case e.Status == "ok":
	case e.Status == changed:
		c.Failure = &remark{plural(len(e.Answer.Steps), "change"), strings.Join(append(e.Answer.Steps, e.Diff), "\n")}
	case result == changed, result == unchanged:
		c.Skipped = &remark{}
	default:
		c.Error = &remark{Message: cmp.Or(e.Status, result)}
		for _, e := range h.errors() {
			c.Error.Text += style{}.errorText(e)
		}
	}
	return c
}
