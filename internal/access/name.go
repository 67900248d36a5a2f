package access

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"muster/internal/actor"
	"muster/internal/db"
)

// maxGroup is the longest name of a group: that of a directory's entry, written whole.
const maxGroup = 256

// CleanName is the form in which the names of groups are kept: as written, but
// without blanks around it, and with one way of writing each accented letter.
func CleanName(name string) string { return norm.NFC.String(strings.TrimSpace(name)) }

// CannotBeGroup says why nothing can be a group of this name, "" when it can.
func CannotBeGroup(name string) string {
	switch {
	case name == "":
		return "it is empty"
	case !utf8.ValidString(name):
		return "it is not UTF-8 text"
	case utf8.RuneCountInString(name) > maxGroup:
		return fmt.Sprintf("it has more than %d characters", maxGroup)
	case strings.TrimSpace(name) != name:
		return "it has blanks around it"
	case strings.ContainsFunc(name, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
	}):
		return "it has characters that cannot be seen"
	}
	return ""
}

// someone matches the names of groups and people. They are compared by
// actor.SameGroup, so an expression does not regard case either.
type someone struct {
	pattern
	folded pattern // the expression without regard to case; its text is folded
}

func compileSomeone(text string, line int) (someone, error) {
	text = norm.NFC.String(text)
	if asWritten(text) {
		return someone{pattern: literal(text), folded: literal(actor.FoldGroup(text))}, nil
	}
	p, err := compile(text, line)
	if err != nil || p.re == nil {
		return someone{pattern: p, folded: literal(actor.FoldGroup(text))}, err
	}
	f, err := compile("(?i:"+text+")", line)
	f.text = actor.FoldGroup(text)
	return someone{p, f}, err
}

// asWritten says whether a name is no expression to Rundeck, although it is not one
// of ours either: a directory's DOMAIN\Ops, and C++, whose second + nobody means.
func asWritten(text string) bool {
	_, err := regexp.Compile(text)
	se, ok := errors.AsType[*syntax.Error](err)
	if !ok {
		return false
	}
	switch se.Code {
	case syntax.ErrInvalidEscape:
		c, found := strings.CutPrefix(se.Expr, `\`)
		if !found || c == "" {
			return false
		}
		if c == "u" { // four digits make it a character
			return !unicodeEscape.MatchString(text)
		}
		return unicode.IsLetter(rune(c[0])) && !strings.Contains("cehkvxzGHNRVXZ", c[:1])
	case syntax.ErrInvalidRepeatOp:
		return doubledPlus.MatchString(text) && regexp.QuoteMeta(doubledPlus.ReplaceAllString(text, "$1")) == doubledPlus.ReplaceAllString(text, "$1")
	}
	return false
}

var (
	unicodeEscape = regexp.MustCompile(`\\u[0-9A-Fa-f]{4}`)
	doubledPlus   = regexp.MustCompile(`(\pL)\+\+`)
)

func (p someone) match(name string) bool {
	if p.pattern.match(name) {
		return true
	}
	folded := actor.FoldGroup(name)
	if p.folded.text == folded {
		return true
	}
	// (?i) lets ſ be an s and the Kelvin sign a k, which SameGroup does not.
	return p.folded.re != nil && !strings.ContainsFunc(name, foldsToASCII) && p.folded.re.MatchString(name)
}

func foldsToASCII(r rune) bool {
	if r <= unicode.MaxASCII {
		return false
	}
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		if f <= unicode.MaxASCII {
			return true
		}
	}
	return false
}

// nobody gives the remarks about a document that speaks of a group or a login
// which is nobody's: often one that is spelled otherwise here.
func (a *Access) nobody(ctx context.Context, q db.Querier) (func(*subject) []string, error) {
	if a.known == nil {
		return func(*subject) []string { return nil }, nil
	}
	groups, logins, err := a.known(ctx, q)
	if err != nil {
		return nil, err
	}
	groups = append(groups, Everyone, guests)
	return func(s *subject) (out []string) {
		for _, g := range s.groups {
			why := ""
			if g.re == nil {
				why = CannotBeGroup(g.text)
			}
			switch {
			case why != "":
				out = append(out, fmt.Sprintf("Nobody can be in the group %q: %s", g.text, why))
			case !slices.ContainsFunc(groups, g.match):
				out = append(out, fmt.Sprintf("Nobody is in the group %q now", g.text))
			}
		}
		for _, u := range s.users {
			if !slices.ContainsFunc(logins, u.match) {
				out = append(out, fmt.Sprintf("Nobody has the login %q now", u.text))
			}
		}
		return out
	}, nil
}

// guests is the one group that visitors have.
const guests = "guest"

var keyPath = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._@+-]*(/[A-Za-z0-9_][A-Za-z0-9._@+-]*)*$`)

// impossible gives the remarks about a rule for stored keys whose path no key can have.
func impossible(project, policy string, r rule) (out []Mistake) {
	if r.typ != "storage" && r.typ != "key" {
		return nil
	}
	for _, t := range r.tests {
		if t.attr != "path" || t.kind != "equals" && t.kind != "match" {
			continue
		}
		for i, v := range t.values {
			if t.kind == "match" && t.res[i].re != nil && strings.ContainsAny(v, `*+?()[]{}|^$\`) {
				continue // an expression may mean anything
			}
			path := strings.TrimPrefix(v, "keys/")
			rest, ofProject := strings.CutPrefix(path, "project/")
			owner, _, named := strings.Cut(rest, "/")
			why := ""
			switch {
			case !keyPath.MatchString(path):
				why = "a path has letters, digits, dots, dashes, underscores, @ and +, in parts joined by one slash"
			case ofProject && !named:
				why = "a project's key is project/PROJECT/NAME"
			case ofProject && project != "" && owner != project:
				why = "keys of the project " + owner + " are never used in " + project
			}
			if why != "" {
				out = append(out, Mistake{Policy: policy, Line: r.line, Text: fmt.Sprintf("No key can be at %q: %s.", v, why)})
			}
		}
	}
	return out
}
