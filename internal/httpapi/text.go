package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"unicode/utf8"

	"muster/internal/fault"
)

// isText says whether a database takes s as text: PostgreSQL refuses NUL and
// what is not UTF-8, with an error that would look like ours.
func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

func notText(field string) error {
	return fault.Field(field, "There is a NUL character, or something that is not UTF-8, in "+field+". Take it out and send it again.")
}

// checkURL refuses an address that is not text.
func checkURL(r *http.Request) error {
	if !isText(r.URL.Path) {
		return notText("path")
	}
	if q, err := url.QueryUnescape(r.URL.RawQuery); err == nil && !isText(q) {
		return notText("query")
	}
	return nil
}

// checkBody refuses an input whose Body has something that is not text in it.
func checkBody(in any) error {
	v := reflect.Indirect(reflect.ValueOf(in))
	if v.Kind() != reflect.Struct {
		return nil
	}
	body := v.FieldByName("Body")
	if !body.IsValid() {
		return nil
	}
	if field, found := findNotText(body, ""); found {
		return notText(field)
	}
	return nil
}

func findNotText(v reflect.Value, at string) (field string, found bool) {
	switch v.Kind() {
	case reflect.String:
		return at, !isText(v.String())
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return findNotText(v.Elem(), at)
		}
	case reflect.Struct:
		for f, value := range v.Fields() {
			if !f.IsExported() {
				continue
			}
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if field, found := findNotText(value, join(at, name)); found {
				return field, true
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return "", false // bytes need not be text
		}
		for i := range v.Len() {
			if field, found := findNotText(v.Index(i), fmt.Sprintf("%s[%d]", at, i)); found {
				return field, true
			}
		}
	case reflect.Map:
		for key, value := range v.Seq2() {
			if _, found := findNotText(key, ""); found {
				return at, true // its name cannot be told
			}
			if field, found := findNotText(value, join(at, fmt.Sprint(key))); found {
				return field, true
			}
		}
	}
	return "", false
}

func join(at, name string) string {
	if at == "" || name == "" {
		return at + name
	}
	return at + "." + name
}
