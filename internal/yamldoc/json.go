package yamldoc

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
)

// parseJSON reads exactly one JSON value, keeping lines.
func parseJSON(data []byte) (*Value, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	p := &jsonReader{d: d, data: data}
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, &Error{Line: p.line(), Msg: "there is text after the end of the JSON value."}
	}
	return v, nil
}

type jsonReader struct {
	d      *json.Decoder
	data   []byte
	at     int // offset up to which lines were counted
	lines  int
	values int
}

func (p *jsonReader) line() int {
	off := min(int(p.d.InputOffset()), len(p.data))
	if off > p.at {
		p.lines += bytes.Count(p.data[p.at:off], []byte("\n"))
		p.at = off
	}
	return p.lines + 1
}

func (p *jsonReader) value(depth int) (*Value, error) {
	t, err := p.d.Token()
	if err != nil {
		return nil, err
	}
	return p.from(t, depth)
}

func (p *jsonReader) from(t json.Token, depth int) (*Value, error) {
	line := p.line()
	if depth > MaxDepth {
		return nil, over(line, "nests deeper than %d levels. Flatten it.", MaxDepth)
	}
	if p.values++; p.values > MaxValues {
		return nil, over(line, "has more than %d values. Split it.", MaxValues)
	}
	switch t := t.(type) {
	case nil:
		return &Value{Kind: Null, Line: line}, nil
	case string:
		return &Value{Kind: Scalar, Line: line, Text: t, Quoted: true}, nil
	case json.Number:
		return &Value{Kind: Scalar, Line: line, Text: t.String()}, nil
	case bool:
		return &Value{Kind: Scalar, Line: line, Text: strconv.FormatBool(t)}, nil
	case json.Delim:
		if t == '[' {
			v := &Value{Kind: List, Line: line, Items: []*Value{}}
			for p.d.More() {
				x, err := p.value(depth + 1)
				if err != nil {
					return nil, err
				}
				v.Items = append(v.Items, x)
			}
			_, err := p.d.Token()
			return v, err
		}
		v := &Value{Kind: Map, Line: line}
		seen := map[string]bool{}
		for p.d.More() {
			kt, err := p.d.Token()
			if err != nil {
				return nil, err
			}
			key, _ := kt.(string)
			kl := p.line()
			if seen[key] {
				return nil, &Error{Line: kl, Msg: "the key " + strconv.Quote(key) + " is written twice. Keep one."}
			}
			seen[key] = true
			x, err := p.value(depth + 1)
			if err != nil {
				return nil, err
			}
			v.Fields = append(v.Fields, Field{Key: key, Line: kl, Value: x})
		}
		_, err := p.d.Token()
		return v, err
	}
	return nil, &Error{Line: line, Msg: "not valid JSON."}
}
