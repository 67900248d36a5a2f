package httpapi_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func delivery(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// one is a delivery of one alert.
func one(status, name, severity, env string, starts, ends time.Time) string {
	b, _ := json.Marshal(object{"version": "4", "status": status, "groupKey": name, "receiver": "m", "alerts": []object{{
		"status": status, "labels": object{"alertname": name, "service": "payments-api", "severity": severity, "env": env}, "annotations": object{"summary": name + " fires"},
		"startsAt": starts, "endsAt": ends, "fingerprint": name,
	}}})
	return string(b)
}

func (r *response) pages(who string) (n int) {
	r.t.Helper()
	for _, x := range call[list](r, who, "GET", "/notifications", nil, 200).Items {
		if x["kind"] == "page" {
			n++
		}
	}
	return n
}

func (r *response) taken(url, body, want string) {
	r.t.Helper()
	if code, text := r.hook(url, body); code != 200 || !strings.Contains(text, want) {
		r.t.Errorf("%d %s, want %s", code, text, want)
	}
}

// One label that is too long costs at most its own alert, and that is told.
func TestALongLabelLosesNothingElse(t *testing.T) {
	r := openResponse(t)
	r.taken(r.source(), strings.ReplaceAll(delivery(t, "long-label"), "@LONG@", strings.Repeat("x", 2100)), `"accepted"`)
	found := ""
	for _, a := range call[list](r, "ann", "GET", "/alerts", nil, 200).Items {
		found += fmt.Sprint(a["labels"].(object)["alertname"], " ")
	}
	worst := 0
	for _, i := range call[list](r, "ann", "GET", "/incidents", nil, 200).Items {
		if i["severity"] == 1.0 && i["environment"] == "prod" {
			worst += len(call[object](r, "ann", "GET", "/incidents/"+i["id"].(string), nil, 200)["pages"].([]any))
		}
	}
	if !strings.Contains(found, "PaymentsDown") || worst != 1 {
		t.Errorf("taken: %s, pages of the SEV-1: %d", found, worst)
	}
	src := call[list](r, "root", "GET", "/alert-sources", nil, 200).Items[0]
	if told := fmt.Sprint(src["left_out"], " ", src["notice"]); !strings.Contains(told, "Pod") && !strings.Contains(told, "cmd") {
		t.Errorf("the source says %s of what was cut or left out", told)
	}
}

// An alert of no service that is known pages somebody, and the room says who.
func TestAnAlertOfNoServiceTellsSomebody(t *testing.T) {
	r := openResponse(t)
	url := call[struct{ URL string }](r, "root", "POST", "/alert-sources", object{"kind": "alertmanager", "name": "core"}, 201).URL
	r.taken(url, delivery(t, "no-service"), `"accepted":1`)
	if r.pages("root") != 1 {
		t.Error("nobody is told")
	}
	is := call[list](r, "root", "GET", "/incidents", nil, 200).Items
	if len(is) != 1 {
		t.Fatal(is)
	}
	text := ""
	for _, m := range r.Said(is[0]["room"].(object)["id"].(string)) {
		text += m.Text + "\n"
	}
	if !strings.Contains(text, "administrator") {
		t.Errorf("the room says\n%s", text)
	}
}

// What fires again after its incident is over, with a start of its own, is new:
// the source may have had no word of the end.
func TestTheNextOutageIsNotSwallowed(t *testing.T) {
	r := openResponse(t)
	url := r.source()
	now := r.Clock.Now()
	r.taken(url, one("firing", "Orphan", "critical", "prod", now.Add(-time.Hour), time.Time{}), `"accepted":1`)
	is := call[list](r, "ann", "GET", "/incidents", nil, 200).Items
	for _, stage := range []string{"resolved", "closed"} {
		call[object](r, "ann", "POST", "/incidents/"+is[0]["id"].(string)+"/stage", object{"stage": stage}, 200)
	}
	before := r.pages("ann")
	r.Clock.Advance(72 * time.Hour)
	r.taken(url, one("firing", "Orphan", "critical", "prod", r.Clock.Now(), time.Time{}), `"accepted":1`)
	if is := call[list](r, "ann", "GET", "/incidents?state=all", nil, 200).Items; len(is) != 2 || r.pages("ann")+r.pages("bob") <= before {
		t.Errorf("%d incidents, pages of Ann and Bob %d, before %d", len(is), r.pages("ann")+r.pages("bob"), before)
	}
}

// Replicas name an earlier start later on; the end that names it counts.
func TestTheEndOfAnEarlierStart(t *testing.T) {
	r := openResponse(t)
	url := r.source()
	now := r.Clock.Now()
	a, b := now.Add(-10*time.Second), now.Add(-25*time.Second)
	r.taken(url, one("firing", "HAPair", "critical", "prod", a, time.Time{}), `"accepted":1`)
	r.taken(url, one("firing", "HAPair", "critical", "prod", b, time.Time{}), `"repeated":1`)
	r.taken(url, one("resolved", "HAPair", "critical", "prod", b, now), `"resolved":1`)
}

// A critical alert of production is not lost in an acknowledged warning of dev.
func TestACriticalBesideAnAcknowledgedWarning(t *testing.T) {
	r := openResponse(t)
	url := r.source()
	now := r.Clock.Now()
	r.taken(url, one("firing", "DiskWarn", "warning", "dev", now, time.Time{}), `"accepted":1`)
	dev := call[list](r, "ann", "GET", "/incidents", nil, 200).Items[0]
	call[object](r, "ann", "POST", "/incidents/"+dev["id"].(string)+"/acknowledge", nil, 200)
	before := r.pages("ann")
	r.taken(url, one("firing", "PaymentsDown", "critical", "prod", now, time.Time{}), `"accepted":1`)
	worst := object{}
	for _, i := range call[list](r, "ann", "GET", "/incidents", nil, 200).Items {
		if i["severity"] == 1.0 {
			worst = i
		}
	}
	if worst["environment"] != "prod" || worst["id"] == dev["id"] || r.pages("ann") != before+1 {
		t.Errorf("the worst is %v, pages %d after %d", worst, r.pages("ann"), before)
	}
}

// A test pages nobody.
func TestATestOverTheAPIPagesNobody(t *testing.T) {
	r := openResponse(t)
	i := call[object](r, "bob", "POST", "/incidents", object{"title": "only a test", "severity": 1, "service": "payments-api", "mode": "test"}, 201)
	if n := len(i["pages"].([]any)); n != 0 || r.pages("ann")+r.pages("bob")+r.pages("root") != 0 {
		t.Errorf("%d pages", n)
	}
}
