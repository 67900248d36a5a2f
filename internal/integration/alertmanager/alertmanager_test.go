package alertmanager

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"muster/internal/alert"
	"muster/internal/fault"
)

const good = `{"receiver":"muster","status":"firing","alerts":[
 {"status":"firing","labels":{"alertname":"Latency","env":"prod"},"annotations":{"summary":"slow"},"startsAt":"2026-11-22T13:49:02.123456789+01:00","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://prom/graph","fingerprint":"5ef77f1f8a3ecfa1","silenceURL":"x"},
 {"status":"resolved","labels":{"alertname":"Disk"},"annotations":{},"startsAt":"2026-11-22T12:00:00Z","endsAt":"2026-11-22T12:30:00Z","generatorURL":"","fingerprint":"aa"}],
 "groupLabels":{"alertname":"Latency"},"commonLabels":{},"commonAnnotations":{},"externalURL":"http://am:9093","version":"4","groupKey":"{}:{alertname=\"Latency\"}","truncatedAlerts":3,"notification_reason":"repeat","routeLabels":{}}`

func TestDecode(t *testing.T) {
	got, err := Decode([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	want := alert.Delivery{GroupKey: `{}:{alertname="Latency"}`, Truncated: 3, Alerts: []alert.Incoming{
		{Fingerprint: "5ef77f1f8a3ecfa1", Status: "firing", Labels: map[string]string{"alertname": "Latency", "env": "prod"}, Annotations: map[string]string{"summary": "slow"}, StartsAt: time.Date(2026, 11, 22, 12, 49, 2, 123456789, time.UTC), GeneratorURL: "http://prom/graph"},
		{Fingerprint: "aa", Status: "resolved", Labels: map[string]string{"alertname": "Disk"}, Annotations: map[string]string{}, StartsAt: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), EndsAt: time.Date(2026, 11, 22, 12, 30, 0, 0, time.UTC)},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestDecodeRefusesAndNamesTheField(t *testing.T) {
	many := func(n int, of string) string { return strings.TrimSuffix(strings.Repeat(of+",", n), ",") }
	labels := []string{}
	for n := range 65 {
		labels = append(labels, fmt.Sprintf(`"l%d":"x"`, n))
	}
	with := func(alerts string) string {
		return `{"version":"4","status":"firing","groupKey":"g","alerts":[` + alerts + `]}`
	}
	ok := `{"status":"firing","labels":{"a":"b"},"startsAt":"2026-11-22T12:00:00Z"}`
	for name, c := range map[string]struct{ body, field string }{
		"empty":                {``, "body"},
		"no JSON":              {`hello`, "body"},
		"half":                 {good[:200], "body"},
		"a list":               {`[]`, "body"},
		"null":                 {`null`, "version"},
		"more behind":          {good + `{}`, "body"},
		"no version":           {`{"status":"firing","alerts":[]}`, "version"},
		"version 3":            {`{"version":"3","status":"firing","alerts":[]}`, "version"},
		"version as a number":  {`{"version":4,"status":"firing","alerts":[]}`, "version"},
		"no status":            {`{"version":"4","alerts":[]}`, "status"},
		"no alerts":            {`{"version":"4","status":"firing"}`, "alerts"},
		"alerts null":          {`{"version":"4","status":"firing","alerts":null}`, "alerts"},
		"alerts an object":     {`{"version":"4","status":"firing","alerts":{}}`, "alerts"},
		"too many alerts":      {with(many(1001, ok)), "alerts"},
		"alert status":         {with(`{"status":"maybe","labels":{"a":"b"},"startsAt":"2026-11-22T12:00:00Z"}`), "alerts[0].status"},
		"no labels":            {with(ok + `,{"status":"firing","startsAt":"2026-11-22T12:00:00Z"}`), "alerts[1].labels"},
		"label not a text":     {with(`{"status":"firing","labels":{"a":1},"startsAt":"2026-11-22T12:00:00Z"}`), "alerts.labels"},
		"too many labels":      {with(`{"status":"firing","labels":{` + strings.Join(labels, ",") + `},"startsAt":"2026-11-22T12:00:00Z"}`), "alerts[0].labels"},
		"label too long":       {with(`{"status":"firing","labels":{"a":"` + strings.Repeat("x", 3000) + `"},"startsAt":"2026-11-22T12:00:00Z"}`), "alerts[0].labels.a"},
		"label name too long":  {with(`{"status":"firing","labels":{"` + strings.Repeat("x", 300) + `":"a"},"startsAt":"2026-11-22T12:00:00Z"}`), "alerts[0].labels"},
		"no start":             {with(`{"status":"firing","labels":{"a":"b"}}`), "alerts[0].startsAt"},
		"start not a time":     {with(`{"status":"firing","labels":{"a":"b"},"startsAt":"yesterday"}`), "alerts[0].startsAt"},
		"end not a time":       {with(`{"status":"firing","labels":{"a":"b"},"startsAt":"2026-11-22T12:00:00Z","endsAt":"1"}`), "alerts[0].endsAt"},
		"negative truncation":  {`{"version":"4","status":"firing","alerts":[],"truncatedAlerts":-1}`, "truncatedAlerts"},
		"long fingerprint":     {with(`{"status":"firing","labels":{"a":"b"},"startsAt":"2026-11-22T12:00:00Z","fingerprint":"` + strings.Repeat("f", 300) + `"}`), "alerts[0].fingerprint"},
		"long group key":       {`{"version":"4","status":"firing","alerts":[],"groupKey":"` + strings.Repeat("g", 20000) + `"}`, "groupKey"},
		"deep":                 {`{"version":` + strings.Repeat("[", 20000), "body"},
		"fingerprint a number": {with(`{"status":"firing","labels":{"a":"b"},"startsAt":"2026-11-22T12:00:00Z","fingerprint":5}`), "alerts.fingerprint"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode([]byte(c.body))
			fs := fault.FieldsOf(err)
			if !fault.Is(err, fault.Invalid) || len(fs) == 0 {
				t.Fatalf("%v", err)
			}
			if fs[0].Field != c.field {
				t.Errorf("field %q (%s), want %q", fs[0].Field, fs[0].Message, c.field)
			}
		})
	}
	if _, err := Decode(make([]byte, MaxBody+1)); !fault.Is(err, fault.TooLarge) {
		t.Error(err)
	}
	if _, err := Decode([]byte(with(many(30, `{}`)))); len(fault.FieldsOf(err)) != maxProblems {
		t.Errorf("%d problems are named", len(fault.FieldsOf(err)))
	}
}

func TestDecodeCutsWhatCanBeCut(t *testing.T) {
	body, _ := json.Marshal(map[string]any{"version": "4", "status": "firing", "alerts": []any{map[string]any{
		"status": "firing", "labels": map[string]string{"a": "x\x00y"}, "annotations": map[string]string{"long": strings.Repeat("é", 9000)},
		"startsAt": "2026-11-22T12:00:00Z", "generatorURL": strings.Repeat("u", 5000),
	}}})
	d, err := Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	a := d.Alerts[0]
	if len(a.Annotations["long"]) > maxAnnotation || !utf8.ValidString(a.Annotations["long"]) || !strings.HasSuffix(a.Annotations["long"], "…") || a.Labels["a"] != "x\uFFFDy" || a.GeneratorURL != "" {
		t.Errorf("%d %q %q", len(a.Annotations["long"]), a.Labels["a"], a.GeneratorURL)
	}
}

// A link that comes from outside is shown to people: it leads to a page or nowhere.
func TestDecodeTakesOnlyWebLinks(t *testing.T) {
	for link, want := range map[string]string{
		"https://prom.bank.example/graph?g0.expr=up": "https://prom.bank.example/graph?g0.expr=up",
		"javascript:alert(1)":                        "",
		" javascript:alert(1)":                       "",
		"data:text/html,x":                           "",
		"file:///etc/passwd":                         "",
		"//elsewhere.example/x":                      "",
	} {
		body, _ := json.Marshal(map[string]any{"version": "4", "status": "firing", "alerts": []any{map[string]any{
			"status": "firing", "labels": map[string]string{"a": "x"}, "startsAt": "2026-11-22T12:00:00Z", "generatorURL": link,
		}}})
		d, err := Decode(body)
		if err != nil || d.Alerts[0].GeneratorURL != want {
			t.Errorf("%q: %v %q", link, err, d.Alerts[0].GeneratorURL)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"version":"4","status":"resolved","alerts":[]}`))
	f.Add([]byte(`{"version":"4","status":"firing","alerts":[{"status":"firing","labels":{"a":"\u0000\ud800"},"startsAt":"9999-12-31T23:59:59Z"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := Decode(body)
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.TooLarge {
				t.Fatalf("%v is %v", err, k)
			}
			return
		}
		if len(d.Alerts) > MaxAlerts {
			t.Fatal("too many alerts")
		}
		for _, a := range d.Alerts {
			if a.Status != "firing" && a.Status != "resolved" || len(a.Labels) == 0 || len(a.Labels) > maxPairs {
				t.Fatalf("%+v", a)
			}
			for k, v := range a.Labels {
				if strings.ContainsRune(k+v, 0) || !utf8.ValidString(k+v) {
					t.Fatalf("%q=%q cannot be stored", k, v)
				}
			}
			for _, at := range []time.Time{a.StartsAt, a.EndsAt} {
				if !at.IsZero() && !time.UnixMicro(at.UnixMicro()).Equal(at.Truncate(time.Microsecond)) {
					t.Fatalf("%s cannot be stored", at)
				}
			}
		}
	})
}
