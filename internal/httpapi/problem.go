package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"muster/internal/db"
	"muster/internal/fault"
)

// Problem is an RFC 9457 error answer.
type Problem struct {
	Type    string             `json:"type" doc:"Always about:blank; code tells problems apart"`
	Title   string             `json:"title"`
	Status  int                `json:"status"`
	Detail  string             `json:"detail" doc:"What is wrong and what to do about it"`
	Code    string             `json:"code" doc:"Stable word for the kind of problem"`
	Request string             `json:"request_id,omitempty" doc:"Ties this answer to the server's log"`
	Errors  []fault.FieldError `json:"errors,omitempty" doc:"The inputs that are wrong"`
	Wait    int                `json:"retry_after,omitempty" doc:"Seconds to wait before the same is asked again, as in the header Retry-After; of 429 and 503"`
}

func (p *Problem) Error() string  { return p.Detail }
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are huma's way to more headers.
func (p *Problem) GetHeaders() http.Header {
	if p.Wait == 0 {
		return nil
	}
	return http.Header{retryAfter: {strconv.Itoa(p.Wait)}}
}

const retryAfter = "Retry-After"

// write answers with p outside of a registered route.
func (p *Problem) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", p.ContentType(""))
	if p.Wait > 0 {
		w.Header().Set(retryAfter, strconv.Itoa(p.Wait))
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

func (p *Problem) ContentType(string) string { return "application/problem+json" }

func newProblem(err error, request string) *Problem {
	if fault.KindOf(err) == fault.Internal {
		// Reads, signing in and webhooks meet an outage outside of any transaction.
		if text := db.Outage(err); text != "" {
			err = fault.Wrap(fault.Unavailable, text+" Try again.", err)
		} else if errors.Is(err, context.DeadlineExceeded) {
			err = fault.Wrap(fault.Unavailable, "This took too long and was given up. Try again.", err)
		}
	}
	k := fault.KindOf(err)
	return &Problem{Type: "about:blank", Title: http.StatusText(k.HTTPStatus()), Status: k.HTTPStatus(), Detail: fault.Message(err), Code: k.String(), Request: request, Errors: fault.FieldsOf(err),
		Wait: int((fault.WaitOf(err) + time.Second - 1) / time.Second)}
}

// WriteProblem answers err outside of a registered route.
func WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	newProblem(err, requestID(r.Context())).write(w)
}

func init() {
	huma.DefaultArrayNullable = false // a list is never null
	// huma's own findings (schema, size, media type) in the same form.
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError { return found("", status, msg, errs) }
	huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
		return found(requestID(ctx.Context()), status, msg, errs)
	}
}

var missing = regexp.MustCompile(`^expected required property (\S+) to be present$`)

func found(request string, status int, msg string, errs []error) *Problem {
	if msg == "cannot read request body" { // the caller's doing, not ours
		status, msg, errs = http.StatusBadRequest, "The body broke off", nil
	}
	k := fault.KindOfStatus(status)
	if k == fault.Internal && status < 500 {
		k = fault.Invalid
	}
	p := &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: msg, Code: k.String(), Request: request}
	for _, e := range errs {
		if e == nil {
			continue
		}
		f := fault.FieldError{Message: e.Error()}
		if d, ok := e.(huma.ErrorDetailer); ok {
			f = fault.FieldError{Field: strings.TrimPrefix(d.ErrorDetail().Location, "body."), Message: d.ErrorDetail().Message}
		}
		if m := missing.FindStringSubmatch(f.Message); m != nil {
			f = fault.FieldError{Field: strings.TrimPrefix(f.Field+"."+m[1], "body."), Message: "is missing"}
		}
		p.Errors = append(p.Errors, f)
	}
	switch {
	case status >= 500:
		p.Detail, p.Errors = fault.Message(nil), nil
	case status == http.StatusRequestEntityTooLarge:
		p.Detail = "The " + strings.Replace(msg, " limit=", ": the limit is ", 1) + ". Send less, or in several requests."
	case status == http.StatusUnsupportedMediaType:
		p.Detail = "This kind of content is not understood. Send JSON with the header Content-Type: application/json."
	case len(p.Errors) > 0:
		p.Detail = strings.TrimPrefix(p.Errors[0].Field+": ", ": ") + p.Errors[0].Message + ". Correct it and send it again."
	case msg == "request body is required":
		p.Errors = []fault.FieldError{{Field: "body", Message: "is missing"}}
		p.Detail = "The request needs a body. Send JSON with the header Content-Type: application/json."
	default:
		p.Detail = strings.TrimSuffix(msg, ".") + ". Correct it and send it again."
	}
	return p
}
