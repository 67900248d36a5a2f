package httpapi

import (
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// schemaNames gives each type of the API one name in the description: a named
// type its own, an input without a name that of its operation. Two types that
// would share a name are told apart by the operation that brought the second.
type schemaNames struct {
	operation string // being registered
	taken     map[string]reflect.Type
}

func (s *schemaNames) name(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := huma.DefaultSchemaNamer(t, hint)
	switch {
	case t.Name() == "" && strings.HasSuffix(hint, "Body"):
		name = pascal(s.operation) + "Input"
	case t.Name() == "":
		name = pascal(s.operation) + name
	}
	if was := s.taken[name]; was != nil && was != t {
		name = pascal(s.operation) + name
	}
	s.taken[name] = t
	return name
}

func pascal(kebab string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(kebab, "-") {
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return b.String()
}
