// Package alertmanager reads what Prometheus Alertmanager posts to a webhook
// (format version 4). Its invariant: what it accepts is complete and bounded,
// what it refuses is refused whole and names the field. What follows from a
// delivery is package alert's.
package alertmanager

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"muster/internal/alert"
	"muster/internal/fault"
)

// Bounds of a delivery. An annotation that is too long is cut, since refusing it
// would lose the alert; a label cannot be cut, since labels are what the alert is.
const (
	MaxBody       = 1 << 20
	MaxAlerts     = 1000
	maxPairs      = 64
	maxName       = 256
	maxLabel      = 2 << 10
	maxAnnotation = 8 << 10
	maxGroupKey   = 16 << 10
	maxURL        = 4 << 10
)

type payload struct {
	Version         string          `json:"version"`
	GroupKey        string          `json:"groupKey"`
	TruncatedAlerts int             `json:"truncatedAlerts"`
	Status          string          `json:"status"`
	Alerts          *[]payloadAlert `json:"alerts"`
}

type payloadAlert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     string            `json:"startsAt"`
	EndsAt       string            `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

// maxProblems bounds how many wrong fields one refusal names.
const maxProblems = 20

type problems []fault.FieldError

func (p *problems) add(field, format string, a ...any) {
	if len(*p) < maxProblems {
		*p = append(*p, fault.FieldError{Field: field, Message: fmt.Sprintf(format, a...)})
	}
}

// Decode reads one delivery.
func Decode(body []byte) (alert.Delivery, error) {
	if len(body) > MaxBody {
		return alert.Delivery{}, TooLarge()
	}
	var in payload
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&in); err != nil {
		return alert.Delivery{}, notJSON(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return alert.Delivery{}, fault.Field("body", "There is more after the end of the JSON object. Send one object per request.")
	}
	var bad problems
	if in.Version != "4" {
		bad.add("version", "Alertmanager's webhook format must be version \"4\", this says %q. Point a webhook_configs receiver of Alertmanager 0.14 or newer at this URL.", cut(in.Version, 20))
	}
	if in.Status != "firing" && in.Status != "resolved" {
		bad.add("status", "The status must be firing or resolved, this says %q.", cut(in.Status, 20))
	}
	if len(in.GroupKey) > maxGroupKey {
		bad.add("groupKey", "The group key has more than %d bytes. Group by fewer labels.", maxGroupKey)
	}
	if in.TruncatedAlerts < 0 {
		bad.add("truncatedAlerts", "The number of left-out alerts cannot be negative.")
	}
	if in.Alerts == nil {
		bad.add("alerts", "The list of alerts is missing.")
		return alert.Delivery{}, fault.Fields(bad...)
	}
	if n := len(*in.Alerts); n > MaxAlerts {
		bad.add("alerts", "There are %d alerts in one delivery, at most %d are taken. Set max_alerts in the receiver's webhook_configs.", n, MaxAlerts)
		return alert.Delivery{}, fault.Fields(bad...)
	}
	out := alert.Delivery{GroupKey: clean(in.GroupKey), Truncated: in.TruncatedAlerts, Alerts: make([]alert.Incoming, 0, len(*in.Alerts))}
	for n, a := range *in.Alerts {
		out.Alerts = append(out.Alerts, one(fmt.Sprintf("alerts[%d]", n), a, &bad))
	}
	if len(bad) > 0 {
		return alert.Delivery{}, fault.Fields(bad...)
	}
	return out, nil
}

// TooLarge is the refusal of a body beyond MaxBody.
func TooLarge() error {
	return fault.Newf(fault.TooLarge, "The delivery is larger than %d KiB. Set max_alerts in the receiver's webhook_configs, or shorten the annotations.", MaxBody>>10)
}

func notJSON(err error) error {
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := t.Field
		if field == "" {
			field = "body"
		}
		return fault.Field(field, fmt.Sprintf("This must be %s, not a JSON %s.", kindOf(t.Type.Kind().String()), t.Value))
	}
	if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fault.Field("body", fmt.Sprintf("The body is not JSON: something is wrong at byte %d.", s.Offset))
	}
	return fault.Field("body", "The body is not a complete JSON object. Send what Alertmanager's webhook sends.")
}

func kindOf(kind string) string {
	switch kind {
	case "string":
		return "a text"
	case "int":
		return "a whole number"
	case "slice":
		return "a list"
	}
	return "an object"
}

func one(field string, a payloadAlert, bad *problems) alert.Incoming {
	in := alert.Incoming{Fingerprint: clean(a.Fingerprint), Status: a.Status, GeneratorURL: clean(a.GeneratorURL)}
	if a.Status != "firing" && a.Status != "resolved" {
		bad.add(field+".status", "The status must be firing or resolved, this says %q.", cut(a.Status, 20))
	}
	if len(in.Fingerprint) > maxName {
		bad.add(field+".fingerprint", "The fingerprint has more than %d bytes.", maxName)
	}
	if u, err := url.Parse(in.GeneratorURL); err != nil || len(in.GeneratorURL) > maxURL || u.Scheme != "http" && u.Scheme != "https" {
		in.GeneratorURL = "" // a cut link leads nowhere, and one of another kind is no link
	}
	if len(a.Labels) == 0 {
		bad.add(field+".labels", "An alert needs labels: they say which alert it is.")
	}
	in.Labels = pairs(field+".labels", a.Labels, func(name, value string) string {
		if len(value) > maxLabel {
			bad.add(field+".labels."+cut(name, 40), "The label's value has more than %d bytes. Put long texts into annotations.", maxLabel)
		}
		return value
	}, bad)
	in.Annotations = pairs(field+".annotations", a.Annotations, func(_, value string) string { return cut(value, maxAnnotation) }, bad)
	in.StartsAt = moment(field+".startsAt", a.StartsAt, true, bad)
	in.EndsAt = moment(field+".endsAt", a.EndsAt, false, bad)
	return in
}

func pairs(field string, all map[string]string, value func(name, value string) string, bad *problems) map[string]string {
	out := make(map[string]string, len(all))
	if len(all) > maxPairs {
		bad.add(field, "There are %d entries, at most %d are taken.", len(all), maxPairs)
		return out
	}
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	sort.Strings(names) // so that the same body is refused with the same words
	for _, name := range names {
		if name == "" || len(name) > maxName {
			bad.add(field, "A name must have 1 to %d bytes.", maxName)
			continue
		}
		out[clean(name)] = value(name, clean(all[name]))
	}
	return out
}

// moment reads a time. Alertmanager writes the year 1 for "not yet".
func moment(field, text string, required bool, bad *problems) time.Time {
	if text == "" {
		if required {
			bad.add(field, "The time is missing. Write it as 2026-11-22T13:49:02Z.")
		}
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		bad.add(field, "%q is not a time. Write it as 2026-11-22T13:49:02Z.", cut(text, 40))
		return time.Time{}
	}
	if t.Year() <= 1970 {
		return time.Time{}
	}
	return t.UTC()
}

// clean takes out what a database's text cannot hold.
func clean(text string) string { return strings.ReplaceAll(text, "\x00", "\uFFFD") }

func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := most - len("…")
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:max(end, 0)] + "…"
}
