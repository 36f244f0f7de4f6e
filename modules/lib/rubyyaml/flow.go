package rubyyaml

import (
	"fmt"
	"slices"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// A file with code tags is a program that writes a text. Its flow is what matters of it: which runs of the source it copies,
// and what decides over them.
type (
	part interface{ isPart() }

	run    struct{ from, to int } // copied from the source
	output struct{ tag int }      // what an output tag, or <%%, leaves

	branch struct{ arms []arm }
	arm    struct {
		decision int  // index; -1: always, as after else
		wanted   bool // outcome of the decision for which the arm is taken
		body     []part
	}

	loop struct {
		decision int
		body     []part
	}
)

func (run) isPart()    {}
func (output) isPart() {}
func (branch) isPart() {}
func (loop) isPart()   {}

const outcomeYes = 0 // the fullest text comes first

// loopRounds are how often a loop is run, by the number of the outcome.
var loopRounds = []int{1, 0, 2}

// flowBuilder makes the flow of the tags of a file.
type flowBuilder struct {
	source    []byte
	tags      []tag
	next      int            // tag
	at        int            // offset in the source
	depth     int            // of blocks in blocks
	loops     int            // of these, that are loops
	decisions []int          // what only Ruby can tell: how many outcomes each has
	pure      map[string]int // decisions by their condition, where it always has the same outcome
	impure    bool           // code changes the environment that conditions ask
}

func buildFlow(source []byte, tags []tag, impure bool) ([]part, []int, *fault) {
	b := &flowBuilder{source: source, tags: tags, pure: map[string]int{}, impure: impure}
	body, end, failure := b.body()
	if failure == nil && end >= 0 {
		failure = &fault{tags[end].start, "this ERB code tag ends what was not begun"}
	}
	return body, b.decisions, failure
}

// body takes parts up to a tag that ends a body or begins the next arm, whose number it returns; -1 at the end of the file.
func (b *flowBuilder) body() ([]part, int, *fault) {
	var parts []part
	for ; b.next < len(b.tags); b.next++ {
		number, t := b.next, b.tags[b.next]
		parts = b.copyUpTo(parts, t.start)
		b.at = t.end
		switch t.kind {
		case outputTag, literalTag:
			parts = append(parts, output{number})
		case codeTag:
			c, ok := parseCode(t.code)
			if !ok {
				return nil, -1, &fault{t.start, codeDecides}
			}
			switch c.kind {
			case codeStatement:
				continue
			case codeIf, codeLoop:
				opened, failure := b.block(c, t)
				if failure != nil {
					return nil, -1, failure
				}
				parts = append(parts, opened)
			default:
				return parts, number, nil
			}
		}
	}
	return b.copyUpTo(parts, len(b.source)), -1, nil
}

func (b *flowBuilder) copyUpTo(parts []part, end int) []part {
	if b.at < end {
		parts = append(parts, run{b.at, end})
	}
	return parts
}

// block takes a branch or a loop, whose first tag is t, up to the tag that ends it.
func (b *flowBuilder) block(c code, t tag) (part, *fault) {
	if c.kind == codeLoop && b.loops > 0 {
		return nil, decidesInLoop(t)
	}
	if c.kind == codeLoop {
		l := loop{decision: b.decide(len(loopRounds))}
		b.loops++
		end, failure := b.arm(&l.body, t)
		b.loops--
		if failure == nil && (end.kind != codeEnd || end.closer != c.closer) {
			failure = b.misplaced()
		}
		return l, failure
	}
	var br branch
	for {
		a := arm{decision: -1}
		if c.kind != codeElse {
			pure := false
			if a.decision, pure = b.condition(c); b.loops > 0 && !pure {
				return nil, decidesInLoop(t)
			}
			a.wanted = !c.negated
		}
		next, failure := b.arm(&a.body, t)
		if failure != nil {
			return nil, failure
		}
		br.arms = append(br.arms, a)
		switch {
		case next.kind == codeEnd && next.closer == "end":
			return br, nil
		case next.kind == codeEnd, c.kind == codeElse:
			return nil, b.misplaced()
		}
		c = next
	}
}

// arm takes the body that begins behind the tag at hand, and tells what ends it.
func (b *flowBuilder) arm(body *[]part, opener tag) (code, *fault) {
	if b.depth++; b.depth > deepestBlock {
		return code{}, &fault{opener.start, fmt.Sprintf("ERB code tags open more than %d blocks in each other", deepestBlock)}
	}
	b.next++
	parts, end, failure := b.body()
	b.depth--
	if failure != nil {
		return code{}, failure
	}
	if end < 0 {
		return code{}, &fault{opener.start, "what this ERB code tag begins never ends"}
	}
	*body = parts
	c, _ := parseCode(b.tags[end].code)
	return c, nil
}

// decidesInLoop refuses what may be decided otherwise in each round.
func decidesInLoop(t tag) *fault { return &fault{t.start, "an ERB code tag decides within a loop"} }

func (b *flowBuilder) misplaced() *fault {
	return &fault{b.tags[b.next].start, "this ERB code tag does not fit what was begun"}
}

func (b *flowBuilder) decide(outcomes int) int {
	b.decisions = append(b.decisions, outcomes)
	return len(b.decisions) - 1
}

// condition is the decision over a condition. One that asks the environment alone has the same outcome wherever it stands,
// unless code changes the environment.
func (b *flowBuilder) condition(c code) (number int, pure bool) {
	if known, ok := b.pure[c.condition]; ok && !c.choice {
		return known, true
	}
	number = b.decide(2)
	_, err := parseExpression(c.condition)
	if pure = err == nil && !b.impure && !c.choice; pure {
		b.pure[c.condition] = number
	}
	return number, pure
}

var (
	useOfENV  = lazyregexp.New(`\bENV\b`)
	readOfENV = lazyregexp.New(`^ENV(?:\[(?:"[^"]*"|'[^']*')\]\s*(?:$|==|=~|&&\s*[^=\s]|\|\|\s*[^=\s]|[^=\s|&+])|\.(?:fetch|key\?|has_key\?|include\?)\W)`)
)

// changesEnvironment tells whether a tag may do so: it does something else with ENV than read a variable.
func changesEnvironment(t tag) bool {
	if t.kind == commentTag {
		return false
	}
	return slices.ContainsFunc(useOfENV().FindAllStringIndex(t.code, -1), func(at []int) bool {
		return !readOfENV().MatchString(t.code[at[0]:])
	})
}

// What is tried of one file: more belongs to nobody's configuration.
const (
	mostReadings    = 256
	largestReadings = 512 << 10 // bytes of all texts, where there are several
	deepestBlock    = 50
)

// eachOutcome calls f with every combination of outcomes, those of the fullest text first.
func eachOutcome(decisions []int, f func(outcomes []int) error) error {
	total := 1
	for _, d := range decisions {
		if total *= d; total > mostReadings {
			return manyWays()
		}
	}
	for n := range total {
		outcomes := make([]int, len(decisions))
		for i, d := range decisions {
			outcomes[i], n = n%d, n/d
		}
		if err := f(outcomes); err != nil {
			return err
		}
	}
	return nil
}

func manyWays() *Refusal { return &Refusal{Reason: "its ERB code tags (<% %>) can go too many ways"} }
