package ssh

import (
	"io"
	"net"
	"sync"
	"testing"
)

// proxy stands between Muster and a node, and can go silent without a word, as
// a firewall that forgot the connection does.
type proxy struct {
	addr string
	mu   sync.Mutex
	ice  chan struct{} // of the newest connection; closed when it is frozen
	held []net.Conn
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String()}
	t.Cleanup(func() {
		l.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, c := range p.held {
			c.Close()
		}
	})
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			p.mu.Lock()
			p.held = append(p.held, in, out)
			p.mu.Unlock()
			frozen := make(chan struct{})
			p.mu.Lock()
			p.ice = frozen
			p.mu.Unlock()
			go p.copy(out, in, frozen)
			go p.copy(in, out, frozen)
		}
	}()
	return p
}

func (p *proxy) copy(to, from net.Conn, frozen chan struct{}) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		select {
		case <-frozen:
			_, _ = io.Copy(io.Discard, from)
			return
		default:
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			to.Close()
			return
		}
	}
}

// freeze swallows everything on the newest connection from now on; later
// connections work.
func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.ice)
}
