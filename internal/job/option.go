package job

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"muster/internal/fault"
	"muster/internal/yamldoc"
)

// Option is an input of a job.
type Option struct {
	Name, Label, Description, Type string // Type: text or date
	Required, Enforced             bool
	Values                         []string
	Regex                          string
	Multivalued                    bool
	Delimiter                      string
	AllSelected                    bool
	Secure                         bool // shown nowhere, masked in logs
	Exposed                        bool // of a secure one: steps may see it
	StoragePath                    string
	Hidden                         bool
	Default                        string
	HasDefault                     bool
	DateFormat                     string
	re                             *regexp.Regexp
}

var optionName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`)

var optionFields = []string{"name", "label", "type", "description", "value", "values", "valuesListDelimiter", "valuesUrl", "required", "enforced", "regex",
	"multivalued", "delimiter", "multivalueAllSelected", "secure", "valueExposed", "storagePath", "isDate", "dateFormat", "sortValues", "hidden", "sortIndex",
	"configRemoteUrl", "optionValuesPluginType", "valuesFromPlugin"}

func (r *reader) options(v *yamldoc.Value) {
	if v.IsNull() {
		return
	}
	type named struct {
		name string
		v    *yamldoc.Value
		line int
	}
	var list []named
	switch v.Kind {
	case yamldoc.List:
		for _, it := range v.Items {
			list = append(list, named{it.Get("name").Str(), it, it.Line})
		}
	case yamldoc.Map:
		for _, f := range v.Fields {
			if f.Key == "preserveOrder" && f.Value.Kind != yamldoc.Map {
				continue // belongs to the map, and is always so here
			}
			list = append(list, named{f.Key, f.Value, f.Line})
		}
	default:
		r.bad(v.Line, "options must be a list (or a map by name). Correct it.")
		return
	}
	if len(list) > maxOptions {
		r.bad(v.Line, "The job has more than %d options. Reduce them.", maxOptions)
		return
	}
	seen, envs := map[string]bool{}, map[string]string{}
	for _, n := range list {
		if !n.v.IsNull() && n.v.Kind != yamldoc.Map {
			r.bad(n.line, "The option %s is not a map. Write its fields below it.", n.name)
			continue
		}
		if !optionName.MatchString(n.name) {
			r.bad(n.line, "The option name %q is missing, or has other characters than letters, digits, dot, dash and underscore. Correct it.", n.name)
			continue
		}
		if seen[n.name] {
			r.bad(n.line, "The option %s is given twice. Keep one.", n.name)
			continue
		}
		if other := envs[EnvName(n.name)]; other != "" {
			r.bad(n.line, "The options %s and %s would share the variable %s. Rename one.", other, n.name, EnvName(n.name))
			continue
		}
		seen[n.name], envs[EnvName(n.name)] = true, n.name
		r.d.Options = append(r.d.Options, r.option(n.name, n.v))
	}
}

func (r *reader) option(name string, v *yamldoc.Value) Option {
	where := "option " + name + " "
	get := func(k string) *yamldoc.Value { return v.Get(k) }
	o := Option{Name: name, Type: "text", Label: r.text(get("label"), where+"label"), Description: r.text(get("description"), where+"description"),
		Required: r.flag(get("required"), where+"required", false), Enforced: r.flag(get("enforced"), where+"enforced", false),
		Regex: r.text(get("regex"), where+"regex"), Multivalued: r.flag(get("multivalued"), where+"multivalued", false),
		Delimiter: r.text(get("delimiter"), where+"delimiter"), AllSelected: r.flag(get("multivalueAllSelected"), where+"multivalueAllSelected", false),
		Secure: r.flag(get("secure"), where+"secure", false), StoragePath: strings.TrimPrefix(r.text(get("storagePath"), where+"storagePath"), "/"),
		Hidden: r.flag(get("hidden"), where+"hidden", false), DateFormat: r.text(get("dateFormat"), where+"dateFormat")}
	if d := get("value"); !d.IsNull() {
		o.Default, o.HasDefault = r.text(d, where+"value"), true
	}
	if o.Delimiter == "" {
		o.Delimiter = ","
	}
	switch t := r.text(get("type"), where+"type"); t {
	case "", "text", "plain", "date", "multiline":
		if t == "date" {
			o.Type = "date"
		}
	case "file":
		r.cannot("the option %s takes a file, which is not available yet", name)
	default:
		r.note("The type %q of the option %s is not known here; it is taken as text.", t, name)
	}
	if r.flag(get("isDate"), where+"isDate", false) {
		o.Type = "date"
	}
	if o.Type == "date" && o.DateFormat == "" {
		o.DateFormat = "MM/DD/YYYY hh:mm a"
	}
	if vs := get("values"); !vs.IsNull() {
		if vs.Kind == yamldoc.List {
			for _, it := range vs.Items {
				o.Values = append(o.Values, r.text(it, where+"values"))
			}
		} else {
			sep := r.text(get("valuesListDelimiter"), where+"valuesListDelimiter")
			if sep == "" {
				sep = ","
			}
			for s := range strings.SplitSeq(r.text(vs, where+"values"), sep) {
				o.Values = append(o.Values, strings.TrimSpace(s))
			}
		}
		if r.flag(get("sortValues"), where+"sortValues", false) {
			slices.Sort(o.Values)
		}
	}
	if !get("valuesUrl").IsNull() {
		if o.Enforced && len(o.Values) == 0 {
			r.cannot("the option %s is enforced, but its values come from an address (valuesUrl), which is not read yet; list them in `values`", name)
		} else {
			r.idle("", "valuesUrl of the option "+name, "not read yet")
		}
	} else if o.Enforced && len(o.Values) == 0 {
		r.cannot("the option %s is enforced, but has no values; list them in `values`", name)
	}
	if o.Regex != "" {
		_, err := regexp.Compile(o.Regex) // by itself first: "a)|(?:b" is none
		var re *regexp.Regexp
		if err == nil {
			re, err = regexp.Compile(`^(?:` + o.Regex + `)$`)
		}
		if err != nil {
			r.cannot("the regex of the option %s is not one Muster can check (RE2 syntax, so no look-ahead); rewrite it", name)
		}
		o.re = re
	}
	if o.Secure {
		x := get("valueExposed")
		o.Exposed = r.flag(x, where+"valueExposed", r.mentioned(name))
		if o.Multivalued {
			r.bad(v.LineOf(), "The secure option %s cannot be multivalued. Correct it.", name)
		}
		if o.HasDefault && o.Default != "" {
			r.note("The secure option %s has its default in the job text, which everybody who reads the job can see. Use storagePath.", name)
		}
		if x.IsNull() && o.Exposed {
			r.note("The secure option %s does not say valueExposed; it is given to the steps because they use it.", name)
		}
	} else if o.StoragePath != "" {
		r.idle("", "storagePath of the option "+name, "has no effect, since the option is not secure")
		o.StoragePath = ""
	}
	for _, f := range []string{"configRemoteUrl", "optionValuesPluginType", "valuesFromPlugin"} {
		if !get(f).IsNull() {
			r.idle("", f+" of the option "+name, "has no effect yet")
		}
	}
	for _, x := range append([]string{o.Default}, o.Values...) {
		if i := strings.Index(x, "${"); i >= 0 {
			r.note("A value of the option %s has %s in it, which stays as it is written. Write the value out.", name, Shorten(x[i:], 40))
			break
		}
	}
	for _, f := range v.Keys() {
		if !slices.Contains(optionFields, f) {
			r.idle("", f+" of the option "+name, "not known here and has no effect")
		}
	}
	return o
}

// mentioned says whether a step uses the option.
func (r *reader) mentioned(name string) bool {
	var in func(v *yamldoc.Value) bool
	in = func(v *yamldoc.Value) bool {
		if v == nil {
			return false
		}
		if v.Kind == yamldoc.Scalar {
			return strings.Contains(v.Text, "option."+name+"}") || strings.Contains(v.Text, "option."+name+"@") || strings.Contains(v.Text, EnvName(name))
		}
		for _, it := range v.Items {
			if in(it) {
				return true
			}
		}
		for _, f := range v.Fields {
			if in(f.Value) {
				return true
			}
		}
		return false
	}
	return in(r.d.body.Get("sequence"))
}

// Problem with an option's value.
type OptionProblem struct {
	Option  string `json:"option"`
	Message string `json:"message"`
}

// Values are the checked values of a job's options.
type Values struct {
	text   map[string]string // by option; absent: no value
	stored map[string]string // secure options whose value is read from key storage when the run starts
}

// Get gives an option's value.
func (v Values) Get(name string) (string, bool) {
	s, ok := v.text[name]
	return s, ok
}

// Stored maps secure options to the key path their value comes from.
func (v Values) Stored() map[string]string { return v.stored }

// Set puts a value in, for one that came from key storage or a stored run.
func (v *Values) Set(name, value string) {
	if v.text == nil {
		v.text = map[string]string{}
	}
	v.text[name] = value
}

const maxOptionValue = 64 << 10

// Check validates what a caller gave. Every problem names its option and the
// remedy; the values are only of use without problems.
func (d *Definition) Check(given map[string][]string) (Values, []OptionProblem) {
	out := Values{text: map[string]string{}, stored: map[string]string{}}
	problems := []OptionProblem{}
	bad := func(name, format string, a ...any) {
		problems = append(problems, OptionProblem{name, fmt.Sprintf(format, a...)})
	}
	names := []string{}
	for _, o := range d.Options {
		names = append(names, o.Name)
	}
	for _, name := range sortedKeys(given) {
		if !slices.Contains(names, name) {
			if len(names) == 0 {
				bad(name, "The job %s has no option %q; it takes none. Leave it out.", d.FullName(), name)
			} else {
				bad(name, "The job %s has no option %q. Its options are %s.", d.FullName(), name, strings.Join(names, ", "))
			}
		}
	}
	for _, o := range d.Options {
		vals, ok := given[o.Name]
		if ok && (len(vals) == 0 || len(vals) == 1 && vals[0] == "") {
			// Emptied, which is not the same as left out: the default is not wanted.
			// A secure one is shown empty, so nobody can have emptied it.
			if ok = false; !o.Secure && (o.HasDefault && o.Default != "" || o.Multivalued && o.AllSelected) {
				if o.Required {
					bad(o.Name, "The option %s is required. Give it a value%s.", o.Name, o.hint())
				} else {
					out.text[o.Name] = ""
				}
				continue
			}
		}
		if !ok {
			switch {
			case o.Secure && o.StoragePath != "":
				out.stored[o.Name] = o.StoragePath
				continue
			case o.Multivalued && o.AllSelected && len(o.Values) > 0:
				vals = o.Values
			case o.HasDefault && o.Default != "":
				vals = []string{o.Default}
			case o.Required:
				bad(o.Name, "The option %s is required. Give it a value%s.", o.Name, o.hint())
				continue
			default:
				continue
			}
		}
		if !o.Multivalued && len(vals) > 1 {
			bad(o.Name, "The option %s takes one value, not %d. Give one.", o.Name, len(vals))
			continue
		}
		if o.Multivalued && len(vals) == 1 {
			vals = strings.Split(vals[0], o.Delimiter)
		}
		fine := true
		for _, v := range vals {
			if msg := o.check(v); msg != "" {
				bad(o.Name, "%s", msg)
				fine = false
				break
			}
		}
		if fine {
			out.text[o.Name] = strings.Join(vals, o.Delimiter)
		}
	}
	return out, problems
}

func (o Option) hint() string {
	switch {
	case len(o.Values) > 0:
		return ", for example " + strings.Join(o.Values[:min(len(o.Values), 5)], ", ")
	case o.Type == "date":
		return " in the form " + o.DateFormat
	case o.Description != "":
		return " (" + Shorten(strings.Join(strings.Fields(o.Description), " "), 100) + ")"
	}
	return ""
}

// check looks at one value; "" is right. A secure value is never repeated.
func (o Option) check(v string) string {
	shown := fmt.Sprintf("%q", Shorten(v, 60))
	if o.Secure {
		shown = "the value"
	}
	switch {
	case len(v) > maxOptionValue:
		return fmt.Sprintf("The option %s takes at most %d bytes; %d were given. Shorten it.", o.Name, maxOptionValue, len(v))
	case strings.ContainsRune(v, 0):
		return fmt.Sprintf("The option %s cannot hold a NUL character. Remove it.", o.Name)
	case o.Enforced && !slices.Contains(o.Values, v):
		return fmt.Sprintf("The option %s does not allow %s. Give one of %s.", o.Name, shown, strings.Join(o.Values, ", "))
	case o.Regex != "" && (o.re == nil || !o.re.MatchString(v)):
		return fmt.Sprintf("The option %s does not accept %s: it must match %s. Correct it.", o.Name, shown, o.Regex)
	case o.Type == "date":
		if layout, ok := dateLayout(o.DateFormat); ok {
			if _, err := time.Parse(layout, v); err != nil {
				return fmt.Sprintf("The option %s is a date; %s is not in the form %s. Write it like %s.", o.Name, shown, o.DateFormat, time.Date(2026, 11, 22, 13, 45, 0, 0, time.UTC).Format(layout))
			}
		}
	}
	return ""
}

// dateLayout turns a moment-style form into Go's. ok is false for one with
// parts Go cannot read; such values are taken as they are.
func dateLayout(form string) (string, bool) {
	parts := []struct{ from, to string }{
		{"YYYY", "2006"}, {"YY", "06"}, {"MMMM", "January"}, {"MMM", "Jan"}, {"MM", "01"}, {"M", "1"}, {"DD", "02"}, {"D", "2"},
		{"HH", "15"}, {"hh", "03"}, {"h", "3"}, {"mm", "04"}, {"m", "4"}, {"ss", "05"}, {"s", "5"}, {"A", "PM"}, {"a", "pm"}, {"ZZ", "-0700"}, {"Z", "-07:00"}, {"dddd", "Monday"}, {"ddd", "Mon"},
	}
	var b strings.Builder
next:
	for i := 0; i < len(form); {
		for _, p := range parts {
			if strings.HasPrefix(form[i:], p.from) {
				b.WriteString(p.to)
				i += len(p.from)
				continue next
			}
		}
		c := form[i]
		if c == 'T' && i > 0 || strings.IndexByte(" -/:.,_", c) >= 0 {
			b.WriteByte(c)
			i++
			continue
		}
		return "", false
	}
	return b.String(), true
}

// AsError turns problems into one error that names each option.
func AsError(ps []OptionProblem) error {
	if len(ps) == 0 {
		return nil
	}
	fs := make([]fault.FieldError, len(ps))
	for i, p := range ps {
		fs[i] = fault.FieldError{Field: "options." + p.Option, Message: p.Message}
		if p.Option == "filter" || p.Option == "threadcount" { // not options, but what follows from them
			fs[i].Field = p.Option
		}
	}
	return fault.Fields(fs...)
}

func sortedKeys[V any](m map[string]V) []string {
	out := []string{}
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
