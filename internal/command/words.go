package command

import (
	"strings"

	"muster/internal/fault"
)

// Word is one argument of a typed line.
type Word struct {
	Text   string // without quotes
	Start  int    // byte offset in the line
	End    int
	Quoted bool // some of it was quoted
}

// Words splits a line like a shell reads it, without expanding anything: 'a b',
// "a \"b\"" and a\ b keep blanks, newlines inside quotes stay.
func Words(line string) ([]Word, error) {
	out := []Word{}
	var b strings.Builder
	var w Word
	open := false
	quote := byte(0)
	end := func(i int) {
		if open {
			w.Text, w.End = b.String(), i
			out = append(out, w)
		}
		b.Reset()
		open, w = false, Word{}
	}
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote == 0 && (c == ' ' || c == '\t' || c == '\n'):
			end(i)
			continue
		case !open:
			open, w.Start = true, i
		}
		switch {
		case quote == 0 && (c == '\'' || c == '"'):
			quote, w.Quoted = c, true
		case quote != 0 && c == quote:
			quote = 0
		case c == '\\' && quote != '\'' && i+1 < len(line):
			i++
			b.WriteByte(line[i])
		default:
			b.WriteByte(c)
		}
	}
	if quote != 0 {
		return nil, fault.Field("text", "A quote "+string(quote)+" is not closed. Close it, or put a \\ before it.")
	}
	end(len(line))
	return out, nil
}

// KeyValue splits name=value; ok is false for a plain word.
func (w Word) KeyValue() (name, value string, ok bool) {
	name, value, ok = strings.Cut(w.Text, "=")
	if !ok || name == "" || strings.ContainsAny(name, " /'\"") {
		return "", "", false
	}
	return name, value, true
}
