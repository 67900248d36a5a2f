package job

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// The scanner sees to it that a value stays one piece to the shell. What the
// command then does with the piece is judged here, by the shape of the text: the
// program that awk is given is code to awk, however well it was quoted. The text
// is parsed, and every value is followed through variables, pipes and files to
// the arguments and inputs it ends in.

// taint says that a text holds values, and whose. There is one of each in a text.
type taint struct {
	refs []Ref
	own  bool // the author expands the step's environment variable himself
	pool map[string]*taint
}

// tainted gives the one taint of some values.
func tainted(pool map[string]*taint, own bool, refs ...Ref) *taint {
	t := &taint{refs: refs, own: own, pool: pool}
	key := t.String()
	if pool[key] == nil {
		pool[key] = t
	}
	return pool[key]
}

// either is both, or, of a value that Muster puts in and one of the author's own,
// the first.
func either(a, b *taint) *taint {
	switch {
	case a == nil || b != nil && a.own && !b.own:
		return b
	case b == nil || a == b || a.own != b.own:
		return a
	}
	refs := slices.Clone(a.refs)
	for _, r := range b.refs {
		if !slices.Contains(refs, r) {
			refs = append(refs, r)
		}
	}
	slices.SortFunc(refs, func(a, b Ref) int { return strings.Compare(a.String(), b.String()) })
	return tainted(a.pool, a.own, refs...)
}

func (t *taint) tokens() []string {
	var out []string
	for _, r := range t.refs {
		if t.own {
			out = append(out, "$"+EnvName(r.Key))
		} else {
			out = append(out, r.String())
		}
	}
	return out
}

func (t *taint) String() string { return strings.Join(t.tokens(), ", ") }

// arg is a word as the command gets it. In s, value stands for a value and
// unknown for what the text does not show.
type arg struct {
	s  string
	by *taint
	// many says that blanks in the value make further arguments of it, as those
	// of $x outside of quotes do.
	many bool
	from string // the variable that the argument consists of
}

const (
	value   = "\x01"
	unknown = "\x02"
)

// literal says that all of the argument is known.
func (a arg) literal() bool { return a.by == nil && !strings.Contains(a.s, unknown) }

// looksLikeProgram says whether an argument's literal text is more than a name,
// a flag, a path or an address.
func (a arg) looksLikeProgram() bool { return strings.ContainsAny(a.s, " \t\r\n'\"`{}();|&$<>\\") }

// files are what a text writes values into, and what it has run, by base name.
type files struct {
	written map[string]*taint
	run     map[string]bool
}

type judge struct {
	s      *scanner
	refs   []Ref             // what the text's placeholders stand for
	env    map[string]*taint // environment variables of options that anything can stand in
	calc   map[string]*taint // those that may not stand where a shell calculates
	vars   map[string]*taint
	known  map[string][]string // what a variable is set to, where the text shows it
	dark   map[string]bool     // variables that are also set to something it does not show
	wide   map[string]bool     // variables whose value may have blanks in it
	funcs  map[string]*taint   // functions, with what they are fed
	globs  map[string][]string // patterns of files that a loop goes through
	place  *taint              // decides which folder the commands that follow run in
	input  *taint              // what exec put in front of all that follows
	refers bool                // there are names for other variables
	pool   map[string]*taint
	any    *taint
	files  files
	quiet  bool
	grew   bool
	depth  int
}

// Placeholders are characters for private use: one for each value, and one for
// all those that cannot be code.
const (
	firstMark = '\ue000'
	lastMark  = '\uf000'
	tameMark  = '\uf8ff'
)

func private(r rune) bool { return r >= firstMark && r <= tameMark }

// judge looks at where the values end up.
func (s *scanner) judge(options []Option) {
	j := &judge{s: s, pool: map[string]*taint{}, env: map[string]*taint{}, calc: map[string]*taint{}, vars: map[string]*taint{}, known: map[string][]string{}, dark: map[string]bool{}, wide: map[string]bool{}, funcs: map[string]*taint{}, globs: map[string][]string{},
		files: files{map[string]*taint{}, map[string]bool{}}}
	for _, o := range options {
		by := tainted(j.pool, true, Ref{"option", o.Name})
		if t := o.trust(); t < number {
			j.calc[EnvName(o.Name)] = by
			if t == free {
				j.env[EnvName(o.Name)] = by
			}
		}
	}
	text, ok := j.mark(s.text)
	if !ok {
		s.unsafe("%s stands in a text with characters for private use, which is not read; %s", s.t.Refs()[0], remedy(s.t.Refs()[0]))
		return
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	if err != nil {
		if first, bad := s.t.least(author); bad && len(s.t.Unsafe) == 0 {
			s.unsafe("%s stands in a text that does not read as shell (%s); correct the text", first, j.unmark(err.Error()))
		}
		return
	}
	j.settle(file.Stmts, nil)
	s.t.files = j.files
}

// settle judges once what is known of variables and files no longer grows.
func (j *judge) settle(list []*syntax.Stmt, in *taint) *taint {
	was := j.quiet
	for j.quiet, j.grew = true, true; j.grew; {
		j.grew = false
		j.from(nil, list, in)
	}
	j.quiet = was
	return j.from(nil, list, in)
}

// from judges a list that begins in a place, and leaves it there.
func (j *judge) from(place *taint, list []*syntax.Stmt, in *taint) *taint {
	was := j.place
	j.place = place
	out := j.stmts(list, in)
	j.place = was
	return out
}

// again judges what a loop does as often as the place it begins in changes.
func (j *judge) again(list []*syntax.Stmt, in *taint) *taint {
	was := j.place
	out := j.stmts(list, in)
	if j.place != was {
		out = either(out, j.stmts(list, in))
	}
	return out
}

// mark puts a placeholder for every value. ok is false for a text that has such
// characters itself.
func (j *judge) mark(text string) (string, bool) {
	if strings.ContainsFunc(text, private) {
		return "", len(j.s.t.Refs()) == 0
	}
	return refRE.ReplaceAllStringFunc(text, func(m string) string {
		r := refOf(m)
		switch t := j.s.trust(r); {
		case t == number:
			return "1"
		case t > free:
			return string(tameMark)
		}
		n := slices.Index(j.refs, r)
		if n < 0 {
			n, j.refs = len(j.refs), append(j.refs, r)
		}
		return string(min(firstMark+rune(n), lastMark))
	}), true
}

func (j *judge) unmark(s string) string {
	return strings.Map(func(r rune) rune {
		if private(r) {
			return '…'
		}
		return r
	}, s)
}

// refuse says that a value stands where it could be code.
func (j *judge) refuse(by *taint, where, way string) {
	if j.quiet || by == nil {
		return
	}
	if first := by.refs[0]; first.Context == "option" || first.Context == "unquotedoption" {
		if way == "" {
			way = fmt.Sprintf(`read "$%s" in a script step`, EnvName(first.Key))
		}
		way = strings.ReplaceAll(way, "$X", "$"+EnvName(first.Key)) + ", or limit the option to letters, digits and ._:/@+- by its regex, or to enforced values"
	} else {
		way = "move it out of there"
	}
	if verb, rest, _ := strings.Cut(where, " "); len(by.refs) > 1 && verb == "is" {
		where = "are " + rest
	} else if len(by.refs) > 1 {
		where = strings.TrimSuffix(verb, "s") + " " + rest
	}
	j.s.unsafe("%s %s; %s", by, where, way)
}

// program refuses a value in what a command takes as a program.
func (j *judge) program(by *taint, name string) {
	way := ""
	switch {
	case slices.Contains(shellNames, name):
		way = name + ` -c '… "$1" …' ` + name + ` "$X"`
	case strings.HasSuffix(name, "awk"):
		way = name + ` -v x="$X"`
	case slices.Contains([]string{"jq", "yq", "gojq"}, name):
		way = name + ` --arg x "$X"`
	case interpreters[name] != "":
		way = `give it as an argument of a script: ` + name + ` FILE "$X"`
	}
	if way != "" && !strings.HasPrefix(way, "give") {
		way = "hand it over with " + way
	}
	j.refuse(by, "stands in an argument of "+name+", which reads a program there", way)
}

// fedTo refuses a value on the standard input of a command that reads a program.
func (j *judge) fedTo(by *taint, name string) {
	j.refuse(by, "is given to "+name+" as its input, which it reads as a program", "")
}

// spread refuses a value that becomes several arguments, of which a command would
// read some as more than data.
func (j *judge) spread(args []arg, name string) {
	for _, a := range args {
		if a.many && a.by != nil {
			j.refuse(a.by, "stands outside of quotes in an argument of "+name+", where blanks in it make further arguments", `put it in double quotes`)
		}
	}
}

// named refuses a value where a builtin takes the name of a variable.
func (j *judge) named(args []arg, name string) {
	j.refuse(of(args), "stands where "+name+" takes the name of a variable, which bash evaluates", "")
}

// hold notes what a variable may hold.
func (j *judge) hold(name string, by *taint) {
	name, _, _ = strings.Cut(name, "[")
	if by != nil && special.MatchString(name) {
		j.refuse(by, "is put into "+name+", which decides what later commands are", "")
	}
	if by != nil && !j.wide[name] {
		j.wide[name], j.grew = true, true
	}
	j.grow(j.vars, name, by)
}

func (j *judge) grow(m map[string]*taint, name string, by *taint) {
	if now := either(m[name], by); now != m[name] {
		m[name] = now
		j.grew = true
	}
}

// Statements. in is a value on the standard input; what comes back is one in the
// output.

func (j *judge) stmts(list []*syntax.Stmt, in *taint) (out *taint) {
	for _, s := range list {
		out = either(out, j.stmt(s, in))
	}
	return out
}

func (j *judge) stmt(s *syntax.Stmt, in *taint) *taint {
	if s == nil {
		return nil
	}
	var into []arg
	captured := false
	for _, r := range s.Redirs {
		var w arg
		if r.Word != nil {
			w = j.word(r.Word)
		}
		switch r.Op {
		case syntax.WordHdoc:
			in = w.by
		case syntax.Hdoc, syntax.DashHdoc:
			in = nil
			if r.Hdoc != nil {
				in = j.word(r.Hdoc).by
			}
		case syntax.RdrIn, syntax.RdrInOut:
			in = either(either(w.by, j.written(w)), j.here(w))
		case syntax.RdrOut, syntax.AppOut, syntax.RdrClob, syntax.RdrAll, syntax.AppAll, syntax.DplOut:
			into = append(into, w)
			captured = captured || r.N == nil || r.N.Value == "1"
		}
	}
	out := j.command(s.Cmd, in)
	if s.Cmd == nil && len(s.Redirs) > 0 {
		out = in // $(< file)
	}
	if c, ok := s.Cmd.(*syntax.CallExpr); ok && len(s.Redirs) > 0 && len(c.Args) == 1 && c.Args[0].Lit() == "exec" {
		if j.input = either(j.input, in); len(into) > 0 {
			out = j.any // from here on everything goes there
		}
	}
	for _, w := range into {
		j.write(w, out)
	}
	if captured {
		return nil
	}
	return out
}

func (j *judge) command(c syntax.Command, in *taint) *taint {
	switch c := c.(type) {
	case *syntax.CallExpr:
		for _, a := range c.Assigns {
			j.assign(a)
		}
		return j.call(c.Args, in)
	case *syntax.Subshell:
		return j.from(j.place, c.Stmts, in)
	case *syntax.Block:
		return j.stmts(c.Stmts, in)
	case *syntax.IfClause:
		var out *taint
		for ; c != nil; c = c.Else {
			out = either(out, either(j.stmts(c.Cond, in), j.stmts(c.Then, in)))
		}
		return out
	case *syntax.WhileClause:
		return either(j.stmts(c.Cond, in), j.again(c.Do, in))
	case *syntax.ForClause:
		switch l := c.Loop.(type) {
		case *syntax.WordIter:
			by := j.vars["@"]
			wide := by != nil
			if l.InPos.IsValid() {
				by, wide = nil, false
				for _, w := range l.Items {
					a := j.word(w)
					by = either(by, a.by)
					wide = wide || a.by != nil && !(a.many && a.s == value) // what the shell has split has no blanks
					if a.by == nil && strings.ContainsAny(a.s, "*?[") && !slices.Contains(j.globs[l.Name.Value], a.s) {
						j.globs[l.Name.Value], j.grew = append(j.globs[l.Name.Value], a.s), true
					}
				}
			}
			if c.Select {
				by, wide = either(by, in), true
			}
			if wide || special.MatchString(l.Name.Value) {
				j.hold(l.Name.Value, by)
			} else {
				j.grow(j.vars, l.Name.Value, by)
			}
			j.dark[l.Name.Value] = true
		case *syntax.CStyleLoop:
			j.arith(l.Init)
			j.arith(l.Cond)
			j.arith(l.Post)
		}
		return j.again(c.Do, in)
	case *syntax.CaseClause:
		j.word(c.Word)
		var out *taint
		for _, i := range c.Items {
			for _, p := range i.Patterns {
				j.word(p)
			}
			out = either(out, j.stmts(i.Stmts, in))
		}
		return out
	case *syntax.BinaryCmd:
		out := j.stmt(c.X, in)
		if c.Op == syntax.Pipe || c.Op == syntax.PipeAll {
			return j.stmt(c.Y, out)
		}
		return either(out, j.stmt(c.Y, in))
	case *syntax.FuncDecl:
		if c.Name == nil {
			return nil
		}
		if _, ok := j.funcs[c.Name.Value]; !ok {
			j.funcs[c.Name.Value], j.grew = nil, true
		}
		return j.stmt(c.Body, j.funcs[c.Name.Value])
	case *syntax.DeclClause:
		j.declare(c)
	case *syntax.LetClause:
		for _, e := range c.Exprs {
			j.arith(e)
		}
	case *syntax.ArithmCmd:
		j.arith(c.X)
	case *syntax.TestClause:
		j.test(c.X)
	case *syntax.TimeClause:
		return j.stmt(c.Stmt, in)
	case *syntax.CoprocClause:
		return j.stmt(c.Stmt, either(in, j.any))
	}
	return nil
}

// special variables change how everything after them is read or found.
var special = regexp.MustCompile(`^(PATH|IFS|ENV|BASH_ENV|BASH_FUNC_.*|BASHOPTS|SHELLOPTS|PS[0-4]|PROMPT_COMMAND|SHELL|EDITOR|VISUAL|PAGER|BROWSER|FPATH|LD_.*|DYLD_.*|GIT_.*|PERL5.*|PYTHON.*|RUBY.*|NODE_.*|LUA_.*|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|(MAVEN|GRADLE|SBT|ANT)_OPTS|.*MAKEFLAGS|MAKEFILES|LESS.*|MANPAGER|TAR_OPTIONS|RSYNC_RSH|CVS_RSH|RSH|SSH_ASKPASS|SUDO_ASKPASS|SUDO_EDITOR|PSQL.*|TERMINFO|TERMCAP|XARGS.*|NLSPATH|LOCPATH|GCONV_PATH|HOSTALIASES` +
	`|[A-Z]+_(EDITOR|PAGER|ASKPASS|SSH|SSH_COMMAND|DEFAULT_COMMAND)|HGRCPATH|HGMERGE|GOFLAGS|GOENV|RUSTC_WRAPPER|OPENSSL_(CONF|ENGINES|MODULES)|R_PROFILE.*|PHPRC|PHP_INI_SCAN_DIR|(?i:npm_config_.*)|BUNDLE_GEMFILE|GEM_(PATH|HOME)|LIBMYSQL_PLUGIN.*|ANSIBLE_(CONFIG|LIBRARY|.*_PLUGINS|.*_PATH))$`)

// homes are folders in which programs look for files that they run or obey.
var homes = regexp.MustCompile(`^(HOME|ZDOTDIR|XDG_[A-Z]+_HOME|MYSQL_HOME|SQLPATH|PGSYSCONFDIR|COMPOSER_HOME|M2_HOME|CARGO_HOME)$`)

// setsSpecial says whether an assignment puts a value where it decides what later
// commands are.
func setsSpecial(name, to string) bool {
	return special.MatchString(name) || homes.MatchString(name) && strings.HasPrefix(to, value)
}

func (j *judge) assign(a *syntax.Assign) {
	var by *taint
	text := ""
	if a.Index != nil {
		j.arith(a.Index)
	}
	if a.Value != nil {
		w := j.word(a.Value)
		by, text = w.by, w.s
		if a.Name != nil && !a.Naked {
			switch a.Name.Value {
			case "ENV", "BASH_ENV", "PSQLRC":
				j.started(w, "a shell or a client")
			case "IFS":
				j.wide[""] = true
			}
			switch {
			case !w.literal() || a.Append:
				j.dark[a.Name.Value] = true
			case !slices.Contains(j.known[a.Name.Value], w.s):
				j.known[a.Name.Value] = append(j.known[a.Name.Value], w.s)
			}
		}
	}
	if a.Array != nil {
		for _, e := range a.Array.Elems {
			if e.Index != nil {
				j.arith(e.Index)
			}
			if e.Value != nil {
				by = either(by, j.word(e.Value).by)
			}
		}
		if a.Name != nil {
			j.dark[a.Name.Value] = true
		}
	}
	if a.Name == nil || by == nil {
		return
	}
	if setsSpecial(a.Name.Value, text) && !special.MatchString(a.Name.Value) {
		j.refuse(by, "is put into "+a.Name.Value+", which decides what later commands are", "")
	}
	j.hold(a.Name.Value, by)
}

func (j *judge) declare(c *syntax.DeclClause) {
	reads := ""
	for _, a := range c.Args {
		if a.Naked && a.Value != nil {
			w := j.word(a.Value)
			if strings.HasPrefix(w.s, "-") && strings.Contains(w.s, "n") && !j.refers {
				j.refers, j.grew = true, true
			}
			if strings.HasPrefix(w.s, "-") && strings.ContainsAny(w.s, "inA") {
				reads = c.Variant.Value + " " + w.s
			}
			if w.by != nil {
				j.refuse(w.by, "stands where "+c.Variant.Value+" takes the name of a variable", "")
			}
			continue
		}
		j.assign(a)
		if reads != "" && a.Value != nil {
			j.refuse(j.word(a.Value).by, "is evaluated by "+reads, "")
		}
	}
}

var anyName = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)

// arith refuses what bash would evaluate.
func (j *judge) arith(x syntax.ArithmExpr) {
	if x == nil {
		return
	}
	syntax.Walk(x, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Lit:
			for _, r := range n.Value {
				j.evaluated(j.ref(r))
			}
			for _, name := range anyName.FindAllString(n.Value, -1) {
				j.evaluatedName(name, 0)
			}
		case *syntax.SglQuoted:
			for _, r := range n.Value {
				j.evaluated(j.ref(r))
			}
		case *syntax.ParamExp:
			if n.Param != nil {
				j.evaluated(either(j.variable(n.Param.Value), j.calc[n.Param.Value]))
				j.evaluatedName(n.Param.Value, 0)
			}
		case *syntax.CmdSubst:
			j.evaluated(j.stmts(n.Stmts, nil))
			return false
		}
		return true
	})
}

// evaluatedName: the text of a variable is an expression in its turn.
func (j *judge) evaluatedName(name string, depth int) {
	j.evaluated(either(j.vars[name], j.calc[name]))
	if depth == 10 {
		return
	}
	for _, text := range j.known[name] {
		for _, n := range anyName.FindAllString(text, -1) {
			j.evaluatedName(n, depth+1)
		}
	}
}

func (j *judge) evaluated(by *taint) {
	j.refuse(by, "may stand in arithmetic, which bash evaluates as code", `use expr, which only calculates`)
}

func (j *judge) test(x syntax.TestExpr) {
	switch x := x.(type) {
	case *syntax.ParenTest:
		j.test(x.X)
	case *syntax.UnaryTest:
		if w, ok := x.X.(*syntax.Word); ok {
			if by := j.word(w).by; by != nil && (x.Op == syntax.TsVarSet || x.Op == syntax.TsRefVar) {
				j.refuse(by, "stands as the name of a variable, which bash evaluates", "")
			}
			return
		}
		j.test(x.X)
	case *syntax.BinaryTest:
		switch x.Op {
		case syntax.TsEql, syntax.TsNeq, syntax.TsLeq, syntax.TsGeq, syntax.TsLss, syntax.TsGtr:
			for _, side := range []syntax.TestExpr{x.X, x.Y} {
				if w, ok := side.(*syntax.Word); ok {
					j.arith(w)
				}
			}
			return
		}
		if w, ok := x.X.(*syntax.Word); ok && x.Op == syntax.TsReMatch {
			j.hold("BASH_REMATCH", j.word(w).by)
		}
		j.test(x.X)
		j.test(x.Y)
	case *syntax.Word:
		j.word(x)
	}
}

// Words.

func (j *judge) ref(r rune) *taint {
	if r < firstMark || r > lastMark || int(r-firstMark) >= len(j.refs) {
		return nil
	}
	by := tainted(j.pool, false, j.refs[r-firstMark])
	j.any = either(j.any, by)
	return by
}

// variable is the value that a shell variable may hold.
func (j *judge) variable(name string) *taint {
	if name == "*" || name == "@" || name != "" && strings.Trim(name, "0123456789") == "" && name != "0" {
		name = "@"
	}
	by := either(j.vars[name], j.env[name])
	if j.refers || name == "_" {
		by = either(by, j.any)
	}
	j.any = either(j.any, by)
	return by
}

func (j *judge) word(w *syntax.Word) arg {
	var a arg
	var b strings.Builder
	j.parts(w.Parts, false, &a, &b)
	a.s = b.String()
	if a.by == nil {
		a.from = only(w)
	}
	return a
}

func (j *judge) put(by *taint, a *arg, b *strings.Builder) {
	if by == nil {
		b.WriteString(unknown)
		return
	}
	a.by = either(a.by, by)
	b.WriteString(value)
}

func (j *judge) text(s string, a *arg, b *strings.Builder) {
	for _, r := range s {
		switch by := j.ref(r); {
		case by != nil:
			j.put(by, a, b)
		case r == tameMark:
			b.WriteString(unknown)
		default:
			b.WriteRune(r)
		}
	}
}

func (j *judge) parts(ps []syntax.WordPart, quoted bool, a *arg, b *strings.Builder) {
	for _, p := range ps {
		switch p := p.(type) {
		case *syntax.Lit:
			j.text(unescape(p.Value, quoted), a, b)
		case *syntax.SglQuoted:
			if p.Dollar && strings.Contains(p.Value, `\`) {
				b.WriteString(unknown)
			}
			j.text(p.Value, a, b)
		case *syntax.DblQuoted:
			j.parts(p.Parts, true, a, b)
		case *syntax.ParamExp:
			by := j.param(p)
			a.many = a.many || by != nil && j.splits(p, quoted)
			j.put(by, a, b)
		case *syntax.CmdSubst:
			by := j.stmts(p.Stmts, nil)
			a.many = a.many || by != nil && !quoted
			j.put(by, a, b)
		case *syntax.ProcSubst:
			in := (*taint)(nil)
			if p.Op == syntax.CmdOut {
				in = j.any
			}
			j.put(j.stmts(p.Stmts, in), a, b)
		case *syntax.ArithmExp:
			j.arith(p.X)
			b.WriteString(unknown)
		case *syntax.ExtGlob:
			b.WriteString(unknown)
			j.text(p.Pattern.Value, a, b)
		default:
			b.WriteString(unknown)
		}
	}
}

// splits says whether an expansion may become several arguments.
func (j *judge) splits(p *syntax.ParamExp, quoted bool) bool {
	all := p.Param != nil && p.Param.Value == "@" || p.Names != 0
	if w, ok := p.Index.(*syntax.Word); ok && w.Lit() == "@" {
		all = true
	}
	if quoted || all || p.Length {
		return all && !p.Length
	}
	if p.Param == nil || p.Exp != nil || p.Repl != nil || p.Excl || j.wide[""] {
		return true
	}
	name := p.Param.Value
	return j.env[name] != nil || j.wide[name] || strings.Trim(name, "0123456789*") == ""
}

// unescape takes the backslashes out of a literal, as the shell does.
func unescape(s string, quoted bool) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if s[i] == '\n' {
			continue
		}
		if quoted && !strings.ContainsRune("$`\"\\", rune(s[i])) {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func (j *judge) param(p *syntax.ParamExp) *taint {
	var by *taint
	if p.Param != nil {
		by = j.variable(p.Param.Value)
	}
	if p.Index != nil {
		if w, ok := p.Index.(*syntax.Word); !ok || w.Lit() != "@" && w.Lit() != "*" {
			j.arith(p.Index)
		}
	}
	if p.Excl && p.Names == 0 {
		j.refuse(by, "is read as the name of a variable, which bash evaluates", "")
		by = either(by, j.environment())
	}
	if p.Length {
		return nil
	}
	if p.Slice != nil {
		j.arith(p.Slice.Offset)
		j.arith(p.Slice.Length)
	}
	if p.Repl != nil {
		for _, w := range []*syntax.Word{p.Repl.Orig, p.Repl.With} {
			if w != nil {
				by = either(by, j.word(w).by)
			}
		}
	}
	if p.Exp != nil && p.Exp.Word != nil {
		w := j.word(p.Exp.Word)
		if p.Exp.Op == syntax.OtherParamOps && strings.Contains(w.s, "P") {
			j.refuse(by, "is expanded as a prompt, which bash evaluates", "")
		}
		by = either(by, w.by)
		if p.Param != nil && (p.Exp.Op == syntax.AssignUnset || p.Exp.Op == syntax.AssignUnsetOrNull) {
			j.dark[p.Param.Value] = true
			j.hold(p.Param.Value, w.by)
		}
	}
	return by
}

// environment is what the environment and the text's own variables may hold.
func (j *judge) environment() (by *taint) {
	for _, m := range []map[string]*taint{j.env, j.vars} {
		for _, name := range sortedKeys(m) {
			by = either(by, m[name])
		}
	}
	return by
}

// Files.

func base(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }

// write notes that a value is put into a file.
func (j *judge) write(w arg, by *taint) {
	if by == nil || strings.HasPrefix(w.s, "/dev/") {
		return
	}
	name := base(w.s)
	if strings.ContainsAny(name, value+unknown) {
		name = unknown
	}
	if startup.MatchString(w.s) {
		j.refuse(by, "is put into "+strings.NewReplacer(value, "…", unknown, "…").Replace(w.s)+", which holds commands", "")
	}
	j.grow(j.files.written, name, by)
	if w.from != "" {
		j.grow(j.files.written, "$"+w.from, by)
	}
}

// startup are files whose lines are commands to the system or to the next shell.
var startup = regexp.MustCompile(`(^|/)(etc/(cron[^/]*(/|$)|profile|bash\.bashrc|rc\.local$|rc\.d/|init\.d/|sudoers|systemd/.*|udev/.*|ld\.so\.preload$)|var/spool/cron/|\.(bashrc|bash_profile|bash_login|bash_logout|profile|zshrc|zshenv|zprofile|kshrc)$|crontab$)|\.(service|timer)$` +
	`|^/(usr/(local/)?)?s?bin/[^/]+$|(^|/)(\.ssh/(rc|config|environment)|etc/ssh/(sshrc|sshd?_config)|\.(gitconfig|psqlrc|sqliterc|vimrc|exrc|emacs|screenrc|tmux\.conf|npmrc|Rprofile|irbrc|pythonrc|gdbinit|mailrc)|(\.git|[^/]+\.git)/(hooks/[^/]+|config))$|^/(proc/sys/kernel/(core_pattern|modprobe|poweroff_cmd)|sys/kernel/uevent_helper)$`)

// isInput says whether a file name means the standard input.
func isInput(s string) bool {
	return s == "-" || s == "/dev/stdin" || strings.HasPrefix(s, "/dev/fd/") || strings.HasPrefix(s, "/proc/") && strings.Contains(s, "/fd/")
}

// written is the value that was put into a file.
func (j *judge) written(w arg) *taint {
	if strings.HasPrefix(w.s, "/proc/") && strings.HasSuffix(w.s, "/environ") {
		return j.environment()
	}
	name := base(w.s)
	if strings.ContainsAny(name, value+unknown) {
		name = unknown
	}
	return j.files.written[name]
}

// here is what decides which file a relative name is that of.
func (j *judge) here(w arg) *taint {
	if !w.literal() || w.s == "" || strings.HasPrefix(w.s, "-") || strings.HasPrefix(w.s, "/") || strings.HasPrefix(w.s, "~") {
		return nil
	}
	return j.place
}

// started notes that a file is read as a program.
func (j *judge) started(w arg, name string) {
	local := slices.IndexFunc(j.globs[w.from], func(p string) bool { return !strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "~") })
	if local >= 0 {
		w.s = j.globs[w.from][local]
	}
	if by := j.here(w); by != nil {
		j.refuse(by, "decides in which folder "+name+" finds "+w.s+", which it reads as a program", "put a path before it that the job fixes, or write the whole path of the program")
	}
	for _, pattern := range append(j.globs[w.from], w.s) {
		if strings.ContainsAny(base(pattern), "*?[") {
			for _, f := range sortedKeys(j.files.written) {
				if ok, err := path.Match(strings.NewReplacer(value, "*", unknown, "*").Replace(base(pattern)), f); ok || err != nil {
					j.refuse(j.files.written[f], "is put into a file that "+name+" reads as a program", "")
				}
			}
		}
	}
	if w.literal() && w.s != "" && !strings.HasPrefix(w.s, "-") {
		j.files.run[base(w.s)] = true
	}
	if by := j.written(w); by != nil {
		j.refuse(by, "is put into a file that "+name+" reads as a program", "")
	}
}
