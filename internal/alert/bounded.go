package alert

import (
	"fmt"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
)

// An expression sees what monitoring sends and runs for every alert. So it may
// neither work for long nor grow what it is given: three replace inside one
// another can make a text of gigabytes out of a kilobyte. What loops or names a
// text to use it twice is refused when the rule is stored; what can grow a text
// is bounded when it runs.

// maxText bounds what one function of an expression makes, in bytes.
const maxText = 64 << 10

// plain are the built-in functions that give no more than they are given.
var plain = []string{"len", "lower", "upper", "trim", "trimPrefix", "trimSuffix", "int", "hasPrefix", "hasSuffix", "indexOf"}

// bounded are our own forms of those that can give more.
func bounded() []expr.Option {
	return []expr.Option{
		expr.Function("replace", func(in ...any) (any, error) {
			text, old, fresh := in[0].(string), in[1].(string), in[2].(string)
			most := -1
			if len(in) > 3 {
				most = in[3].(int)
			}
			n := strings.Count(text, old)
			if most >= 0 {
				n = min(n, most)
			}
			if len(text)+n*(len(fresh)-len(old)) > maxText {
				return nil, tooLong("replace")
			}
			return strings.Replace(text, old, fresh, most), nil
		}, strings.ReplaceAll, strings.Replace),
		expr.Function("split", func(in ...any) (any, error) {
			text, sep := in[0].(string), in[1].(string)
			if len(text) > maxText {
				return nil, tooLong("split")
			}
			if len(in) > 2 {
				return strings.SplitN(text, sep, in[2].(int)), nil
			}
			return strings.Split(text, sep), nil
		}, strings.Split, strings.SplitN),
		expr.Function("string", func(in ...any) (any, error) {
			switch v := in[0].(type) {
			case string:
				return v, nil
			case nil, bool, int, int64, float64:
				return fmt.Sprint(v), nil
			}
			return nil, fmt.Errorf("string takes a text, a number, true or false")
		}, new(func(any) string)),
	}
}

func tooLong(name string) error {
	return fmt.Errorf("%s would give more than %d bytes", name, maxText)
}

// endless finds what could make one rule work for long or grow without bound.
type endless struct{ found string }

func (l *endless) Visit(n *ast.Node) {
	switch n := (*n).(type) {
	case *ast.PredicateNode:
		l.found = "a loop over a list"
	case *ast.VariableDeclaratorNode:
		l.found = "a variable"
	case *ast.BinaryNode:
		if n.Operator == ".." {
			l.found = "a range of numbers"
		}
	}
}
