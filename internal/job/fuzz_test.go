package job

import (
	"strings"
	"testing"
	"time"

	"muster/internal/job/shelltest"
	"muster/internal/node"
)

// together is every place of a value that needs no new process, in one text:
// each prints the value and a bar.
var together = ParseShell(`# ${option.x} stays out, 'even "here
printf '%s|' ${option.x} "${option.x}" '${option.x}' ""${option.x}'' "a"${option.x}'b'"${option.x}" ${option.x}${option.x}
_x=${option.x} _y="${option.x}" _z='${option.x}'; printf '%s|' "$_x" "$_y" "$_z"
{ _x=${option.x}; printf '%s|' "$_x"; }; if true; then # ${option.x}
	printf '%s|' "<${option.x}>" '<${option.x}>' <${option.none}/dev/null
fi
case ${option.x} in "${option.x}") printf '%s|' ${option.x} ;; *) printf 'not equal|' ;; esac
set -- ${option.x} "${option.x}"; printf '%s|' "$#" "$1" "$2"
_f() { printf '%s|' "$@"; }; _f ${option.x} '${option.x}'; [ "${option.x}" = ${option.x} ] && printf 'equal|'
Y=${HOME}; printf '%s|' "${option.x}$Y" "\"${option.x}\"" ${option.x}\' "it's ${option.x}" \\ "#${option.x}"`)

func expected(v string) string {
	return strings.Join([]string{v, v, v, v, "a" + v + "b" + v, v + v,
		v, v, v, v, "<" + v + ">", "<" + v + ">", v, "2", v, v, v, v, "equal",
		v + "/nowhere", `"` + v + `"`, v + "'", "it's " + v, `\`, "#" + v, ""}, "|")
}

// FuzzShells: wherever an author wrote a variable, the value arrives byte for
// byte in every shell, and nothing but the value.
func FuzzShells(f *testing.F) {
	if len(together.Unsafe) > 0 {
		f.Fatal(together.Unsafe)
	}
	shells := shelltest.Open(f)
	for _, v := range []string{
		"", "payments-api", "it's", `"`, `\`, "'\\''", "$(printf pwned)", "`printf pwned`", "${HOME}", "$'\\n'", "a\nb\n", "\n", "\r\n", "-n", "%s%n", "#", " # ", "~", "*", "!!", "{a,b}",
		"; exit 1", "& exit", "|| exit 1", "\x01\x7f\x81\x82\x88", "é", "\xff\xfe", "\xe3'", "\xc3\"", "振込\u202e", "&&\t||\v\f", "EOF\n", ")", "}", "]]", "<<X\nX\n", strings.Repeat("'\"\\", 30),
	} {
		f.Add(v)
	}
	subst := ParseShell(`printf '%s|' "$(printf %s. ${option.x})" "$(printf %s. "${option.x}")" "$(printf '%s' '${option.x}.')"`)
	if len(subst.Unsafe) > 0 {
		f.Fatal(subst.Unsafe)
	}
	n := 0
	f.Fuzz(func(t *testing.T, v string) {
		if strings.Contains(v, "\x00") || len(v) > 4096 {
			return // refused by Option.check; longer ones only take longer
		}
		text, want := together.Expand(lookup(v)), expected(v)
		// A new process costs as much as several texts.
		if n++; n%50 == 1 {
			text += "\n" + subst.Expand(lookup(v))
			want += v + ".|" + v + ".|" + v + ".|"
		}
		for _, s := range shells {
			got, err := s.File(text + "\n:\n")
			if err != nil {
				t.Fatalf("%q: %v\n%s", v, err, text)
			}
			if got != want {
				t.Fatalf("%s: %q\ngot  %q\nwant %q\n%s", s.Name, v, got, want, text)
			}
		}
	})
}

// FuzzTemplate: of whatever an author wrote nothing is lost or moved, and the
// time it takes grows with its length only.
func FuzzTemplate(f *testing.F) {
	for _, p := range places {
		f.Add(p, "$(echo pwned)")
	}
	f.Add("cat <<EOF\n${option.x}\nEOF", "EOF\n")
	f.Add("${option.x", "}")
	f.Add("$${option.x} \\${option.x} ${${option.x}}", "v")
	f.Add("@option.x@ ${node.name} ${globals.a-b}", "v")
	f.Fuzz(func(t *testing.T, text, value string) {
		for _, tpl := range []*Template{ParseShell(text), ParsePlain(text)} {
			var b strings.Builder
			for _, p := range tpl.parts {
				if p.ref != nil {
					b.WriteString(p.ref.String())
				}
				b.WriteString(p.text)
			}
			if b.String() != text {
				t.Fatalf("%q became %q", text, b.String())
			}
			if len(tpl.Refs()) == 0 && (tpl.Expand(lookup(value)) != text || len(tpl.Unsafe) > 0) {
				t.Fatalf("%q without a variable: %q, %v", text, tpl.Expand(lookup(value)), tpl.Unsafe)
			}
			for _, why := range tpl.Unsafe {
				if !strings.Contains(why, ";") {
					t.Fatalf("%q: %q has no remedy", text, why)
				}
			}
		}
		// A value is never looked at for variables again.
		if got, _ := ParsePlain("<${option.x}>").ExpandPlain(lookup(value)); got != "<"+value+">" {
			t.Fatalf("%q became %q", value, got)
		}
	})
}

// FuzzScript: a value in a script's text or arguments stays one piece.
func FuzzScript(f *testing.F) {
	f.Add("u@@h @option.x@ a@b @node.none@ @@", "-v ${option.x} \"c d\" p=${option.x} ${option.none} ''", "a b'$(id)")
	f.Add("@option.x@@option.x@", "${option.x}${option.none}", "@@ ${option.x} @option.x@")
	f.Add("", "'${option.x}' \"${option.x}\" a'b c'd", "' \" \n")
	f.Fuzz(func(t *testing.T, script, args, value string) {
		plain := expandScript(script, lookup(value))
		if want := strings.ReplaceAll(script, "@@", "@"); len(scriptRefs(script)) == 0 && plain != want {
			t.Fatalf("%q became %q, want %q", script, plain, want)
		}
		if got := expandScript("<@option.x@>", lookup(value)); got != "<"+value+">" {
			t.Fatalf("%q became %q", value, got)
		}
		words, err := splitArgs(args)
		if err != nil {
			if ExpandArgs(args, lookup(value)) != nil {
				t.Fatalf("%q is refused and used", args)
			}
			return
		}
		// How many arguments there are, and where a value stands, is the author's word alone.
		marked := ExpandArgs(args, lookup("\x01"))
		given := ExpandArgs(args, lookup(value))
		if len(given) != len(marked) || len(given) > len(words) {
			t.Fatalf("%q with %q: %q", args, value, given)
		}
		if strings.Contains(args, "\x01") {
			return
		}
		for i := range given {
			if want := strings.ReplaceAll(marked[i], "\x01", value); given[i] != want {
				t.Fatalf("%q with %q: %q, want %q", args, value, given[i], want)
			}
		}
	})
}

const optionJob = `
- name: options
  options:
    - {name: free}
    - {name: list, enforced: true, values: [web, db, "a b"]}
    - {name: many, multivalued: true, delimiter: ";", values: [x, y], enforced: true}
    - {name: form, regex: '[a-z]{1,8}(-[0-9]+)?'}
    - {name: day, type: date, dateFormat: YYYY-MM-DD}
    - {name: token, secure: true, valueExposed: true, regex: '[^ ]+'}
  nodefilters: {filter: 'tags: ${option.list} name: ${option.free} !zone: ${option.form}'}
  sequence: {commands: [{exec: 'echo ${option.free} ${option.token}'}]}
`

// FuzzOptions: what a caller gives is taken as the job says or refused by name;
// a secure value is never repeated, and no value becomes a clause of the filter.
func FuzzOptions(f *testing.F) {
	d := def(f, optionJob)
	f.Add("x", "web", "x;y", "app-12", "2026-11-22", "hunter2")
	f.Add("a,b", "nope", "x;;y", "APP", "22.11.2026", "two words")
	f.Add("x !name: y", "a b", "", "", "", "")
	f.Add("\x00", "\xff", strings.Repeat("x;", 50), "a\n", "2026-02-30", "\u2028")
	f.Add("/re(/", "db", "y", "a-", "0000-00-00", strings.Repeat("s", 70000))
	f.Fuzz(func(t *testing.T, free, list, many, form, day, token string) {
		given := map[string][]string{"free": {free}, "list": {list}, "many": {many}, "form": {form}, "day": {day}, "token": {token}}
		v, problems := d.Check(given)
		for _, p := range problems {
			if _, known := d.Option(p.Option); !known || p.Message == "" || len(p.Message) > 1000 {
				t.Fatalf("%+v", p)
			}
			if p.Option == "token" && len(token) > 3 && strings.Contains(strings.ReplaceAll(p.Message, "[^ ]+", ""), token) &&
				!strings.Contains("The option token does not accept the value: it must match . Correct it. takes at most 65536 bytes; were given. Shorten cannot hold a NUL character. Remove", token) {
				t.Fatalf("%q repeats %q", p.Message, token)
			}
		}
		if len(problems) > 0 {
			return
		}
		for name, in := range given {
			got, ok := v.Get(name)
			if ok != (in[0] != "") || ok && got != in[0] {
				t.Fatalf("%s = %q became %q, %v", name, in[0], got, ok)
			}
			if strings.Contains(got, "\x00") || len(got) > maxOptionValue {
				t.Fatalf("%s = %.100q was taken", name, got)
			}
		}
		get := func(r Ref) (string, bool) { return v.Get(r.Key) }
		filter, _, err := d.Filters(get)
		if err != nil {
			return
		}
		// Whatever stands in the values, a node with another tag is not picked.
		if filter.Match(node.Node{Name: "other", Tags: []string{"other"}, Attrs: map[string]string{"zone": "none"}}) {
			t.Fatalf("%v picks a node that has none of the tags", filter)
		}
	})
}

// FuzzDuration: a duration is refused or lies between nothing and a century, and
// the order of its parts does not matter.
func FuzzDuration(f *testing.F) {
	for _, s := range []string{"90", "1h30m", "2d 4h", "1m 30", "99999999999999999999", "9999999999999y", "1w1w", " ", "1\t2", "0s", "-1", "1.5h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := Duration(s)
		if !ok {
			return
		}
		if got < 0 || got > 100*365*24*time.Hour {
			t.Fatalf("%q = %v", s, got)
		}
		if again, ok := Duration(" " + s + " 0s"); !ok || again != got {
			t.Fatalf("%q = %v, and with nothing more %v", s, got, again)
		}
	})
}
