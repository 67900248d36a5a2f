package run

import (
	"bytes"
	"strings"
	"sync"
	"unicode/utf8"
)

// maxLine bounds a line of the log; a longer one goes on in the next.
const maxLine = 64 << 10

// liner turns the bytes of one stream of one step on one node into lines that
// are safe to store and show: masked, valid UTF-8, without NUL, of bounded length.
type liner struct {
	mask   masker
	buf    []byte // the line so far
	open   bool   // the line's beginning was already given out
	emit   func(text string, cont bool)
	waited bool       // a partial line stood here at the last tick
	lock   sync.Mutex // for who shares it: an executor and the ticking log
}

func newLiner(s *secrets, emit func(text string, cont bool)) *liner {
	return &liner{mask: masker{s: s}, emit: emit}
}

func (l *liner) write(data []byte) {
	l.waited = false
	// In pieces, so that a huge write costs no huge buffers.
	for len(data) > 0 {
		n := min(len(data), maxLine)
		l.take(l.mask.feed(data[:n], false))
		data = data[n:]
	}
}

func (l *liner) take(data []byte) {
	for len(data) > 0 {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			l.buf = append(l.buf, data...)
			l.split()
			return
		}
		l.buf = append(l.buf, data[:i]...)
		l.split()
		l.buf = bytes.TrimSuffix(l.buf, []byte("\r"))
		if len(l.buf) > 0 || !l.open {
			l.emit(safe(l.buf), l.open)
		}
		l.buf, l.open = l.buf[:0], false
		data = data[i+1:]
	}
}

// split gives out what is longer than a line may be, at a whole character.
func (l *liner) split() {
	for len(l.buf) > maxLine {
		n := maxLine
		for n > maxLine-utf8.UTFMax && !utf8.RuneStart(l.buf[n]) {
			n--
		}
		l.emit(safe(l.buf[:n]), l.open)
		l.open = true
		l.buf = append(l.buf[:0], l.buf[n:]...)
	}
}

// tick gives out a partial line that stood still for a whole tick: a prompt,
// a progress bar.
func (l *liner) tick() {
	if len(l.buf) == 0 {
		return
	}
	if !l.waited {
		l.waited = true
		return
	}
	n := whole(l.buf)
	if n == 0 {
		return
	}
	l.emit(safe(l.buf[:n]), l.open)
	l.open = true
	l.buf = append(l.buf[:0], l.buf[n:]...)
}

// close gives out the rest.
func (l *liner) close() {
	l.take(l.mask.feed(nil, true))
	if len(l.buf) > 0 {
		l.emit(safe(l.buf), l.open)
		l.buf = nil
	}
}

// whole is the length of b without a character that is cut at its end.
func whole(b []byte) int {
	for i := 1; i <= min(utf8.UTFMax-1, len(b)); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return len(b) - i
			}
			break
		}
	}
	return len(b)
}

// safe replaces what is no text.
func safe(b []byte) string {
	s := strings.ToValidUTF8(string(b), "\uFFFD")
	return strings.ReplaceAll(s, "\x00", "\u2400")
}
