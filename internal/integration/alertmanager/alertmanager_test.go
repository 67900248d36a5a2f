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

func with(alerts ...string) string {
	return `{"version":"4","status":"firing","groupKey":"g","alerts":[` + strings.Join(alerts, ",") + `]}`
}

func TestWhatIsNoDeliveryIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ body, field string }{
		"empty":            {``, "body"},
		"no JSON":          {`hello`, "body"},
		"half":             {good[:200], "body"},
		"a list":           {`[]`, "body"},
		"null":             {`null`, "version"},
		"more behind":      {good + `{}`, "body"},
		"no version":       {`{"status":"firing","alerts":[]}`, "version"},
		"version 3":        {`{"version":"3","status":"firing","alerts":[]}`, "version"},
		"no alerts":        {`{"version":"4","status":"firing"}`, "alerts"},
		"alerts null":      {`{"version":"4","status":"firing","alerts":null}`, "alerts"},
		"alerts an object": {`{"version":"4","status":"firing","alerts":{}}`, "alerts"},
		"deep":             {`{"version":` + strings.Repeat("[", 20000), "body"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode([]byte(c.body))
			fs := fault.FieldsOf(err)
			if !fault.Is(err, fault.Invalid) || len(fs) != 1 {
				t.Fatalf("%v", err)
			}
			if fs[0].Field != c.field {
				t.Errorf("field %q (%s), want %q", fs[0].Field, fs[0].Message, c.field)
			}
		})
	}
	for _, body := range []string{strings.Repeat("\x00", MaxBody+1), with(`{"labels":{"alertname":"` + strings.Repeat("x", MaxBody) + `"}}`), `{"version":"3","alerts":[{}],"x":"` + strings.Repeat("x", MaxBody) + `"}`} {
		if _, err := Decode([]byte(body)); !fault.Is(err, fault.TooLarge) && fault.FieldsOf(err) == nil {
			t.Error(err)
		}
	}
}

// The worse the trouble, the more is told of it in one delivery: what is too much
// costs the rest, and not the beginning.
func TestOfADeliveryThatIsTooLargeTheBeginningIsTaken(t *testing.T) {
	ok := `{"status":"firing","labels":{"alertname":"PaymentsDown","severity":"critical"},"startsAt":"2026-11-22T12:00:00Z","fingerprint":"good"}`
	huge := `{"status":"firing","labels":{"alertname":"Pod"},"annotations":{"dump":"` + strings.Repeat("x", MaxBody) + `"}}`
	for name, body := range map[string]string{
		"as Alertmanager writes it": `{"receiver":"m","status":"firing","alerts":[` + ok + `,` + huge + `,` + ok + `],"version":"4","groupKey":"g"}`,
		"the rest is huge":          `{"alerts":[` + ok + `],"version":"4","groupKey":"g","commonAnnotations":{"dump":"` + strings.Repeat("x", MaxBody) + `"}}`,
		"version first":             with(ok, huge),
	} {
		d, err := Decode([]byte(body))
		if err != nil || len(d.Alerts) != 1 || d.Alerts[0].Fingerprint != "good" || d.Alerts[0].Status != "firing" || d.Truncated < 1 || len(d.Remarks) != 1 {
			t.Errorf("%s: %v, %d alerts, %d truncated, %v", name, err, len(d.Alerts), d.Truncated, d.Remarks)
		}
	}
	if d, err := Decode([]byte("\xef\xbb\xbf" + good)); err != nil || len(d.Alerts) != 2 {
		t.Error("with a byte order mark:", err)
	}
}

// One odd alert never costs the one beside it: it is taken as far as it goes, or
// left out and counted, and a remark says why.
func TestOneOddAlertDoesNotCostTheOthers(t *testing.T) {
	ok := `{"status":"firing","labels":{"alertname":"PaymentsDown"},"startsAt":"2026-11-22T12:00:00Z","fingerprint":"good"}`
	many := []string{`"alertname":"Many"`, `"service":"pay"`, `"severity":"critical"`}
	for n := range 100 {
		many = append(many, fmt.Sprintf(`"a%03d":"x"`, n))
	}
	long := strings.Repeat("x", 2100)
	for name, c := range map[string]struct {
		odd    string
		out    bool   // left out
		remark string // part of what is said
		check  func(alert.Incoming) bool
	}{
		"long label":      {`{"status":"firing","labels":{"alertname":"Pod","cmd":"` + long + `"},"fingerprint":"f"}`, false, "cmd was cut", func(a alert.Incoming) bool { return len(a.Labels["cmd"]) == maxLabel && a.Fingerprint == "f" }},
		"long label name": {`{"status":"firing","labels":{"` + long + `":"a"}}`, false, "was cut", func(a alert.Incoming) bool { return len(a.Fingerprint) == 32 }},
		"too many labels": {`{"status":"firing","labels":{` + strings.Join(many, ",") + `}}`, false, "has 103 labels", func(a alert.Incoming) bool {
			return len(a.Labels) == maxPairs && a.Labels["service"] == "pay" && a.Labels["severity"] == "critical"
		}},
		"labels null":   {`{"status":"firing","labels":null,"fingerprint":"f"}`, false, "", func(a alert.Incoming) bool { return a.Fingerprint == "f" && a.Labels != nil }},
		"labels a list": {`{"status":"firing","labels":[1],"fingerprint":"f"}`, false, "", nil},
		"a number as label": {`{"status":"firing","labels":{"a":1,"b":true,"c":null,"d":{},"e":""}}`, false, "", func(a alert.Incoming) bool {
			return cmp.Equal(a.Labels, map[string]string{"a": "1", "b": "true", "e": ""})
		}},
		"no identity":      {`{"status":"firing","labels":{}}`, true, "neither labels nor a fingerprint", nil},
		"status":           {`{"status":"maybe","labels":{"a":"b"}}`, true, `it says "maybe"`, nil},
		"no status":        {`{"labels":{"a":"b"}}`, false, "", func(a alert.Incoming) bool { return a.Status == "firing" }},
		"null":             {`null`, true, "no JSON object", nil},
		"a number":         {`5`, true, "no JSON object", nil},
		"no start":         {`{"status":"firing","labels":{"a":"b"}}`, false, "", func(a alert.Incoming) bool { return a.StartsAt.IsZero() }},
		"start":            {`{"status":"firing","labels":{"a":"b"},"startsAt":"yesterday"}`, false, `startsAt is no time: "yesterday"`, nil},
		"end a number":     {`{"status":"firing","labels":{"a":"b"},"endsAt":5}`, false, "endsAt is no time", nil},
		"fingerprint":      {`{"status":"firing","labels":{"a":"b"},"fingerprint":5}`, false, "", func(a alert.Incoming) bool { return a.Fingerprint == "5" }},
		"long fingerprint": {`{"status":"firing","labels":{"a":"b"},"fingerprint":"` + long + `"}`, false, "", func(a alert.Incoming) bool { return len(a.Fingerprint) == 32 }},
		"annotations":      {`{"status":"firing","labels":{"a":"b"},"annotations":"none"}`, false, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, body := range []string{with(ok, c.odd), with(c.odd, ok)} {
				d, err := Decode([]byte(body))
				if err != nil {
					t.Fatal(err)
				}
				left := 0
				if c.out {
					left = 1
				}
				if d.LeftOut != left || len(d.Alerts) != 2-left {
					t.Fatalf("%d left out, %d alerts", d.LeftOut, len(d.Alerts))
				}
				if said := strings.Join(d.Remarks, " "); !strings.Contains(said, c.remark) || c.remark == "" && said != "" {
					t.Errorf("remarks %q", said)
				}
				good := false
				for _, a := range d.Alerts {
					if a.Fingerprint == "good" {
						good = true
					} else if c.check != nil && !c.check(a) {
						t.Errorf("%+v", a)
					}
				}
				if !good {
					t.Error("the good one is lost")
				}
			}
		})
	}
}

// What is odd about a delivery as a whole costs no alert either.
func TestAnOddDeliveryIsTaken(t *testing.T) {
	one := `{"status":"firing","labels":{"a":"b"}}`
	for name, body := range map[string]string{
		"no status":           `{"version":"4","alerts":[` + one + `]}`,
		"version as a number": `{"version":4,"status":"firing","alerts":[` + one + `]}`,
		"negative truncation": `{"version":"4","alerts":[` + one + `],"truncatedAlerts":-1}`,
		"truncation in words": `{"version":"4","alerts":[` + one + `],"truncatedAlerts":"some"}`,
		"group key null":      `{"version":"4","alerts":[` + one + `],"groupKey":null}`,
		"long group key":      `{"version":"4","alerts":[` + one + `],"groupKey":"` + strings.Repeat("g", 20000) + `"}`,
	} {
		d, err := Decode([]byte(body))
		if err != nil || len(d.Alerts) != 1 || d.Truncated != 0 || len(d.GroupKey) > 300 {
			t.Errorf("%s: %v, %+v", name, err, d)
		}
	}
	all := make([]string, MaxAlerts+1)
	for n := range all {
		all[n] = one
	}
	d, err := Decode([]byte(with(all...)))
	if err != nil || len(d.Alerts) != MaxAlerts || d.Truncated != 1 || len(d.Remarks) != 1 {
		t.Errorf("%v, %d alerts, %d truncated", err, len(d.Alerts), d.Truncated)
	}
	// Two long groups do not become one.
	a, _ := Decode([]byte(`{"version":"4","alerts":[],"groupKey":"` + strings.Repeat("g", 20000) + `a"}`))
	b, _ := Decode([]byte(`{"version":"4","alerts":[],"groupKey":"` + strings.Repeat("g", 20000) + `b"}`))
	if a.GroupKey == b.GroupKey {
		t.Error("two groups have one key")
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
		if len(d.Alerts) > MaxAlerts || len(d.Remarks) > maxRemarks || len(d.GroupKey) > maxGroupKey {
			t.Fatal("too many alerts")
		}
		for _, a := range d.Alerts {
			if a.Status != "firing" && a.Status != "resolved" || len(a.Labels) == 0 && a.Fingerprint == "" || len(a.Labels) > maxPairs || len(a.Fingerprint) > maxName {
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
