package office

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"muster/internal/account"
	"muster/internal/fault"
)

const longestGuestName = 60

// guestName is a name as a guest gave it, fit to be shown beside others: what is
// not seen, or turns the direction of what follows, is not part of a name.
func guestName(name string) (string, error) {
	if !utf8.ValidString(name) || len(name) > 1000 {
		return "", errGuestName
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case unseen(r), unicode.Is(unicode.Co, r), unicode.IsControl(r) && r != '\t' && r != '\n':
			return -1
		}
		return r
	}, name)
	// Composed after that: what was between a letter and its accent is gone.
	name = strings.Join(strings.Fields(norm.NFC.String(name)), " ")
	if n := utf8.RuneCountInString(name); n == 0 || n > longestGuestName || !strings.ContainsFunc(name, unicode.IsLetter) {
		return "", errGuestName
	}
	for word := range strings.FieldsSeq(name) {
		if mixed(word) {
			return "", fault.Field("name", "Write each word of your name in one script: "+word+" mixes letters that look like others.")
		}
	}
	marks := 0
	for _, r := range name { // a tower of accents reaches into the lines of others
		if !unicode.Is(unicode.Mn, r) {
			marks = 0
		} else if marks++; marks > 3 {
			return "", errGuestName
		}
	}
	return name, nil
}

// unseen are characters without a shape: formatting, and the fillers that count as letters.
func unseen(r rune) bool {
	switch r {
	case 0x034f, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x2800, 0x3164, 0xffa0:
		return true
	}
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r)
}

// mixed says whether a word has Latin letters beside those of a script whose
// letters can be taken for them.
func mixed(word string) bool {
	latin, other := false, false
	for _, r := range word {
		latin = latin || unicode.Is(unicode.Latin, r)
		other = other || unicode.In(r, unicode.Cyrillic, unicode.Greek, unicode.Cherokee, unicode.Armenian, unicode.Coptic, unicode.Lisu, unicode.Georgian)
	}
	return latin && other
}

var errGuestName = fault.Field("name", "Give a name of 1 to 60 characters, with at least one letter.")

// alike are letters that are drawn as others.
var alike = strings.NewReplacer(
	"а", "a", "в", "b", "с", "c", "е", "e", "н", "h", "і", "i", "ј", "j", "к", "k", "м", "m", "о", "o", "р", "p", "ѕ", "s", "т", "t", "у", "y", "х", "x", "ԁ", "d", "ԛ", "q", "ԝ", "w", "ѵ", "v", "ӏ", "l",
	"α", "a", "β", "b", "ε", "e", "η", "n", "ι", "i", "κ", "k", "ν", "v", "ο", "o", "ρ", "p", "τ", "t", "υ", "u", "χ", "x", "γ", "y", "ω", "w",
	"0", "o", "1", "l", "3", "e", "5", "s", "|", "l", "i", "l", "ı", "l", "ł", "l", "ø", "o", "đ", "d", "ß", "ss", "æ", "ae", "œ", "oe", "rn", "m", "vv", "w",
)

// skeleton is what is left of a name for the eye: two names with the same one
// are taken for each other.
func skeleton(name string) string {
	name = strings.Map(func(r rune) rune {
		if unseen(r) || unicode.Is(unicode.Mn, r) || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '|' {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(name))
	return alike.Replace(alike.Replace(name))
}

// looksLike gives the person whose name a guest's is taken for, if there is one.
func looksLike(name string, people []account.User) (account.User, bool) {
	s := skeleton(name)
	if s == "" {
		return account.User{}, false
	}
	for _, u := range people {
		if u.Kind != "guest" && !u.Disabled && (skeleton(u.Display) == s || skeleton(u.Name) == s) {
			return u, true
		}
	}
	return account.User{}, false
}
