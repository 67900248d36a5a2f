package office

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"muster/internal/account"
)

func TestGuestNames(t *testing.T) {
	for in, want := range map[string]string{
		"  Zoë \t Audit ": "Zoë Audit", "Zoe\u0308": "Zoë", "a\u202eb\u2066c\u200d": "abc", "a\u202e\u0300": "à", "محمد": "محمد", "李雷": "李雷", "O'Neill-Şahin 3": "O'Neill-Şahin 3",
		"Amara Okafor\u3164": "Amara Okafor", "Ева Браун": "Ева Браун", "李 Wei": "李 Wei", "\uffa0\uffa0": "", "\u115f": "", "Аmara Okafor": "", "Ꭺmara": "",
		"": "", " ": "", "\u200b": "", "42": "", "👍": "", strings.Repeat("x", 61): "", "a\xff": "", "a\u0301\u0301\u0301\u0301\u0301": "", strings.Repeat("\u200b", 900) + "a": "",
	} {
		got, err := guestName(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q %v, want %q", in, got, err, want)
		}
	}
}

func TestLookAlikes(t *testing.T) {
	people := []account.User{{ID: "1", Name: "amara", Display: "Amara Okafor", Kind: "person"}, {ID: "2", Name: "bill", Display: "Bill Moss", Kind: "person"}, {ID: "3", Name: "gone", Display: "Gone Girl", Kind: "person", Disabled: true}, {ID: "4", Name: "guest-1", Display: "Zoe", Kind: "guest"}}
	for name, want := range map[string]string{
		"Amara Okafor": "1", "AMARA OKAFOR": "1", "amara": "1", "Аmаrа Оkаfоr": "1", "Amara 0kaf0r": "1", "Ämärä Okafor": "1", "Amara-Okafor": "1", "Arnara Okafor": "1",
		"Bi11 Moss": "2", "BiII Moss": "2", "Amaro Okafor": "", "Gone Girl": "", "Zoe": "", "محمد": "",
	} {
		u, ok := looksLike(name, people)
		if ok != (want != "") || u.ID != want {
			t.Errorf("%q: %q, want %q", name, u.ID, want)
		}
	}
}

// Whatever is typed: a name that is taken can be shown on one line beside others,
// and is taken again as it is.
func TestAnyGuestName(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(rapid.String(), rapid.StringMatching(`[\x{0300}-\x{036f}a-zА-я\x{200b}-\x{202e}\x{3164}\x{115f} ]{0,80}`)).Draw(t, "name")
		name, err := guestName(in)
		if err != nil {
			return
		}
		if again, err := guestName(name); err != nil || again != name {
			t.Fatalf("%q became %q, and that %q %v", in, name, again, err)
		}
		if len([]rune(name)) > longestGuestName || strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
			t.Fatalf("%q became %q", in, name)
		}
	})
}
