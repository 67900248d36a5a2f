package job

import (
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"

	"muster/internal/fault"
)

// trust is how far a value can be believed, by what may stand in it. Where a
// value could be read as code, only one that cannot be code is put.
type trust int

const (
	free    trust = iota // whatever a caller writes
	author               // one of the texts the job's author wrote; a caller only chooses
	word                 // word characters and ._:/@+- alone
	number               // digits alone: also where a shell calculates
	nothing              // no value is
)

// plain says whether a character means nothing to a shell or to any other
// program, wherever it stands in a word.
func plain(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_.:/@+-", r)
}

func digit(r rune) bool { return r >= '0' && r <= '9' }

// fits says whether a value is of what its trust promises. The comma joins the
// values of one option that takes several.
func (t trust) fits(v string) bool {
	switch t {
	case number:
		return !strings.ContainsFunc(v, func(r rune) bool { return !digit(r) })
	case word:
		return !strings.ContainsFunc(v, func(r rune) bool { return !plain(r) && r != ',' })
	}
	return true
}

// worth is the trust of a text that is known.
func worth(v string) trust {
	switch {
	case v != "" && number.fits(v):
		return number
	case !strings.ContainsFunc(v, func(r rune) bool { return !plain(r) }):
		return word
	}
	return author
}

// admits says whether every text that an expression matches whole consists of
// characters that ok takes. It looks at the expression, not at texts, and says no
// where it cannot tell.
func admits(re *syntax.Regexp, ok func(rune) bool) bool {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpNoMatch, syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return true
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			if !ok(r) {
				return false
			}
			if re.Flags&syntax.FoldCase != 0 {
				for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
					if !ok(f) && !folded(f) {
						return false
					}
				}
			}
		}
		return true
	case syntax.OpCharClass:
		for i := 0; i+1 < len(re.Rune); i += 2 {
			if re.Rune[i+1]-re.Rune[i] > 128 {
				return false
			}
			for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
				if !ok(r) && !folded(r) {
					return false
				}
			}
		}
		return true
	case syntax.OpCapture, syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat, syntax.OpConcat, syntax.OpAlternate:
		return !slices.ContainsFunc(re.Sub, func(s *syntax.Regexp) bool { return !admits(s, ok) })
	}
	return false
}

// folded: what (?i) adds to s and k. The values themselves are held to plain.
func folded(r rune) bool { return r == '\u017f' || r == '\u212a' }

// trust of an option's checked value.
func (o Option) trust() trust {
	t := free
	switch {
	case o.Secure && o.StoragePath != "": // comes from key storage, where nothing checks it
		return free
	case o.Enforced && len(o.Values) > 0:
		t = number
		for _, v := range o.Values {
			t = min(t, worth(v))
		}
	case o.Regex != "" && o.re != nil:
		if re, err := syntax.Parse(o.Regex, syntax.Perl); err == nil {
			switch {
			case admits(re, digit):
				t = number
			case admits(re, plain):
				t = word
			}
		}
	case o.Type == "date":
		if _, ok := dateLayout(o.DateFormat); ok && !strings.ContainsFunc(o.DateFormat, func(r rune) bool { return !plain(r) }) {
			t = word
		}
	}
	if o.Multivalued && t > free && o.Delimiter != "," {
		switch d := worth(o.Delimiter); {
		case d >= word:
			t = min(t, word)
		case t == author || strings.TrimSpace(o.Delimiter) != "" || strings.ContainsAny(o.Delimiter, "\r\n"):
			t = free // what joins them could end a command
		default:
			t = author
		}
	} else if o.Multivalued {
		t = min(t, word)
	}
	return t
}

// Muster's own variables of a job, with what can stand in them. What a list says
// of a node is held to that when a step begins (see Template.Held).
var (
	jobTrust = map[string]trust{"name": author, "group": author, "id": word, "execid": number, "project": word, "username": word, "user.name": word, "loglevel": word,
		"url": word, "serverurl": word, "executiontype": word, "executionuuid": word, "wasretry": word, "retryattempt": number, "threadcount": number,
		"successonemptynodefilter": word, "filter": free}
	nodeTrust = map[string]trust{"name": word, "nodename": word, "hostname": word, "username": word, "osfamily": word, "osname": word, "osarch": word, "osversion": word}
)

// musterTrust is the trust of a variable that is not an option.
func musterTrust(r Ref) trust {
	switch r.Context {
	case "job":
		return jobTrust[strings.ToLower(r.Key)]
	case "node":
		return nodeTrust[strings.ToLower(strings.ReplaceAll(r.Key, "-", ""))]
	}
	return free
}

// trust of any variable of the job.
func (d *Definition) trust(r Ref) trust {
	switch r.Context {
	case "option", "unquotedoption":
		if o, ok := d.Option(r.Key); ok {
			return o.trust()
		}
		return number // there is none, so it is blank
	case "job":
		switch strings.ToLower(r.Key) {
		case "name":
			return worth(d.Name)
		case "group":
			return worth(d.Group)
		}
	}
	return musterTrust(r)
}

// held refuses a value that is not of what its place was allowed for.
func held(r Ref, t trust, v string) error {
	if t.fits(v) {
		return nil
	}
	what := "letters, digits and ._:/@+-"
	if t == number {
		what = "digits"
	}
	return fault.Newf(fault.Invalid, "The value of %s has other characters than %s, and the job uses it where others could be read as code. Change the value, or the step.", r, what)
}
