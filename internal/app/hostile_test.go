package app_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"muster/internal/account"
	"muster/internal/httpapi"
)

// hostile values by type of the input: what databases, parsers and clocks are
// known to stumble over.
var hostile = map[string][]any{
	"string": {
		"a\x00b", "\x00", "", " ", "\ufffd", "\u202eabc", "' OR 1=1 --", "%", "_", `\`, "../../etc/passwd", "$(id)", "{{.}}", "<script>", "null",
		strings.Repeat("x", 300), strings.Repeat("é", 5000), "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "-292277022399-01-01T00:00:00Z",
	},
	"integer": {0, -1, 1, 1 << 31, int64(1<<63 - 1), -1 << 63, json.RawMessage("1e30"), json.RawMessage("1.5")},
	"number":  {0, -1, json.RawMessage("1e308")},
	"boolean": {true, false},
}

// TestHostileInput sends every operation values that are wrong in every one of
// its inputs, one at a time, as somebody who may do everything. Whatever the
// answer is, it is not an error of ours.
func TestHostileInput(t *testing.T) {
	s := start(t)
	w := newWorld(s)
	s.person("god", append(slices.Clone(account.Roles), "vault-team")...)
	w.who = "god"
	doc := s.API.OpenAPI()
	lines := map[string]line{}
	for _, l := range ordinary {
		if lines[l.op].op == "" {
			lines[l.op] = l
		}
	}
	routes := slices.Clone(s.API.Routes())
	slow := []string{"sign-in", "set-up", "change-password"} // on purpose, and limited
	slices.SortStableFunc(routes, func(a, b httpapi.Route) int { return slices.Index(slow, a.ID) - slices.Index(slow, b.ID) })
	sent := 0
	for _, r := range routes {
		op := operation(doc, r)
		s.person("god-"+r.ID, append(slices.Clone(account.Roles), "vault-team")...)
		god := s.as("god-" + r.ID) // with a budget of its own
		try := func(path string, body any) {
			t.Helper()
			sent++
			switch a := god.send(r.Method, httpapi.Base+path, body); {
			case a.status == 429 && god.call("GET", "/me", nil).status == 429:
				t.Fatalf("%s: the test is too fast for its own budget", r.ID)
			case a.status >= 500:
				b, _ := json.Marshal(body)
				t.Errorf("%s %.200q %.300s: %d %s", r.ID, path, b, a.status, a.text)
			case a.status >= 400:
				s.proper(r.ID, a)
			}
		}
		with, err := url.ParseQuery(strings.ReplaceAll(lines[r.ID].with, "+", "%2B"))
		if err != nil {
			t.Fatal(err)
		}
		for name := range with {
			with.Set(name, w.fill(with.Get(name)))
		}
		good := w.body(lines[r.ID])
		for _, p := range op.Parameters {
			if p.In != "path" && p.In != "query" {
				continue
			}
			for _, v := range append(slices.Clone(hostile["string"]), "\xff\xfe", "1", "-1", "9223372036854775808") {
				text := v.(string)
				if p.In == "path" && (text == "" || strings.Trim(text, "./") == "") {
					continue // another address
				}
				path, query := r.Path, url.Values{}
				for _, q := range op.Parameters {
					val := with.Get(q.Name)
					if q.Name == p.Name {
						val = text
					}
					if q.In == "path" {
						if val == "" {
							val = "x"
						}
						path = strings.NewReplacer("{"+q.Name+"}", url.PathEscape(val), "{"+q.Name+"...}", url.PathEscape(val)).Replace(path)
					} else if val != "" || q.Name == p.Name {
						query.Set(q.Name, val)
					}
				}
				if len(query) > 0 {
					path += "?" + query.Encode()
				}
				try(path, good)
			}
		}
		if op.RequestBody == nil {
			continue
		}
		schema := op.RequestBody.Content["application/json"].Schema
		path := w.address(r, lines[r.ID])
		for _, bad := range spoil(doc, schema, good, 0) {
			try(path, bad)
		}
	}
	t.Logf("%d requests", sent)
	s.as("god").want(200, "GET", "/office", nil)
}

func operation(doc *huma.OpenAPI, r httpapi.Route) *huma.Operation {
	item := doc.Paths[httpapi.Base+strings.ReplaceAll(r.Path, "...}", "}")]
	return map[string]*huma.Operation{"GET": item.Get, "PUT": item.Put, "POST": item.Post, "PATCH": item.Patch, "DELETE": item.Delete}[r.Method]
}

// body is the valid body of a line, nil when it has none.
func (w *world) body(l line) any {
	if l.body == "" {
		return nil
	}
	var v any
	if err := json.Unmarshal([]byte(w.fill(l.body)), &v); err != nil {
		w.t.Fatalf("%s: %v", l.op, err)
	}
	return v
}

// spoil gives copies of good, each with one value replaced by a hostile one.
func spoil(doc *huma.OpenAPI, schema *huma.Schema, good any, depth int) (out []any) {
	if schema == nil || depth > 4 {
		return nil
	}
	if schema.Ref != "" {
		return spoil(doc, doc.Components.Schemas.SchemaFromRef(schema.Ref), good, depth)
	}
	if len(schema.OneOf) > 0 {
		for _, one := range schema.OneOf {
			out = append(out, spoil(doc, one, good, depth)...)
		}
		return out
	}
	out = append(out, json.RawMessage("null"))
	switch schema.Type {
	case "object":
		members, _ := good.(map[string]any)
		in := func(name string, s *huma.Schema) {
			for _, v := range spoil(doc, s, members[name], depth+1) {
				m := maps.Clone(members)
				if m == nil {
					m = map[string]any{}
				}
				m[name] = v
				out = append(out, m)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
			in(name, schema.Properties[name])
		}
		if s, ok := schema.AdditionalProperties.(*huma.Schema); ok {
			in("x", s)
			in("a\x00b", s)
		}
	case "array":
		for _, v := range spoil(doc, schema.Items, nil, depth+1) {
			out = append(out, []any{v})
		}
	default:
		out = append(out, hostile[schema.Type]...)
	}
	return out
}
