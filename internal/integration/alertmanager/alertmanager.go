// Package alertmanager reads what Prometheus Alertmanager posts to a webhook
// (format version 4). Its invariants: what it gives out is bounded and can be
// stored; only what is no delivery at all is refused; one odd alert never costs
// the others: it is cut, or left out and counted, and a remark says why. Nor does
// size: of a body that is too large the alerts are taken that came whole, for the
// worse the trouble, the larger the body, and what is refused is never sent again.
// What follows from a delivery is package alert's.
package alertmanager

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"muster/internal/alert"
	"muster/internal/fault"
)

// Bounds of a delivery. What is longer is cut, what is more is left out.
const (
	MaxBody       = 32 << 20
	MaxAlerts     = 20_000
	maxPairs      = 64
	maxName       = 256
	maxLabel      = 2 << 10
	maxAnnotation = 8 << 10
	maxGroupKey   = 16 << 10
	maxURL        = 4 << 10
	maxRemarks    = 10
)

type payload struct {
	Version         json.RawMessage    `json:"version"`
	GroupKey        json.RawMessage    `json:"groupKey"`
	TruncatedAlerts json.RawMessage    `json:"truncatedAlerts"`
	Status          json.RawMessage    `json:"status"`
	Alerts          *[]json.RawMessage `json:"alerts"`
}

type payloadAlert struct {
	Status       json.RawMessage `json:"status"`
	Labels       json.RawMessage `json:"labels"`
	Annotations  json.RawMessage `json:"annotations"`
	StartsAt     json.RawMessage `json:"startsAt"`
	EndsAt       json.RawMessage `json:"endsAt"`
	GeneratorURL json.RawMessage `json:"generatorURL"`
	Fingerprint  json.RawMessage `json:"fingerprint"`
}

// reading is the work on one delivery.
type reading struct {
	status string // of the delivery, for alerts that say none
	out    alert.Delivery
}

func (r *reading) remark(format string, a ...any) {
	text := fmt.Sprintf(format, a...)
	if len(r.out.Remarks) < maxRemarks && !slices.Contains(r.out.Remarks, text) {
		r.out.Remarks = append(r.out.Remarks, text)
	}
}

// Decode reads one delivery. Of a body that is longer than MaxBody the beginning
// is enough.
func Decode(body []byte) (alert.Delivery, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")) // a proxy's byte order mark
	var in payload
	cutOff := len(body) > MaxBody
	if cutOff {
		in = beginning(body[:MaxBody])
		if in.Alerts == nil || len(*in.Alerts) == 0 {
			return alert.Delivery{}, tooLarge()
		}
	} else {
		d := json.NewDecoder(bytes.NewReader(body))
		if err := d.Decode(&in); err != nil {
			return alert.Delivery{}, notJSON(err)
		}
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return alert.Delivery{}, fault.Field("body", "There is more after the end of the JSON object. Send one object per request.")
		}
	}
	if version := text(in.Version); version != "4" && !(cutOff && in.Version == nil) { // which stands behind the alerts
		return alert.Delivery{}, fault.Field("version", fmt.Sprintf("Alertmanager's webhook format must be version \"4\", this says %q. Point a webhook_configs receiver of Alertmanager 0.14 or newer at this URL.", cut(version, 20)))
	}
	if in.Alerts == nil {
		return alert.Delivery{}, fault.Field("alerts", "The list of alerts is missing.")
	}
	r := &reading{status: text(in.Status)}
	if n, err := strconv.Atoi(text(in.TruncatedAlerts)); err == nil && n > 0 {
		r.out.Truncated = n
	}
	if r.out.GroupKey = text(in.GroupKey); len(r.out.GroupKey) > maxGroupKey {
		sum := sha256.Sum256([]byte(r.out.GroupKey)) // cut alone it could be another group's
		r.out.GroupKey = cut(r.out.GroupKey, 200) + hex.EncodeToString(sum[:])
	}
	all := *in.Alerts
	if cutOff {
		r.out.Truncated = max(r.out.Truncated, 1)
		r.remark("A delivery was larger than %d MiB: the %d alerts at its beginning were taken, the rest is not known. Set max_alerts in the receiver's webhook_configs, or shorten the annotations.", MaxBody>>20, min(len(all), MaxAlerts))
	}
	if n := len(all); n > MaxAlerts {
		r.out.Truncated = min(r.out.Truncated, 1<<30) + n - MaxAlerts
		r.remark("There were %d alerts in one delivery; the first %d were taken. Set max_alerts in the receiver's webhook_configs.", n, MaxAlerts)
		all = all[:MaxAlerts]
	}
	r.out.Alerts = make([]alert.Incoming, 0, len(all))
	for n, raw := range all {
		one, why := r.one(n, raw)
		if why != "" {
			r.out.LeftOut++
			r.remark("Alert %d of a delivery was left out: %s", n+1, why)
			continue
		}
		r.out.Alerts = append(r.out.Alerts, one)
	}
	return r.out, nil
}

// beginning reads what stands whole in the beginning of a delivery.
func beginning(body []byte) (in payload) {
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return in
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return in
		}
		if name == "alerts" {
			in.Alerts = new([]json.RawMessage)
			if t, err := d.Token(); err != nil || t != json.Delim('[') {
				return in
			}
			for d.More() {
				var one json.RawMessage
				if d.Decode(&one) != nil {
					return in
				}
				*in.Alerts = append(*in.Alerts, one)
			}
			if _, err := d.Token(); err != nil {
				return in
			}
			continue
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return in
		}
		switch name {
		case "version":
			in.Version = value
		case "groupKey":
			in.GroupKey = value
		case "truncatedAlerts":
			in.TruncatedAlerts = value
		case "status":
			in.Status = value
		}
	}
	return in
}

// tooLarge is the refusal of a body of which not even one alert came whole.
func tooLarge() error {
	return fault.Newf(fault.TooLarge, "The delivery is larger than %d MiB, and not one alert in it is shorter. Set max_alerts in the receiver's webhook_configs, or shorten the annotations.", MaxBody>>20)
}

func notJSON(err error) error {
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if t.Field == "" {
			return fault.Field("body", "The body must be a JSON object. Send what Alertmanager's webhook sends.")
		}
		return fault.Field(t.Field, fmt.Sprintf("This must be a list, not a JSON %s.", t.Value))
	}
	if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fault.Field("body", fmt.Sprintf("The body is not JSON: something is wrong at byte %d.", s.Offset))
	}
	return fault.Field("body", "The body is not a complete JSON object. Send what Alertmanager's webhook sends.")
}

// one reads an alert; why says what makes it impossible to take.
func (r *reading) one(n int, raw json.RawMessage) (in alert.Incoming, why string) {
	var a payloadAlert
	if err := json.Unmarshal(raw, &a); err != nil || string(bytes.TrimSpace(raw)) == "null" {
		return in, "it is no JSON object."
	}
	in = alert.Incoming{Fingerprint: text(a.Fingerprint), Status: text(a.Status), GeneratorURL: text(a.GeneratorURL)}
	if in.Status == "" {
		in.Status = r.status
	}
	if in.Status != "firing" && in.Status != "resolved" {
		return in, fmt.Sprintf("its status must be firing or resolved, it says %q.", cut(in.Status, 20))
	}
	if u, err := url.Parse(in.GeneratorURL); err != nil || len(in.GeneratorURL) > maxURL || u.Scheme != "http" && u.Scheme != "https" {
		in.GeneratorURL = "" // a cut link leads nowhere, and one of another kind is no link
	}
	labels := object(a.Labels)
	if len(labels) == 0 && in.Fingerprint == "" {
		return in, "it has neither labels nor a fingerprint, so nothing says which alert it is."
	}
	if in.Fingerprint == "" && odd(labels) || len(in.Fingerprint) > maxName {
		in.Fingerprint = digest(in.Fingerprint, labels) // of the whole: cut, two could look alike
	}
	name := cut(labels["alertname"], 80)
	if name == "" {
		name = fmt.Sprintf("number %d", n+1)
	}
	in.Labels = r.pairs(name, "label", labels, maxLabel)
	in.Annotations = r.pairs(name, "annotation", object(a.Annotations), maxAnnotation)
	in.StartsAt = r.moment(name, "startsAt", text(a.StartsAt))
	in.EndsAt = r.moment(name, "endsAt", text(a.EndsAt))
	return in, ""
}

// text reads what should be a text; of a number or a truth value it gives the
// words, of anything else nothing.
func text(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] == '{' || raw[0] == '[' || string(raw) == "null" {
		return ""
	}
	if raw[0] != '"' {
		return cut(string(raw), 64)
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return clean(s)
}

// object reads names with their texts; what has none is left out.
func object(raw json.RawMessage) map[string]string {
	var all map[string]json.RawMessage
	if json.Unmarshal(raw, &all) != nil {
		return nil
	}
	out := make(map[string]string, len(all))
	for name, value := range all {
		value = bytes.TrimSpace(value)
		if name == "" || len(value) == 0 || value[0] == '{' || value[0] == '[' || string(value) == "null" {
			continue
		}
		out[clean(name)] = text(value)
	}
	return out
}

// odd says whether labels are more or longer than what is kept of them.
func odd(labels map[string]string) bool {
	if len(labels) > maxPairs {
		return true
	}
	for name, value := range labels {
		if len(name) > maxName || len(value) > maxLabel {
			return true
		}
	}
	return false
}

func digest(fingerprint string, labels map[string]string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d:%s", len(fingerprint), fingerprint)
	if fingerprint == "" {
		for _, name := range sorted(labels) {
			fmt.Fprintf(h, "%d:%s%d:%s", len(name), name, len(labels[name]), labels[name])
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func sorted(all map[string]string) []string {
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// telling are labels that are kept before others when there are too many: what
// an alert is called, and what decides where it goes.
var telling = []string{"alertname", "service", "severity", "priority", "env", "environment", "instance", "node", "job"}

// pairs keeps of names and texts what fits.
func (r *reading) pairs(alert, what string, all map[string]string, most int) map[string]string {
	out := make(map[string]string, min(len(all), maxPairs))
	if len(all) > maxPairs {
		r.remark("Alert %s has %d %ss; %d were kept.", alert, len(all), what, maxPairs)
	}
	for _, name := range append(slices.Clone(telling), sorted(all)...) {
		value, ok := all[name]
		if _, twice := out[cut(name, maxName)]; !ok || twice || len(out) == maxPairs {
			continue
		}
		if len(value) > most && what == "label" || len(name) > maxName {
			r.remark("Alert %s: the %s %s was cut, for it is longer than %d bytes.", alert, what, cut(name, 40), most)
		}
		out[cut(name, maxName)] = cut(value, most)
	}
	return out
}

// moment reads a time; one that cannot be read is not known. Alertmanager writes
// the year 1 for "not yet".
func (r *reading) moment(alert, field, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		r.remark("Alert %s: %s is no time: %q.", alert, field, cut(text, 40))
		return time.Time{}
	}
	if t.Year() <= 1970 {
		return time.Time{}
	}
	return t.UTC()
}

// clean takes out what a database's text cannot hold.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

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
