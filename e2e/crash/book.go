package main

import (
	"fmt"
	"sync"
	"time"
)

// book is what the harness was told: every request it sent, and which of them
// the server acknowledged.
type book struct {
	mu       sync.Mutex
	posts    map[string]*post // by client key
	edits    map[string][]*edit
	alerts   map[string]*alert // by fingerprint
	runs     map[string]*asked // by client key
	acks     map[string]bool   // incidents somebody acknowledged, by id
	counts   map[string]int
	findings []string
	longest  time.Duration // any answer took
	slow     string        // which
	startup  time.Duration // the longest a start took
	settled  time.Duration // the longest an orphan stayed after the server was ready again
	late     time.Duration // the longest a page came after it was due
}

// post is a message that was sent, under its client's key.
type post struct {
	key, room, text string
	acked           bool
	id              string
	seq             int64
}

// edit is a new text of a message; Muster numbers it.
type edit struct {
	text  string
	acked bool
	seq   int64
}

// alert is one that was delivered to the webhook.
type alert struct {
	print, service string
	acked          bool
	resolved       bool // its end was delivered
	unsure         bool // whether its end arrived is not known
}

// asked is a run that was asked for.
type asked struct {
	key, job string
	acked    bool
	id       string
	number   int64
	digest   string
	approved bool
	lines    map[int64]string // stored lines of its log, as they were read
	began    time.Time
}

func newBook() *book {
	return &book{posts: map[string]*post{}, edits: map[string][]*edit{}, alerts: map[string]*alert{}, runs: map[string]*asked{}, acks: map[string]bool{}, counts: map[string]int{}}
}

// finding notes something that must not be. Only the first of each kind are kept in words.
func (b *book) finding(format string, a ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if text := fmt.Sprintf(format, a...); len(b.findings) < 40 {
		b.findings = append(b.findings, text)
	} else {
		b.counts["findings beyond the first 40"]++
	}
}

func (b *book) count(what string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts[what] += n
}

func (b *book) counted(what string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.counts[what]
}

func (b *book) took(what string, d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d > b.longest {
		b.longest, b.slow = d, what
	}
}

// clean says whether nothing was found.
func (b *book) clean() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.findings) == 0
}
