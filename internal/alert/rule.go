package alert

import (
	"context"
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/ledger"
)

// RoutingRule decides what becomes of the alerts it matches. The first rule
// that matches counts.
type RoutingRule struct {
	ID          string `json:"id"`
	Position    int    `json:"position"`
	Name        string `json:"name"`
	When        string `json:"when" doc:"Expression over labels, annotations, status and source that is true or false; empty matches everything"`
	Service     string `json:"service" doc:"A service's name or an expression; empty: the label service, or else the source's service"`
	Environment string `json:"environment" doc:"A name or an expression; empty: the label env or environment"`
	Severity    string `json:"severity" doc:"1 to 4, a word such as critical, or an expression; empty: the label severity, or else priority"`
	Action      string `json:"action" enum:"declare,attach,ignore,default" doc:"declare an incident, attach to an open one only, ignore, or (default) declare up to severity 3 and attach 4"`

	Restricted bool     `json:"restricted,omitempty" doc:"The incident it declares is open to the people of groups only; such a rule declares at any severity, for an alert without an incident is open to everybody"`
	Groups     []string `json:"groups,omitempty" maxItems:"20" doc:"Who becomes a member of that incident"`
}

// maxRules and maxRule bound what every delivery has to work through.
const (
	maxRules = 200
	maxRule  = 2000 // bytes of one expression
)

// about is what expressions see.
type about struct {
	Labels      map[string]string `expr:"labels"`
	Annotations map[string]string `expr:"annotations"`
	Status      string            `expr:"status"`
	Source      string            `expr:"source"`
}

type compiled struct {
	rule                                 RoutingRule
	when, service, environment, severity *program
}

// program is an expression, or a literal that was typed without quotes.
type program struct {
	literal string
	vm      *vm.Program
}

var bare = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// names that mean something in an expression and so cannot be literals.
var reserved = map[string]bool{"labels": true, "annotations": true, "status": true, "source": true, "true": true, "false": true, "nil": true}

func options(extra ...expr.Option) []expr.Option {
	opts := []expr.Option{expr.Env(about{}), expr.MaxNodes(500), expr.DisableAllBuiltins()}
	for _, f := range plain {
		opts = append(opts, expr.EnableBuiltin(f))
	}
	opts = append(opts, bounded()...)
	return append(opts, extra...)
}

// compile refuses what could make one rule work for long or grow without bound.
func compile(text string, extra ...expr.Option) (*vm.Program, error) {
	p, err := expr.Compile(text, options(extra...)...)
	if err != nil {
		return nil, err
	}
	v := &endless{}
	root := p.Node()
	ast.Walk(&root, v)
	if v.found != "" {
		return nil, fmt.Errorf("%s is not available in rules", v.found)
	}
	return p, nil
}

func compileValue(text string) (*program, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, nil
	}
	if bare.MatchString(text) && !reserved[text] {
		return &program{literal: text}, nil
	}
	p, err := compile(text)
	return &program{vm: p}, err
}

func (p *program) value(env about) (string, error) {
	if p == nil {
		return "", nil
	}
	if p.vm == nil {
		return p.literal, nil
	}
	v, err := expr.Run(p.vm, env)
	if err != nil || v == nil {
		return "", err
	}
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v), nil
	case int, int64, float64, bool:
		return fmt.Sprint(v), nil
	}
	return "", fmt.Errorf("the expression gives %T and not a text", v)
}

// compileRule reports every wrong field of a rule, by the rule's name.
func compileRule(n int, r RoutingRule) (compiled, []fault.FieldError) {
	c := compiled{rule: r}
	var bad []fault.FieldError
	label := r.Name
	if label == "" {
		label = "number " + strconv.Itoa(n+1)
	}
	wrong := func(field string, msg string) {
		bad = append(bad, fault.FieldError{Field: fmt.Sprintf("items[%d].%s", n, field), Message: fmt.Sprintf("Rule %q: %s", label, msg)})
	}
	if utf8.RuneCountInString(r.Name) > 120 {
		wrong("name", "shorten the name to 120 characters.")
	}
	switch r.Action {
	case "", "default", "declare", "attach", "ignore":
	default:
		wrong("action", "the action is declare, attach, ignore or default.")
	}
	for field, text := range map[string]string{"when": r.When, "service": r.Service, "environment": r.Environment, "severity": r.Severity} {
		if len(text) > maxRule {
			wrong(field, fmt.Sprintf("the expression is longer than %d characters.", maxRule))
		}
	}
	if r.Restricted == (len(r.Groups) == 0) {
		wrong("groups", "a restricted incident names the groups that may know of it, and no other does.")
	}
	if len(bad) > 0 {
		return c, bad
	}
	if text := strings.TrimSpace(r.When); text != "" {
		p, err := compile(text, expr.AsBool())
		if err != nil {
			wrong("when", inWords(err))
		} else {
			c.when = &program{vm: p}
		}
	}
	for _, f := range []struct {
		field, text string
		to          **program
	}{{"service", r.Service, &c.service}, {"environment", r.Environment, &c.environment}, {"severity", r.Severity, &c.severity}} {
		p, err := compileValue(f.text)
		if err != nil {
			wrong(f.field, inWords(err))
			continue
		}
		*f.to = p
	}
	if c.severity != nil && c.severity.vm == nil && severityOf(c.severity.literal, 0) == 0 {
		wrong("severity", "write 1 to 4, a word such as critical, or an expression that gives one.")
	}
	return c, bad
}

func inWords(err error) string {
	return strings.TrimSpace(err.Error()) + "\nThe expression can use labels, annotations, status and source, for example labels.env == \"prod\"."
}

// severityWords are the words monitoring uses, and what they mean here: those of
// Prometheus' rules, of syslog, Zabbix, Nagios and of ticket systems.
var severityWords = map[string]int{
	"critical": 1, "crit": 1, "blocker": 1, "urgent": 1, "emergency": 1, "emerg": 1, "page": 1, "pager": 1, "disaster": 1, "fatal": 1, "panic": 1, "alert": 1, "highest": 1, "down": 1,
	"error": 2, "err": 2, "high": 2, "major": 2, "severe": 2, "important": 2,
	"warning": 3, "warn": 3, "medium": 3, "average": 3, "moderate": 3, "normal": 3, "unknown": 3, "ticket": 3, "none": 3, "": 3,
	"info": 4, "information": 4, "informational": 4, "low": 4, "lowest": 4, "minor": 4, "trivial": 4, "notice": 4, "debug": 4, "ok": 4, "not classified": 4,
}

// numbered are the words that stand before a number: P1, SEV-2, severity 3.
var numbered = regexp.MustCompile(`^(?:p|prio|priority|s|sev|severity|level)?[ _-]?([0-9])$`)

// severityOf reads a word or number; otherwise gives unknown. 0 and 1 are the
// worst, as in P0 and SEV0, and 5 is as little as 4.
func severityOf(text string, unknown int) int {
	text = strings.Join(strings.Fields(strings.ToLower(text)), " ")
	if m := numbered.FindStringSubmatch(text); m != nil {
		if n := int(m[1][0] - '0'); n <= 5 {
			return min(max(n, 1), 4)
		}
		return unknown
	}
	if n, ok := severityWords[text]; ok {
		return n
	}
	return unknown
}

// route is what was decided about an alert.
type route struct {
	service, environment string
	severity             int
	action               string // declare, attach, ignore
	rule                 string // name of the rule that matched
	restricted           bool
	drill                bool // the alert says that it is one
	groups               []string
	label                string // the service that the alert itself names
	word                 string // a severity that is not known
	remarks              []string
}

// mode of the incident that an alert declares.
func (r route) mode() string {
	if r.drill {
		return "drill"
	}
	return "real"
}

// decide finds service, environment, severity and action. A rule that fails
// on an alert does not match it; the failure is reported beside the answer.
func decide(rules []compiled, src Source, in Incoming) (route, error) {
	env := about{Labels: in.Labels, Annotations: in.Annotations, Status: in.Status, Source: src.Name}
	if env.Labels == nil {
		env.Labels = map[string]string{}
	}
	if env.Annotations == nil {
		env.Annotations = map[string]string{}
	}
	r := route{drill: in.Labels["drill"] == "true"}
	var problem error
	fallback := "default"
	for _, c := range rules {
		if c.when != nil {
			ok, err := expr.Run(c.when.vm, env)
			if err != nil {
				problem = fmt.Errorf("rule %q: %w", c.rule.Name, err)
				continue
			}
			if ok != true {
				continue
			}
		}
		service, err1 := c.service.value(env)
		environment, err2 := c.environment.value(env)
		severity, err3 := c.severity.value(env)
		for _, err := range []error{err1, err2, err3} {
			if err != nil {
				problem = fmt.Errorf("rule %q: %w", c.rule.Name, err)
			}
		}
		r.service, r.environment, r.rule = service, environment, c.rule.Name
		r.restricted, r.groups = c.rule.Restricted, c.rule.Groups
		if severity != "" {
			if r.severity = severityOf(severity, 0); r.severity == 0 {
				r.word = severity
			}
		}
		if c.rule.Action != "" {
			fallback = c.rule.Action
		}
		break
	}
	r.label = shorten(env.Labels["service"], 63)
	if r.service == "" {
		r.service = first(r.label, src.Service)
	}
	if r.environment == "" {
		r.environment = first(env.Labels["env"], env.Labels["environment"])
	}
	if r.severity == 0 {
		word := first(env.Labels["severity"], env.Labels["priority"])
		if r.severity = severityOf(word, 0); r.severity == 0 {
			r.severity, r.word = 3, word
		} else {
			r.word = ""
		}
	}
	r.service, r.environment = shorten(r.service, 63), shorten(r.environment, 63)
	if r.action = fallback; r.action == "default" {
		r.action = "declare"
		if r.severity >= 4 {
			r.action = "attach"
		}
	}
	if r.restricted && r.action == "attach" {
		// Outside of an incident of its own everybody could read it.
		r.action = "declare"
	}
	return r, problem
}

func first(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

func shorten(text string, most int) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r <= ' ' || r == utf8.RuneError }), " ")
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most])
	}
	return text
}

func sorted[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

func scanRule(r db.Scanner) (v RoutingRule, err error) {
	var groups string
	if err := r.Scan(&v.ID, &v.Position, &v.Name, &v.When, &v.Service, &v.Environment, &v.Severity, &v.Action, &v.Restricted, &groups); err != nil {
		return v, err
	}
	v.Groups, err = db.FromJSON[[]string](groups)
	return v, err
}

func (s *Store) rules(ctx context.Context, q db.Querier) ([]RoutingRule, error) {
	rs, err := db.All(ctx, q, scanRule, `SELECT id, position, name, matches, service, environment, severity, action, restricted, named_groups FROM alert_rule ORDER BY position`)
	if err != nil {
		return nil, fmt.Errorf("read alert rules: %w", err)
	}
	return rs, nil
}

// Rules lists the rules in the order in which they are asked.
func (s *Store) Rules(ctx context.Context, q db.Querier, who actor.Actor) ([]RoutingRule, error) {
	if err := s.Access.Check(ctx, q, who, "read", sourceResource("")); err != nil {
		return nil, err
	}
	return s.rules(ctx, q)
}

// SetRules replaces all rules, or none when one of them is wrong.
func (s *Store) SetRules(ctx context.Context, tx *db.Tx, who actor.Actor, rules []RoutingRule) ([]RoutingRule, error) {
	if err := s.Access.Check(ctx, tx, who, "manage", sourceResource("")); err != nil {
		return nil, err
	}
	if len(rules) > maxRules {
		return nil, fault.Field("items", fmt.Sprintf("At most %d rules are allowed.", maxRules))
	}
	var bad []fault.FieldError
	known := map[string]bool{}
	for n := range rules {
		rules[n].Position = n + 1
		if !id.Valid(rules[n].ID) || known[rules[n].ID] {
			rules[n].ID = id.New()
		}
		known[rules[n].ID] = true
		if rules[n].Action == "" {
			rules[n].Action = "default"
		}
		_, wrong := compileRule(n, rules[n])
		bad = append(bad, wrong...)
	}
	if len(bad) > 0 {
		return nil, fault.Fields(bad...)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM alert_rule`); err != nil {
		return nil, fmt.Errorf("replace alert rules: %w", err)
	}
	for _, r := range rules {
		if _, err := tx.Exec(ctx, `INSERT INTO alert_rule (id, position, name, matches, service, environment, severity, action, restricted, named_groups) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)`,
			r.ID, r.Position, r.Name, r.When, r.Service, r.Environment, r.Severity, r.Action, r.Restricted, db.JSON(r.Groups)); err != nil {
			return nil, fmt.Errorf("store alert rule: %w", err)
		}
	}
	if err := s.Ledger.Append(ctx, tx, who, ledger.About{Resource: "alert_rules"}, RulesChanged{Rules: rules}); err != nil {
		return nil, err
	}
	return s.rules(ctx, tx)
}

// ready gives the compiled rules, from memory while they are the same.
func (s *Store) ready(ctx context.Context, q db.Querier) ([]compiled, error) {
	rules, err := s.rules(ctx, q)
	if err != nil {
		return nil, err
	}
	text := db.JSON(rules)
	s.mu.Lock()
	defer s.mu.Unlock()
	if text == s.text {
		return s.compiled, nil
	}
	out := []compiled{}
	for n, r := range rules {
		c, bad := compileRule(n, r)
		if len(bad) > 0 {
			// Stored by another version of Muster: the others still count.
			s.Log.Error("alert rule does not compile", "rule", r.Name, "error", bad[0].Message)
			continue
		}
		out = append(out, c)
	}
	s.compiled, s.text = out, text
	return out, nil
}
