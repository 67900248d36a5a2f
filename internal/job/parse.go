package job

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"muster/internal/node"
	"muster/internal/yamldoc"
)

// Bounds of a definition.
const (
	maxJobs    = 2000
	maxSteps   = 500
	maxOptions = 200
)

// Problem is a job that cannot be imported.
type Problem struct {
	Name    string
	Line    int
	Message string
}

// Parse reads a list of jobs (YAML or JSON; a single job is taken as a list of
// one). Wrong jobs are reported and left out.
func Parse(content []byte) ([]*Definition, []Problem, error) {
	defs, bad, err := parse(content)
	defs = slices.DeleteFunc(defs, func(d *Definition) bool {
		if !strings.ContainsFunc(d.Name+d.Group+d.UUID, unseen) {
			return false
		}
		bad = append(bad, Problem{d.FullName(), d.line, "The job's name, group or uuid has characters that cannot be seen. Take them out."})
		return true
	})
	return defs, bad, err
}

func parse(content []byte) ([]*Definition, []Problem, error) {
	docs, err := yamldoc.Parse(content)
	if err != nil {
		return nil, nil, err
	}
	var items []*yamldoc.Value
	for _, d := range docs {
		switch d.Kind {
		case yamldoc.List:
			items = append(items, d.Items...)
		case yamldoc.Map:
			items = append(items, d)
		case yamldoc.Null:
		default:
			return nil, nil, &yamldoc.Error{Line: d.Line, Msg: "a job file is a list of jobs, each a map with `name` and `sequence`. Correct it."}
		}
	}
	if len(items) == 0 {
		return nil, nil, &yamldoc.Error{Line: 1, Msg: "there is no job in the document. Write a list of jobs."}
	}
	if len(items) > maxJobs {
		return nil, nil, &yamldoc.Error{Line: 1, Msg: fmt.Sprintf("more than %d jobs in one document. Split it.", maxJobs)}
	}
	defs, bad := []*Definition{}, []Problem{}
	names, uuids := map[string]int{}, map[string]int{}
	for _, v := range items {
		d, p := parseOne(v)
		if p == nil && names[d.FullName()] > 0 {
			p = &Problem{d.FullName(), d.line, fmt.Sprintf("The job %s is already given in line %d. Keep one.", d.FullName(), names[d.FullName()])}
		}
		if p == nil && d.UUID != "" && uuids[d.UUID] > 0 {
			p = &Problem{d.FullName(), d.line, fmt.Sprintf("Its uuid is already used in line %d. Give it another, or leave it out.", uuids[d.UUID])}
		}
		if p != nil {
			bad = append(bad, *p)
			continue
		}
		names[d.FullName()] = d.line
		if d.UUID != "" {
			uuids[d.UUID] = d.line
		}
		defs = append(defs, d)
	}
	return defs, bad, nil
}

// Stored reads a definition back from its canonical text.
func Stored(text string) (*Definition, error) {
	defs, bad, err := parse([]byte(text))
	if err != nil {
		return nil, err
	}
	if len(bad) > 0 || len(defs) != 1 {
		return nil, fmt.Errorf("stored job definition is not one job: %v", bad)
	}
	return defs[0], nil
}

type reader struct {
	d    *Definition
	fail *Problem
}

func (r *reader) bad(line int, format string, a ...any) {
	if r.fail == nil {
		r.fail = &Problem{Line: line, Message: fmt.Sprintf(format, a...)}
	}
}

// say adds to the report: one line for each step and kind.
func (r *reader) say(stops bool, where, kind string, tokens []string, text string) {
	text = strings.TrimSuffix(text, ".")
	for i := range r.d.remarks {
		m := &r.d.remarks[i]
		if m.Step != where || m.Kind != kind || m.stops != stops {
			continue
		}
		for _, t := range tokens {
			if !slices.Contains(m.Tokens, t) {
				m.Tokens = append(m.Tokens, t)
			}
		}
		if !strings.Contains(m.Text, text) {
			m.Text += "; " + text
		}
		return
	}
	r.d.remarks = append(r.d.remarks, finding{node.Remark{Step: where, Kind: kind, Tokens: tokens, Text: text}, stops})
}

func (r *reader) note(format string, a ...any) {
	r.say(false, "", node.Note, nil, fmt.Sprintf(format, a...))
}

func (r *reader) cannot(format string, a ...any) {
	r.say(true, "", node.CannotRun, nil, fmt.Sprintf(format, a...))
}

// idle says of a field or a part of a step that it is kept and does nothing.
func (r *reader) idle(where, field, why string) {
	r.say(false, where, node.NoEffect, []string{field}, field+" is kept, but "+why)
}

// text reads a scalar field.
func (r *reader) text(v *yamldoc.Value, field string) string {
	if v.IsNull() {
		return ""
	}
	if v.Kind != yamldoc.Scalar {
		r.bad(v.Line, "%s must be a text. Correct it.", field)
		return ""
	}
	return v.Text
}

// flag reads a boolean field. A quoted 'false' means true to Rundeck; here it
// means what it says, and the report tells.
func (r *reader) flag(v *yamldoc.Value, field string, absent bool) bool {
	if v.IsNull() {
		return absent
	}
	b, ok := v.Bool()
	if !ok {
		r.bad(v.Line, "%s must be true or false, not %q. Correct it.", field, v.Str())
		return absent
	}
	if v.Quoted && !b {
		r.note("%s: '%s' stands in quotes. Rundeck reads that as true; it is imported as false.", field, v.Text)
	}
	return b
}

// known: fields that are carried out, and fields that are kept without effect
// (with what the report says of them).
var (
	knownFields = []string{"name", "group", "uuid", "id", "description", "loglevel", "executionEnabled", "nodeFilterEditable", "timeout", "multipleExecutions",
		"nodefilters", "sequence", "options", "idempotent", "project", "defaultTab", "nodesSelectedByDefault", "excludeFilterUncheck", "user"}
	keptFields = map[string]string{
		"schedule":                   "it is not started by its schedule yet",
		"scheduleEnabled":            "",
		"timeZone":                   "",
		"schedules":                  "it is not started by its schedule yet",
		"retry":                      "failed runs are not retried yet",
		"loglimit":                   "the server's own limit counts",
		"loglimitAction":             "",
		"loglimitStatus":             "",
		"notification":               "its notifications are not sent yet",
		"notifyAvgDurationThreshold": "",
		"tags":                       "nothing looks at them yet",
		"plugins":                    "they are not used yet",
		"maxMultipleExecutions":      "the number of runs at once is not limited yet",
	}
)

func parseOne(v *yamldoc.Value) (*Definition, *Problem) {
	d := &Definition{body: v, line: v.Line, Strategy: NodeFirst}
	r := &reader{d: d}
	if v.Kind != yamldoc.Map {
		return nil, &Problem{"", v.Line, "A job is a map with `name` and `sequence`. Correct it."}
	}
	d.Name = strings.TrimSpace(r.text(v.Get("name"), "name"))
	d.Group = strings.Trim(strings.TrimSpace(r.text(v.Get("group"), "group")), "/")
	d.UUID = r.text(v.Get("uuid"), "uuid")
	if d.UUID == "" {
		d.UUID = r.text(v.Get("id"), "id")
	}
	d.Description = r.text(v.Get("description"), "description")
	d.LogLevel = r.text(v.Get("loglevel"), "loglevel")
	name := d.FullName()
	switch {
	case d.Name == "":
		r.bad(v.Line, "The job has no name. Add `name: …`.")
	case len(d.Name) > 200 || len(d.Group) > 500 || len(d.UUID) > 200:
		r.bad(v.Line, "The job's name (200), group (500) or uuid (200 characters) is too long. Shorten it.")
	case strings.ContainsAny(d.Name, "/\r\n") || strings.ContainsAny(d.Group, "\r\n"):
		r.bad(v.Get("name").LineOf(), "A job's name has no \"/\" and no line break; the path before it is its `group`. Correct it.")
	}
	d.ExecutionEnabled = r.flag(v.Get("executionEnabled"), "executionEnabled", true)
	d.FilterEditable = r.flag(v.Get("nodeFilterEditable"), "nodeFilterEditable", true)
	d.Unselected = !r.flag(v.Get("nodesSelectedByDefault"), "nodesSelectedByDefault", true)
	d.Multiple = r.flag(v.Get("multipleExecutions"), "multipleExecutions", false)
	d.Idempotent = r.flag(v.Get("idempotent"), "idempotent", false)
	d.Timeout = strings.TrimSpace(r.text(v.Get("timeout"), "timeout"))
	if d.Timeout != "" && !refRE.MatchString(d.Timeout) {
		if t, ok := Duration(d.Timeout); !ok {
			r.bad(v.Get("timeout").Line, "timeout %q is not a duration. Write it like 90, 15m or 1h30m.", d.Timeout)
		} else if t == 0 {
			d.Timeout = ""
		}
	}
	for _, f := range v.Fields {
		if slices.Contains(knownFields, f.Key) || f.Value.IsNull() {
			continue
		}
		why, kept := keptFields[f.Key]
		switch {
		case f.Key == "orchestrator":
			r.cannot("it has an orchestrator, which would run on fewer nodes at a time than Muster can promise yet")
		case !kept:
			r.idle("", f.Key, fmt.Sprintf("not known here and has no effect (line %d)", f.Line))
		case why != "":
			r.idle("", f.Key, why)
		}
	}
	if r.flag(v.Get("excludeFilterUncheck"), "excludeFilterUncheck", false) {
		r.idle("", "excludeFilterUncheck", "excluded nodes cannot be picked here")
	}
	r.options(v.Get("options"))
	r.nodes(v.Get("nodefilters"))
	r.sequence(v.Get("sequence"), v.Line)
	if !d.ExecutionEnabled {
		r.cannot("its executionEnabled is false")
	}
	r.references()
	if r.fail != nil {
		r.fail.Name = name
		return nil, r.fail
	}
	return d, nil
}

// others reports the fields of a part that are not known here.
func (r *reader) others(v *yamldoc.Value, part string, known ...string) {
	if v.Kind != yamldoc.Map {
		return
	}
	for _, f := range v.Fields {
		if !slices.Contains(known, f.Key) && !f.Value.IsNull() {
			r.idle("", part+"."+f.Key, fmt.Sprintf("not known here and has no effect (line %d)", f.Line))
		}
	}
}

func (r *reader) nodes(v *yamldoc.Value) {
	d := r.d
	d.ThreadCount = "1"
	if v.IsNull() {
		return
	}
	if v.Kind != yamldoc.Map {
		r.bad(v.Line, "nodefilters must be a map with `filter` and `dispatch`. Correct it.")
		return
	}
	d.Filter = strings.TrimSpace(r.text(v.Get("filter"), "nodefilters.filter"))
	d.Exclude = strings.TrimSpace(r.text(v.Get("filterExclude"), "nodefilters.filterExclude"))
	r.others(v, "nodefilters", "filter", "filterExclude", "include", "exclude", "dispatch")
	// The older form: include and exclude maps.
	if inc := v.Get("include"); d.Filter == "" && !inc.IsNull() {
		d.Filter = r.oldFilter(inc)
	}
	if exc := v.Get("exclude"); d.Exclude == "" && !exc.IsNull() {
		d.Exclude = r.oldFilter(exc)
	}
	for _, f := range []struct{ name, text string }{{"filter", d.Filter}, {"filterExclude", d.Exclude}} {
		if f.text == "" {
			continue
		}
		if _, err := node.ParseFilter(refRE.ReplaceAllString(f.text, "x")); err != nil {
			r.bad(v.Line, "nodefilters.%s: %s", f.name, err)
		}
	}
	x := v.Get("dispatch")
	if x.IsNull() {
		return
	}
	r.others(x, "dispatch", "threadcount", "keepgoing", "excludePrecedence", "successOnEmptyNodeFilter", "rankAttribute", "rankOrder")
	if t := strings.TrimSpace(r.text(x.Get("threadcount"), "threadcount")); t != "" {
		d.ThreadCount = t
		if !refRE.MatchString(t) {
			if _, ok := count(t); !ok {
				r.bad(x.Get("threadcount").Line, "threadcount %q is not a number from 1 to %d. Correct it.", t, MaxThreads)
			}
		}
	}
	d.NodeKeepgoing = r.flag(x.Get("keepgoing"), "dispatch.keepgoing", false)
	d.IncludeWins = !r.flag(x.Get("excludePrecedence"), "dispatch.excludePrecedence", true)
	d.SuccessOnEmpty = r.flag(x.Get("successOnEmptyNodeFilter"), "dispatch.successOnEmptyNodeFilter", false)
	d.RankAttribute = r.text(x.Get("rankAttribute"), "dispatch.rankAttribute")
	switch o := r.text(x.Get("rankOrder"), "dispatch.rankOrder"); o {
	case "", "ascending":
	case "descending":
		d.RankDescending = true
	default:
		r.bad(x.Line, "rankOrder is ascending or descending, not %q. Correct it.", o)
	}
}

func (r *reader) oldFilter(v *yamldoc.Value) string {
	var toks []node.Token
	for _, f := range v.Fields {
		if f.Key == "dominant" || f.Value.Str() == "" {
			continue
		}
		toks = append(toks, node.Token{Key: f.Key, Value: f.Value.Str()})
	}
	return node.Format(toks)
}

func (r *reader) sequence(v *yamldoc.Value, line int) {
	d := r.d
	if v.IsNull() || v.Kind != yamldoc.Map {
		r.bad(max(v.LineOf(), line), "The job has no sequence. Add `sequence:` with `commands:`.")
		return
	}
	d.Keepgoing = r.flag(v.Get("keepgoing"), "sequence.keepgoing", false)
	if s := r.text(v.Get("strategy"), "strategy"); s != "" {
		d.Strategy = s
	}
	switch d.Strategy {
	case NodeFirst, Sequential, Parallel:
	case "step-first":
		d.Strategy = Sequential
	default:
		r.cannot("its strategy %q is not available yet; use node-first, sequential or parallel", d.Strategy)
	}
	if pc := v.Get("pluginConfig"); !pc.IsNull() && pc.Kind == yamldoc.Map {
		for _, f := range pc.Fields {
			r.idle("", "the sequence's "+f.Key, "has no effect yet")
		}
	}
	r.others(v, "sequence", "keepgoing", "strategy", "commands", "pluginConfig")
	cmds := v.Get("commands")
	if cmds.IsNull() || cmds.Kind != yamldoc.List || len(cmds.Items) == 0 {
		r.bad(max(cmds.LineOf(), v.Line), "The sequence has no commands. Add at least one step, such as `- exec: uptime`.")
		return
	}
	if len(cmds.Items) > maxSteps {
		r.bad(cmds.Line, "The sequence has more than %d steps. Split the job.", maxSteps)
		return
	}
	for i, c := range cmds.Items {
		if !r.flag(c.Get("enabled"), fmt.Sprintf("step %d enabled", i+1), true) {
			r.note("Step %d is switched off (enabled: false) and is left out.", i+1)
			continue
		}
		if s := r.step(c, fmt.Sprintf("step %d", i+1), true); s != nil {
			d.Steps = append(d.Steps, *s)
		}
	}
	if len(d.Steps) == 0 {
		r.bad(cmds.Line, "Every step of the sequence is switched off. Switch one on.")
	}
}

// unseen are characters that show nothing, or turn around what is beside them.
func unseen(c rune) bool {
	return unicode.IsControl(c) || unicode.In(c, unicode.Cf, unicode.Zl, unicode.Zp)
}

var stepFields = []string{"exec", "script", "scriptfile", "scripturl", "args", "scriptInterpreter", "interpreterArgsQuoted", "fileExtension",
	"expandTokenInScriptFile", "type", "nodeStep", "configuration", "jobref", "description", "errorhandler", "keepgoingOnSuccess", "plugins",
	"conditionGroups", "subSteps", "enabled"}

func (r *reader) step(v *yamldoc.Value, where string, handlers bool) *Step {
	if v.Kind != yamldoc.Map {
		r.bad(v.Line, "%s is not a map. Write it like `- exec: uptime`.", where)
		return nil
	}
	s := &Step{Description: r.text(v.Get("description"), where+" description")}
	has := func(k string) bool { return !v.Get(k).IsNull() }
	var types []string
	for _, k := range []string{"exec", "script", "scriptfile", "scripturl", "jobref", "type"} {
		if has(k) {
			types = append(types, k)
		}
	}
	if len(types) > 1 {
		r.say(true, where, node.CannotRun, types, "is "+strings.Join(types, " and ")+" at once, of which only one would be carried out; make it as many steps")
	}
	switch {
	case has("exec"):
		s.Kind, s.ExecText = "exec", r.text(v.Get("exec"), where+" exec")
		s.Exec = parseShell(s.ExecText, r.d.Options, r.d.trust)
		if strings.TrimSpace(s.ExecText) == "" {
			r.bad(v.Get("exec").Line, "%s has an empty exec. Write the command.", where)
		}
		r.unsafe(where, s.Exec)
	case has("script"):
		s.Kind, s.Script = "script", r.text(v.Get("script"), where+" script")
		if strings.TrimSpace(s.Script) == "" {
			r.bad(v.Get("script").Line, "%s has an empty script. Write it.", where)
		}
		r.codeInScript(where, s.Script)
		if strings.Contains(s.Script, "@@") {
			r.say(false, where, node.Note, nil, "has @@ in its script, which is Rundeck's way to write a single @ and becomes one")
		}
		s.Args = r.text(v.Get("args"), where+" args")
		s.Interpreter = r.text(v.Get("scriptInterpreter"), where+" scriptInterpreter")
		s.Extension = r.text(v.Get("fileExtension"), where+" fileExtension")
		if refRE.MatchString(s.Interpreter) {
			r.interpreter(where, s.Interpreter)
		}
		if r.flag(v.Get("interpreterArgsQuoted"), where+" interpreterArgsQuoted", false) {
			r.say(true, where, node.CannotRun, []string{"interpreterArgsQuoted"}, "has interpreterArgsQuoted, which is not available yet")
		}
		if s.Extension != "" && !extRE.MatchString(s.Extension) {
			r.bad(v.Get("fileExtension").Line, "%s: fileExtension %q has other characters than letters and digits. Correct it.", where, s.Extension)
		}
		if _, err := splitArgs(s.Args); err != nil {
			r.bad(v.Get("args").Line, "%s: %s", where, err)
		} else if s.Interpreter != "" && len(ParsePlain(s.Args).Refs()) > 0 {
			text := started(s.Interpreter, s.Args)
			t := &Template{}
			sc := scanner{t: t, text: text, trust: r.d.trust, need: word, frames: []frame{{kind: command}}}
			sc.run()
			sc.judge(nil)
			r.unsafe(where, t)
		}
	default:
		s.Kind = "step"
		for _, k := range []string{"scriptfile", "scripturl", "jobref", "type"} {
			if has(k) {
				s.Kind = k
				if k == "type" {
					if s.Kind = v.Get("type").Str(); s.Kind == "" {
						s.Kind = "type"
					}
				}
				break
			}
		}
		if s.Kind == "step" {
			r.bad(v.Line, "%s has no exec, script or other step type. Add one.", where)
			return nil
		}
		r.say(true, where, node.CannotRun, []string{s.Kind}, "is of the type "+s.Kind+", which cannot be run yet")
	}
	for _, f := range v.Fields {
		if !slices.Contains(stepFields, f.Key) {
			r.idle(where, f.Key, fmt.Sprintf("not known here and has no effect (line %d)", f.Line))
		}
	}
	if has("plugins") {
		r.idle(where, "plugins", "has no effect yet")
	}
	s.KeepgoingOnSuccess = r.flag(v.Get("keepgoingOnSuccess"), where+" keepgoingOnSuccess", false)
	if h := v.Get("errorhandler"); !h.IsNull() {
		if !handlers {
			r.bad(h.Line, "%s: an error handler has no error handler of its own. Remove it.", where)
			return nil
		}
		s.Handler = r.step(h, where+" error handler", false)
	}
	return s
}

var extRE = regexp.MustCompile(`^\.?[A-Za-z0-9]{1,20}$`)

// unsafe reports what keeps an exec from running.
func (r *reader) unsafe(where string, t *Template) {
	for _, why := range t.Unsafe {
		var tokens []string
		for _, token := range strings.Fields(why) { // they come first
			if !strings.HasPrefix(token, "$") {
				break
			}
			tokens = append(tokens, strings.TrimSuffix(token, ","))
		}
		r.say(true, where, node.RawValue, tokens, why)
	}
	if t.Raw() {
		r.say(true, where, node.RawValue, []string{"${unquotedoption.…}"}, "${unquotedoption.…} hands a caller's text to the shell, which this project does not allow: whatever a caller types there is read by the shell; use ${option.…}, which is quoted")
	}
}

// codeInScript reports variables that would put a caller's text into a script.
func (r *reader) codeInScript(where, script string) {
	var tokens, envs []string
	for _, ref := range scriptRefs(script) {
		token := "@" + ref.Context + "." + ref.Key + "@"
		if r.d.trust(ref) > free || slices.Contains(tokens, token) || !r.d.gives(ref, true) {
			continue
		}
		tokens = append(tokens, token)
		if ref.Context == "option" || ref.Context == "unquotedoption" {
			envs = append(envs, `"$`+EnvName(ref.Key)+`"`)
		} else {
			envs = append(envs, `"$RD_`+strings.ToUpper(ref.Context)+"_"+node.EnvWord(ref.Key)+`"`)
		}
	}
	if len(tokens) > 0 {
		r.say(true, where, node.RawValue, tokens, strings.Join(tokens, ", ")+" would become part of the script as code, whatever a caller types there, which this project does not allow; use "+strings.Join(envs, ", ")+" instead, which the step's environment holds, or limit the option to letters, digits and ._:/@+- by its regex, or to enforced values")
	}
}

// interpreter reports variables in what a script is run with.
func (r *reader) interpreter(where, text string) {
	for _, ref := range ParsePlain(text).Refs() {
		if r.d.trust(ref) < word {
			r.say(true, where, node.RawValue, []string{ref.String()}, ref.String()+" in scriptInterpreter is read by the shell; write the interpreter out")
		}
	}
}

// started is the command that a script is started with. An interpreter on another
// machine, or one that reads a program, may read its arguments again.
func started(interpreter, args string) string {
	const file = "/tmp/script"
	text := strings.ReplaceAll(interpreter, "${scriptfile}", file)
	if text == interpreter {
		text += " " + file
	}
	words, _ := splitArgs(args)
	for _, w := range words {
		text += " "
		for _, p := range ParsePlain(w).parts {
			if p.ref != nil {
				text += p.ref.String()
			} else {
				text += Quote(p.text)
			}
		}
	}
	return text
}

// Variables of the environment that Rundeck sets and Muster cannot.
var envRE = regexp.MustCompile(`\bRD_(GLOBALS|DATA|EXPORT|RESULT|FILE|PLUGIN|JOB)_([A-Z0-9_]+)`)

// references reports variables that have no value here. A blank in its place
// could mean anything, "rm -rf /srv/" above all, so such a job does not run.
func (r *reader) references() {
	see := func(where string, handler bool, refs []Ref) {
		for _, ref := range refs {
			switch {
			case ref.Context == "option" || ref.Context == "unquotedoption":
				if _, ok := r.d.Option(ref.Key); !ok {
					r.say(false, where, node.Note, []string{ref.String()}, "uses "+ref.String()+", but the job has no option "+ref.Key+", so that it becomes blank")
				}
			case !r.d.gives(ref, handler):
				r.missing(where, ref.String())
			}
		}
	}
	for i, s := range r.d.Steps {
		for x, handler := &s, false; x != nil; x, handler = x.Handler, true {
			where := fmt.Sprintf("step %d", i+1)
			if handler {
				where += " error handler"
			}
			if x.Exec != nil {
				see(where, handler, x.Exec.Refs())
			}
			see(where, handler, ParsePlain(x.Args).Refs())
			see(where, handler, ParsePlain(x.Interpreter).Refs())
			for _, ref := range scriptRefs(x.Script) {
				if ref.Context != "option" && ref.Context != "unquotedoption" && !r.d.gives(ref, handler) {
					r.missing(where, "@"+ref.Context+"."+ref.Key+"@")
				}
			}
			for _, m := range envRE.FindAllStringSubmatch(x.ExecText+"\n"+x.Script, -1) {
				if m[1] == "JOB" && jobEnv[m[2]] || m[1] == "RESULT" && handler && resultEnv[m[2]] {
					continue
				}
				r.missing(where, "$"+m[0])
			}
		}
	}
	// What these come to is shown with the run, and stands in messages.
	for _, x := range []struct{ where, text string }{{"the node filter", r.d.Filter + " " + r.d.Exclude}, {"the thread count", r.d.ThreadCount}, {"the timeout", r.d.Timeout}} {
		for _, ref := range ParsePlain(x.text).Refs() {
			if ref.Context != "option" && ref.Context != "unquotedoption" && (x.where != "the timeout" || ref.Context != "job" || !r.d.gives(ref, false)) {
				r.missing(x.where, ref.String())
			}
			if o, ok := r.d.Option(ref.Key); ok && o.Secure && (ref.Context == "option" || ref.Context == "unquotedoption") {
				r.cannot("%s uses the secure option %s, whose value would be seen there; use an option that is not secure", x.where, ref.Key)
			}
		}
	}
	see("the node filter", false, slices.DeleteFunc(ParsePlain(r.d.Filter+" "+r.d.Exclude).Refs(), func(ref Ref) bool { return ref.Context != "option" && ref.Context != "unquotedoption" }))
	r.ranLater()
}

func (r *reader) missing(where, token string) {
	for i := range r.d.remarks {
		if m := &r.d.remarks[i]; m.Step == where && m.Kind == node.NoValue {
			if !slices.Contains(m.Tokens, token) {
				m.Tokens = append(m.Tokens, token)
			}
			m.Text = noValue(m.Tokens)
			return
		}
	}
	r.d.remarks = append(r.d.remarks, finding{node.Remark{Step: where, Kind: node.NoValue, Tokens: []string{token}, Text: noValue([]string{token})}, true})
}

func noValue(tokens []string) string {
	return "uses " + strings.Join(tokens, ", ") + ", which Muster has no value for yet, and a blank instead could do harm; write the value out, or take an option"
}

// gives says whether a variable has a value when a step runs; in an error handler
// there are some of what failed.
func (d *Definition) gives(ref Ref, handler bool) bool {
	switch ref.Context {
	case "option", "unquotedoption", "node":
		return true
	case "job":
		_, ok := jobTrust[strings.ToLower(ref.Key)]
		return ok
	case "result":
		return handler && resultKeys[ref.Key]
	}
	return false
}

var resultKeys, resultEnv, jobEnv = map[string]bool{"reason": true, "message": true, "resultCode": true}, map[string]bool{}, map[string]bool{}

func init() {
	for k := range resultKeys {
		resultEnv[node.EnvWord(k)] = true
	}
	for k := range jobTrust {
		jobEnv[node.EnvWord(k)] = true
	}
}

// ranLater refuses a job in which one step writes a value into a file that
// another has run.
func (r *reader) ranLater() {
	type at struct {
		step int
		name string
	}
	var runs []at
	for i, s := range r.d.Steps {
		for x := &s; x != nil; x = x.Handler {
			switch {
			case x.Exec != nil:
				for name := range x.Exec.files.run {
					runs = append(runs, at{i, name})
				}
			case x.Kind == "script" && shellScript(x):
				for name := range readShell(x.Script, nil, func(Ref) trust { return number }).files.run {
					runs = append(runs, at{i, name})
				}
			}
		}
	}
	for i, s := range r.d.Steps {
		for x := &s; x != nil; x = x.Handler {
			if x.Exec == nil {
				continue
			}
			for _, name := range sortedKeys(x.Exec.files.written) {
				for _, u := range runs {
					if by := x.Exec.files.written[name]; u.name == name && u.step != i {
						r.say(true, fmt.Sprintf("step %d", i+1), node.RawValue, by.tokens(), fmt.Sprintf("%s is put into the file %s, which step %d has run; hand it over as an argument, or limit the option to letters, digits and ._:/@+- by its regex, or to enforced values", by, name, u.step+1))
					}
				}
			}
		}
	}
}

// shellScript says whether a script is read by a shell.
func shellScript(s *Step) bool {
	first, _, _ := strings.Cut(s.Script, "\n")
	with := s.Interpreter
	if with == "" && strings.HasPrefix(first, "#!") {
		with = first[2:]
	}
	return with == "" || slices.ContainsFunc(strings.Fields(with), func(f string) bool { return slices.Contains(shellNames, base(f)) })
}
