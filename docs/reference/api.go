package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"muster/internal/httpapi"
)

// spec is what the page needs of an OpenAPI description.
type spec struct {
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas map[string]schema `json:"schemas"`
	} `json:"components"`
}

type operation struct {
	ID          string   `json:"operationId"`
	Summary     string   `json:"summary"`
	Description string   `json:"description"`
	Tags        []string `json:"tags"`
	Parameters  []struct {
		Name, In, Description string
		Required              bool
		Schema                schema
	} `json:"parameters"`
	Body *struct {
		Required bool
		Content  map[string]struct{ Schema schema }
	} `json:"requestBody"`
	Answers map[string]struct {
		Description string
		Content     map[string]struct{ Schema schema }
	} `json:"responses"`
}

type schema struct {
	Ref         string            `json:"$ref"`
	Type        any               `json:"type"` // a word, or a list with null
	Format      string            `json:"format"`
	Description string            `json:"description"`
	Enum        []any             `json:"enum"`
	Default     any               `json:"default"`
	Items       *schema           `json:"items"`
	Properties  map[string]schema `json:"properties"`
	Additional  any               `json:"additionalProperties"`
	Required    []string          `json:"required"`
	ReadOnly    bool              `json:"readOnly"`
	MinLength   *int              `json:"minLength"`
	MaxLength   *int              `json:"maxLength"`
	MinItems    *int              `json:"minItems"`
	MaxItems    *int              `json:"maxItems"`
	Minimum     *float64          `json:"minimum"`
	Maximum     *float64          `json:"maximum"`
}

// api writes the page of HTTP operations, by tag.
func api(a *httpapi.API) ([]byte, error) {
	text, err := json.Marshal(a.OpenAPI())
	if err != nil {
		return nil, err
	}
	var s spec
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, err
	}
	access := map[string]string{}
	for _, r := range a.Routes() {
		access[r.ID] = r.Access
	}
	type row struct {
		operation
		method, path string
	}
	tags := map[string][]row{}
	for path, ops := range s.Paths {
		for method, op := range ops {
			tag := "Other"
			if len(op.Tags) > 0 {
				tag = op.Tags[0]
			}
			tags[tag] = append(tags[tag], row{op, strings.ToUpper(method), path})
		}
	}

	p := &page{shapes: s.Components.Schemas, used: map[string]bool{}}
	p.line("# API reference", "", made+"Every operation of the [API](api.md), made from the description that the server itself gives at `/api/v1/openapi.json`. Paths begin with `/api/v1`.", "",
		"*Needs* names what the caller must be allowed: a resource type and an action as [policies](access-policy.md#what-can-be-granted) write them, *signed in* for what is one's own, or *nothing*. Besides the answers named here an operation may answer with [a problem](api.md#errors).", "")
	for _, tag := range slices.Sorted(maps.Keys(tags)) {
		rows := tags[tag]
		slices.SortFunc(rows, func(x, y row) int {
			return cmp.Or(strings.Compare(x.path, y.path), cmp.Compare(order(x.method), order(y.method)))
		})
		p.line("## "+tag, "")
		for _, op := range rows {
			p.line(fmt.Sprintf("### %s %s", op.method, strings.TrimPrefix(op.path, httpapi.Base)), "")
			p.line(strings.TrimSpace(op.Summary+". "+op.Description), "")
			p.line("Needs: "+needs(access[op.ID])+". Answers "+p.answer(op.operation)+".", "")
			p.parameters(op.operation)
			p.body(op.operation)
		}
	}
	p.shapesUsed()
	return []byte(strings.TrimRight(p.String(), "\n") + "\n"), nil
}

func order(method string) int {
	return slices.Index([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, method)
}

func needs(access string) string {
	switch access {
	case "public":
		return "nothing"
	case "signed-in":
		return "signed in"
	case "":
		return "see the text"
	}
	return "`" + access + "`"
}

type page struct {
	strings.Builder
	shapes map[string]schema
	used   map[string]bool
}

func (p *page) line(lines ...string) {
	for _, l := range lines {
		p.WriteString(l + "\n")
	}
}

func (p *page) answer(op operation) string {
	var out []string
	for _, status := range slices.Sorted(maps.Keys(op.Answers)) {
		if code, err := strconv.Atoi(status); err != nil || code >= 400 {
			continue
		}
		text := status
		for _, kind := range slices.Sorted(maps.Keys(op.Answers[status].Content)) {
			if what := p.kind(op.Answers[status].Content[kind].Schema); kind != "application/json" {
				text += " as `" + kind + "`"
			} else if what != "" {
				text += " with " + what
			}
		}
		out = append(out, text)
	}
	if len(out) == 0 {
		return "as the text says"
	}
	return strings.Join(out, " or ")
}

func (p *page) parameters(op operation) {
	rows := slices.DeleteFunc(slices.Clone(op.Parameters), func(x struct {
		Name, In, Description string
		Required              bool
		Schema                schema
	}) bool {
		return x.In == "header" || x.In == "cookie"
	})
	if len(rows) == 0 {
		return
	}
	p.line("| Parameter | In | Type | Meaning |", "|---|---|---|---|")
	for _, x := range rows {
		p.line(fmt.Sprintf("| `%s`%s | %s | %s | %s |", x.Name, needed(x.Required && x.In != "path"), x.In, p.kind(x.Schema), cell(x.Description, x.Schema)))
	}
	p.line("")
}

func (p *page) body(op operation) {
	if op.Body == nil {
		return
	}
	for _, kind := range slices.Sorted(maps.Keys(op.Body.Content)) {
		s := op.Body.Content[kind].Schema
		if s.Ref != "" {
			s = p.shapes[shape(s.Ref)]
		}
		if kind != "application/json" {
			p.line("The body is `"+kind+"`.", "")
			continue
		}
		p.fields("Body", s)
	}
}

// fields is a table of an object's fields; those that must be given first.
func (p *page) fields(head string, s schema) {
	names := slices.Sorted(maps.Keys(s.Properties))
	names = slices.DeleteFunc(names, func(n string) bool { return n == "$schema" })
	if len(names) == 0 {
		return
	}
	if head == "Body" {
		slices.SortStableFunc(names, func(a, b string) int {
			return cmp.Compare(optional(s, a), optional(s, b))
		})
	}
	p.line("| "+head+" | Type | Meaning |", "|---|---|---|")
	for _, n := range names {
		f := s.Properties[n]
		p.line(fmt.Sprintf("| `%s`%s | %s | %s |", n, needed(head == "Body" && slices.Contains(s.Required, n)), p.kind(f), cell(f.Description, f)))
	}
	p.line("")
}

// optional sorts the fields that must be given before the others.
func optional(s schema, name string) int {
	if slices.Contains(s.Required, name) {
		return 0
	}
	return 1
}

func needed(yes bool) string {
	if yes {
		return " (required)"
	}
	return ""
}

// kind is the type in words; a named shape links to its table.
func (p *page) kind(s schema) string {
	if s.Ref != "" {
		name := shape(s.Ref)
		of := p.shapes[name]
		if items, ok := of.Properties["items"]; ok && len(of.Properties) <= 2 && items.Items != nil {
			return "items, a list of " + p.kind(*items.Items)
		}
		if len(of.Properties) == 0 {
			return p.kind(of)
		}
		p.used[name] = true
		return "[" + name + "](#" + strings.ToLower(name) + ")"
	}
	word := ""
	switch t := s.Type.(type) {
	case string:
		word = t
	case []any:
		for _, x := range t {
			if x != "null" {
				word = fmt.Sprint(x)
			}
		}
	}
	switch {
	case word == "array" && s.Items != nil:
		return "list of " + p.kind(*s.Items)
	case s.Format == "date-time":
		return "time"
	case word == "object" && len(s.Properties) == 0:
		if of, ok := s.Additional.(map[string]any); ok {
			if b, err := json.Marshal(of); err == nil {
				var inner schema
				if json.Unmarshal(b, &inner) == nil && (inner.Type != nil || inner.Ref != "") {
					return "object of " + p.kind(inner)
				}
			}
		}
	case word == "":
		return "any"
	}
	return word
}

func shape(ref string) string { return ref[strings.LastIndex(ref, "/")+1:] }

// cell is what a field means, with its bounds.
func cell(text string, s schema) string {
	var out []string
	if text != "" {
		out = append(out, strings.TrimSuffix(strings.ReplaceAll(strings.ReplaceAll(text, "\n", " "), "|", "\\|"), "."))
	}
	if len(s.Enum) > 0 {
		words := make([]string, len(s.Enum))
		for i, e := range s.Enum {
			words[i] = fmt.Sprintf("`%v`", e)
		}
		out = append(out, "one of "+strings.Join(words, ", "))
	}
	if b := bounds(s); b != "" {
		out = append(out, b)
	}
	if s.Default != nil {
		out = append(out, fmt.Sprintf("default `%v`", s.Default))
	}
	return strings.Join(out, "; ")
}

func bounds(s schema) string {
	span := func(lo, hi *int, unit string) string {
		switch {
		case lo != nil && hi != nil && *lo > 0:
			return fmt.Sprintf("%d to %d %s", *lo, *hi, unit)
		case hi != nil:
			return fmt.Sprintf("at most %d %s", *hi, unit)
		case lo != nil && *lo > 0:
			return fmt.Sprintf("at least %d %s", *lo, unit)
		}
		return ""
	}
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	var out []string
	for _, x := range []string{span(s.MinLength, s.MaxLength, "characters"), span(s.MinItems, s.MaxItems, "entries")} {
		if x != "" {
			out = append(out, x)
		}
	}
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		out = append(out, number(*s.Minimum)+" to "+number(*s.Maximum))
	case s.Minimum != nil && *s.Minimum != 0:
		out = append(out, "at least "+number(*s.Minimum))
	case s.Maximum != nil:
		out = append(out, "at most "+number(*s.Maximum))
	}
	return strings.Join(out, ", ")
}

// shapesUsed describes what answers are made of; a shape may name further ones.
func (p *page) shapesUsed() {
	p.line("## Shapes", "", "What answers and bodies are made of.", "")
	done := map[string]string{}
	for len(done) < len(p.used) {
		for _, name := range slices.Sorted(maps.Keys(p.used)) {
			if _, ok := done[name]; ok {
				continue
			}
			inner := &page{shapes: p.shapes, used: p.used}
			inner.line("### "+name, "")
			if d := p.shapes[name].Description; d != "" {
				inner.line(d, "")
			}
			inner.fields("Field", p.shapes[name])
			done[name] = inner.String()
		}
	}
	for _, name := range slices.Sorted(maps.Keys(done)) {
		p.WriteString(done[name])
	}
}
