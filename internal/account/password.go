package account

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/crypto/argon2"

	"muster/internal/fault"
)

// What a password must have.
const (
	minPassword = 12
	maxPassword = 512
)

// Hashed is a password ready to be stored. The zero value means that nobody
// can sign in with a password.
type Hashed struct{ phc string }

// 32 MiB for a sign-in, some 50 ms; what concurrent sign-ins may take together is bounded below.
var params = &argon2id.Params{Memory: 32 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// hasher bounds how many hashes are computed at once, and how many may wait:
// a flood of sign-ins must not exhaust the memory of everybody else's work.
type hasher struct {
	slots   chan struct{}
	waiting atomic.Int32
	freeing atomic.Bool
	decoy   string
}

const maxWaiting = 64

func newHasher() *hasher {
	h := &hasher{slots: make(chan struct{}, max(2, runtime.NumCPU()))}
	// Compared with when there is no account, so that an answer takes as long as for
	// one. Any bytes do: whether it fits is not looked at.
	salt, sum := make([]byte, params.SaltLength), make([]byte, params.KeyLength)
	_, _ = rand.Read(salt)
	_, _ = rand.Read(sum)
	h.decoy = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, params.Memory, params.Iterations, params.Parallelism,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(sum))
	return h
}

func (h *hasher) run(ctx context.Context, fn func() error) error {
	if h.waiting.Add(1) > maxWaiting {
		h.waiting.Add(-1)
		return fault.Later(fault.RateLimited, 5*time.Second, "Too many people are signing in at once.")
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, "Signing in took too long. Try again.", ctx.Err())
	}
	defer func() {
		<-h.slots
		h.free()
	}()
	return fn()
}

// free gives the memory of hashes back once sign-ins have paused: a collector left
// to itself would hold 32 MiB for hours in an office that is quiet.
func (h *hasher) free() {
	if h.freeing.Swap(true) {
		return
	}
	time.AfterFunc(5*time.Second, func() {
		h.freeing.Store(false)
		debug.FreeOSMemory()
	})
}

func (h *hasher) make(ctx context.Context, password string) (phc string, err error) {
	err = h.run(ctx, func() (err error) {
		phc, err = argon2id.CreateHash(password, params)
		return err
	})
	return phc, err
}

// fits compares in the same time whether or not there is a hash.
func (h *hasher) fits(ctx context.Context, password, phc string) (ok bool, err error) {
	against := phc
	if against == "" {
		against = h.decoy
	}
	err = h.run(ctx, func() (err error) {
		ok, err = argon2id.ComparePasswordAndHash(password, against)
		return err
	})
	return ok && phc != "", err
}

// Hash checks a new password against the rules and hashes it. It is slow:
// call it before the transaction. who names things it must not contain.
func (s *Store) Hash(ctx context.Context, password string, who ...string) (Hashed, error) {
	if msg := weak(password, who...); msg != "" {
		return Hashed{}, fault.Field("password", msg)
	}
	office, err := s.OfficeName(ctx, s.db.Read())
	if err != nil {
		return Hashed{}, err
	}
	if office != "Muster" && mostly(password, office) {
		return Hashed{}, fault.Field("password", "This is little more than the office's name, which everybody tries first. Take several words that have nothing to do with each other.")
	}
	phc, err := s.hash.make(ctx, password)
	return Hashed{phc}, err
}

// GeneratePassword makes a password that can be read out: 100 bits in groups,
// without characters that look alike.
func GeneratePassword() string {
	const alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
	out := make([]byte, 0, 24)
	var b [1]byte
	for len(out) < 23 {
		if len(out)%6 == 5 {
			out = append(out, '-')
			continue
		}
		_, _ = rand.Read(b[:])
		if int(b[0]) < 256/len(alphabet)*len(alphabet) { // no letter likelier than another
			out = append(out, alphabet[int(b[0])%len(alphabet)])
		}
	}
	return string(out)
}

//go:embed common.txt
var commonText string

var common = func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(commonText) {
		m[w] = true
	}
	return m
}()

// weak says what is wrong with a password, "" when nothing is.
func weak(password string, who ...string) string {
	n := utf8.RuneCountInString(password)
	switch {
	case !utf8.ValidString(password) || strings.ContainsRune(password, 0):
		return "The password has characters that cannot be typed."
	case n < minPassword:
		return "The password has at least 12 characters. Several words in a row are easy to remember."
	case len(password) > maxPassword:
		return "The password has at most 512 bytes."
	}
	low := strings.ToLower(password)
	for _, w := range who {
		for _, part := range strings.FieldsFunc(strings.ToLower(w), func(r rune) bool { return r == '@' || r == ' ' }) {
			if utf8.RuneCountInString(part) >= 4 && strings.Contains(low, part) || part != "" && part == low {
				return "The password must not contain your name or address."
			}
		}
	}
	distinct := map[rune]bool{}
	for _, r := range low {
		distinct[r] = true
	}
	if len(distinct) < 5 {
		return "The password repeats too few characters."
	}
	const guessable = "This password is among the first that are guessed. Take several words that have nothing to do with each other."
	if sequence(low) {
		return guessable
	}
	edge := strings.TrimFunc(low, func(r rune) bool { return !unicode.IsLetter(r) })
	for _, w := range []string{letters(low), letters(unleet.Replace(edge))} {
		if w == "" || common[period(w)] {
			return guessable
		}
	}
	return ""
}

// mostly says whether little is left of a password without a name: fewer than
// eight letters.
func mostly(password, name string) bool {
	low := letters(unleet.Replace(strings.ToLower(password)))
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) })
	rest := strings.ReplaceAll(low, unleet.Replace(strings.Join(words, "")), "")
	if rest == low { // the words of it, if all of them are there
		for _, w := range words {
			if len(w) > 1 && !strings.Contains(low, w) {
				return false
			}
			rest = strings.Replace(rest, w, "", 1)
		}
	}
	return rest != low && utf8.RuneCountInString(rest) < 8
}

var unleet = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i", "8", "b")

func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return r
		}
		return -1
	}, s)
}

// period is the shortest text that repeated gives s: "bankbank" → "bank".
func period(s string) string {
	for n := 1; n <= len(s)/2; n++ {
		if len(s)%n == 0 && strings.Repeat(s[:n], len(s)/n) == s {
			return s[:n]
		}
	}
	return s
}

// sequence says whether s runs along the alphabet, the digits or the keyboard.
func sequence(s string) bool {
	for _, row := range []string{"abcdefghijklmnopqrstuvwxyz", "1234567890", "01234567890", "qwertyuiopasdfghjklzxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm", "qazwsxedcrfvtgbyhnujm"} {
		long := strings.Repeat(row, maxPassword/len(row)+2)
		if strings.Contains(long, s) || strings.Contains(long, reverse(s)) {
			return true
		}
	}
	return false
}

func reverse(s string) string {
	r := []rune(s)
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return string(r)
}
