// Package id makes the ids of everything: UUIDv7, so that they sort by time.
package id

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"sync"
	"time"
)

var (
	mu   sync.Mutex
	last uint64 // milliseconds<<12 | counter, so that ids of one process never go back
)

// New returns a fresh id in the usual 8-4-4-4-12 form. Ids of one process
// strictly increase, also within a millisecond and when the clock steps back.
func New() string {
	var b [16]byte
	_, _ = rand.Read(b[8:])
	mu.Lock()
	last = max(last+1, uint64(time.Now().UnixMilli())<<12) // #nosec G115 -- the clock stands after 1970
	n := last
	mu.Unlock()
	binary.BigEndian.PutUint64(b[:8], n>>12<<16|0x7000|n&0xfff)
	b[8] = b[8]&0x3f | 0x80
	var out [36]byte
	hex.Encode(out[0:8], b[0:4])
	hex.Encode(out[9:13], b[4:6])
	hex.Encode(out[14:18], b[6:8])
	hex.Encode(out[19:23], b[8:10])
	hex.Encode(out[24:36], b[10:16])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}

// Valid says whether s has the form of an id; an empty id is not one.
func Valid(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}
