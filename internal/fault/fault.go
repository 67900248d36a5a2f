// Package fault gives every error a kind and a text that is safe to show.
//
// Invariant: Message never reveals a cause; a cause travels beside it, for the
// log only. Doors map a kind to their own language (HTTP status, exit code)
// here and nowhere else.
package fault

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Kind says what sort of failure it is, and with that what the caller may do.
type Kind int

const (
	Internal        Kind = iota // our fault; the cause is in the log
	Invalid                     // the input is wrong; the text names the field and the remedy
	Unauthenticated             // nobody is signed in
	Denied                      // signed in, not allowed; the text names the rule
	NotFound                    // no such thing, or not visible to the caller
	Conflict                    // the state does not allow it (any more)
	TooLarge                    // beyond a bound
	RateLimited                 // too many; try later
	Unavailable                 // a dependency is down; try again
	Waiting                     // accepted, but waits for an approval
)

var kinds = map[Kind]struct {
	code   string
	status int
	exit   int
}{
	Internal:        {"internal", http.StatusInternalServerError, 1},
	Invalid:         {"invalid", http.StatusUnprocessableEntity, 2},
	Unauthenticated: {"unauthenticated", http.StatusUnauthorized, 3},
	Denied:          {"denied", http.StatusForbidden, 3},
	NotFound:        {"not_found", http.StatusNotFound, 1},
	Conflict:        {"conflict", http.StatusConflict, 1},
	TooLarge:        {"too_large", http.StatusRequestEntityTooLarge, 2},
	RateLimited:     {"rate_limited", http.StatusTooManyRequests, 1},
	Unavailable:     {"unavailable", http.StatusServiceUnavailable, 1},
	Waiting:         {"waiting", http.StatusAccepted, 4},
}

// String is the stable word for the kind, used as `code` in API errors.
func (k Kind) String() string { return kinds[k].code }

// HTTPStatus is the status an HTTP door answers with.
func (k Kind) HTTPStatus() int { return kinds[k].status }

// ExitCode is what a command line ends with: 1 failed, 2 usage, 3 denied, 4 waiting.
func (k Kind) ExitCode() int { return kinds[k].exit }

// KindOfStatus is the inverse of HTTPStatus, for clients of the API.
func KindOfStatus(status int) Kind {
	for k, v := range kinds {
		if v.status == status {
			return k
		}
	}
	switch {
	case status == http.StatusBadRequest:
		return Invalid
	case status >= 500:
		return Unavailable
	}
	return Internal
}

// FieldError names one wrong input and what to do about it.
type FieldError struct {
	Field   string `json:"location"`
	Message string `json:"message"`
}

type failure struct {
	kind   Kind
	msg    string
	fields []FieldError
	cause  error
	wait   time.Duration
}

func (f *failure) Error() string {
	if f.cause != nil {
		return f.msg + ": " + f.cause.Error()
	}
	return f.msg
}
func (f *failure) Unwrap() error { return f.cause }

// New makes an error of kind k whose text is shown to the user as it is.
func New(k Kind, msg string) error { return &failure{kind: k, msg: msg} }

// Newf is New with formatting.
func Newf(k Kind, format string, a ...any) error {
	return &failure{kind: k, msg: fmt.Sprintf(format, a...)}
}

// Later is New for what may be asked again after wait: the sentence that says so
// is added to msg, and doors tell it to programs in their own way.
func Later(k Kind, wait time.Duration, msg string) error {
	wait = max(wait, time.Second)
	return &failure{kind: k, msg: msg + " Try again in " + InWords(wait) + ".", wait: wait}
}

// soon is how long to wait where nothing says how long.
const soon = 5 * time.Second

// WaitOf is how long to wait before asking again; 0 where asking again is no
// remedy.
func WaitOf(err error) time.Duration {
	if f, ok := errors.AsType[*failure](err); ok && f.wait > 0 {
		return f.wait
	}
	if k := KindOf(err); err != nil && (k == RateLimited || k == Unavailable) {
		return soon
	}
	return 0
}

// InWords is a wait as a sentence has it, never shorter than it is.
func InWords(d time.Duration) string {
	count := func(per time.Duration, what string) string {
		n := int((d + per - 1) / per)
		if n == 1 {
			return "1 " + what
		}
		return fmt.Sprintf("%d %ss", n, what)
	}
	switch {
	case d <= 99*time.Second:
		return count(time.Second, "second")
	case d <= 2*time.Hour:
		return count(time.Minute, "minute")
	}
	return count(time.Hour, "hour")
}

// Wrap shows msg and keeps cause for the log.
func Wrap(k Kind, msg string, cause error) error { return &failure{kind: k, msg: msg, cause: cause} }

// Field says which input is wrong and how to mend it.
func Field(field, msg string) error { return Fields(FieldError{field, msg}) }

// At is New for what one input of the request would mend.
func At(field string, k Kind, msg string) error {
	return &failure{kind: k, msg: msg, fields: []FieldError{{field, msg}}}
}

// Fields is Field for several at once; it must be given at least one.
func Fields(fs ...FieldError) error {
	msg := fs[0].Message
	if len(fs) > 1 {
		msg = fmt.Sprintf("%s (and %d more problems)", msg, len(fs)-1)
	}
	return &failure{kind: Invalid, msg: msg, fields: fs}
}

// kinder lets a package's own error type say its kind (access.Denial does).
type kinder interface {
	error
	FaultKind() Kind
}

// KindOf is the kind of the first classified error in the chain; Internal otherwise.
func KindOf(err error) Kind {
	if f, ok := errors.AsType[*failure](err); ok {
		return f.kind
	}
	if k, ok := errors.AsType[kinder](err); ok {
		return k.FaultKind()
	}
	return Internal
}

// Is says whether err is of kind k.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }

// Message is the text that is safe to show.
func Message(err error) string {
	if f, ok := errors.AsType[*failure](err); ok {
		return f.msg
	}
	if k, ok := errors.AsType[kinder](err); ok {
		return k.Error()
	}
	return "Something went wrong on our side. Nothing was changed; try again, and give the request id to your administrator if it stays."
}

// FieldsOf lists the wrong inputs err names, if any.
func FieldsOf(err error) []FieldError {
	if f, ok := errors.AsType[*failure](err); ok {
		return f.fields
	}
	return nil
}
