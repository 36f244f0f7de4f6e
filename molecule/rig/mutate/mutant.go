package mutate

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
)

// A mutant is a source file with one changed condition.
type mutant struct {
	pkg, path  string
	line       int
	start, end int // of the replaced text
	was, is    string
}

func (m mutant) String() string {
	return fmt.Sprintf("%s:%d: %s became %s", m.path, m.line, oneLine(m.was), oneLine(m.is))
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func (m mutant) source() ([]byte, error) {
	text, err := os.ReadFile(m.path)
	if err != nil {
		return nil, err
	}
	return slices.Concat(text[:m.start], []byte(m.is), text[m.end:]), nil
}

// changedOperators are the operators that are replaced.
var changedOperators = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.LAND: token.LOR, token.LOR: token.LAND,
}

// mutantsOf returns the mutants of a file in source order. They negate each condition of an if, a for and a switch
// without a tag, each operand of && and || and each comparison, and replace each of changedOperators.
func mutantsOf(pkg, path string) ([]mutant, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, path, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var all []mutant
	replace := func(at, end token.Pos, format string) {
		from, to := files.Position(at), files.Position(end)
		was := string(text[from.Offset:to.Offset])
		all = append(all, mutant{pkg, path, from.Line, from.Offset, to.Offset, was, strings.ReplaceAll(format, "WAS", was)})
	}
	negate := func(conditions ...ast.Expr) {
		for _, e := range conditions {
			if e = ast.Unparen(e); e != nil && !joins(e) { // the operands of && and || are negated instead
				replace(e.Pos(), e.End(), "!(WAS)")
			}
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			negate(n.Cond)
		case *ast.ForStmt:
			negate(n.Cond)
		case *ast.SwitchStmt:
			for _, clause := range n.Body.List {
				if n.Tag == nil {
					negate(clause.(*ast.CaseClause).List...)
				}
			}
		case *ast.BinaryExpr:
			if other, ok := changedOperators[n.Op]; ok {
				replace(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), other.String())
			}
			if joins(n) {
				negate(n.X, n.Y)
			} else if n.Op.Precedence() == token.EQL.Precedence() {
				negate(n)
			}
		}
		return true
	})
	slices.SortFunc(all, func(a, b mutant) int { return cmp.Or(a.start-b.start, a.end-b.end) })
	return slices.Compact(all), nil // the condition of an if may be a comparison
}

func joins(e ast.Expr) bool {
	b, ok := e.(*ast.BinaryExpr)
	return ok && (b.Op == token.LAND || b.Op == token.LOR)
}
