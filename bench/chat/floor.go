package chat

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/coder/websocket"
	_ "modernc.org/sqlite" // the database the server uses
)

// FloorArg starts the calling program as a floor: PROGRAM chat-floor DIR.
const FloorArg = "chat-floor"

// floor is the least a chat server can be: one durable insert, then the text to
// every plain WebSocket.
type floor struct {
	url string
	cmd *exec.Cmd
	in  io.Closer
}

func startFloor(dir string) (*floor, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	f := &floor{cmd: exec.Command(self, FloorArg, dir)}
	f.cmd.Stderr = os.Stderr
	if f.in, err = f.cmd.StdinPipe(); err != nil { // its end ends the floor, also when this program is killed
		return nil, err
	}
	out, err := f.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := f.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		f.stop()
		return nil, fmt.Errorf("the floor did not start: %w", err)
	}
	f.url = strings.TrimSpace(line)
	return f, nil
}

func (f *floor) stop() {
	_ = f.in.Close()
	_ = f.cmd.Wait()
}

// ServeFloor is the floor's process.
func ServeFloor(dir string) error {
	d, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "floor.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return err
	}
	d.SetMaxOpenConns(1)
	if _, err := d.Exec(`CREATE TABLE message (id INTEGER PRIMARY KEY, text TEXT); CREATE TABLE room (id TEXT, name TEXT, topic TEXT, kind TEXT, seq INTEGER, at INTEGER)`); err != nil {
		return err
	}
	for n := range 1000 {
		if _, err := d.Exec(`INSERT INTO room VALUES ($1, $2, $3, 'team', $4, $4)`, fmt.Sprintf("01a203b4-8cb5-700c-9e15-%012d", n), fmt.Sprintf("room-%d", n), "What this room is about", n); err != nil {
			return err
		}
	}
	var mu sync.Mutex
	clients := map[*websocket.Conn]chan []byte{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /socket", func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		send := make(chan []byte, 1024)
		mu.Lock()
		clients[c] = send
		mu.Unlock()
		defer func() {
			mu.Lock()
			delete(clients, c)
			mu.Unlock()
			_ = c.CloseNow()
		}()
		ctx := c.CloseRead(context.Background())
		for {
			select {
			case m := <-send:
				if c.Write(ctx, websocket.MessageText, m) != nil {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	})
	mux.HandleFunc("POST /post", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err == nil {
			_, err = d.Exec(`INSERT INTO message (text) VALUES ($1)`, string(text))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		mu.Lock()
		for _, send := range clients {
			select {
			case send <- text:
			default:
			}
		}
		mu.Unlock()
		w.WriteHeader(http.StatusCreated)
	})
	mux.HandleFunc("GET /rooms", func(w http.ResponseWriter, r *http.Request) {
		type room struct {
			ID, Name, Topic, Kind string
			Seq, At               int64
		}
		rows, err := d.Query(`SELECT id, name, topic, kind, seq, at FROM room`)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer rows.Close()
		all := []room{}
		for rows.Next() {
			var o room
			if err := rows.Scan(&o.ID, &o.Name, &o.Topic, &o.Kind, &o.Seq, &o.At); err != nil {
				break
			}
			all = append(all, o)
		}
		_ = json.NewEncoder(w).Encode(all)
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + ln.Addr().String())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	return http.Serve(ln, mux)
}
