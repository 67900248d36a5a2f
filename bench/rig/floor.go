package rig

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
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	_ "modernc.org/sqlite" // the same database as the server's
)

// FloorArg starts this program as a floor: `bench floor FILE`.
const FloorArg = "floor"

// Floor is a process of its own that does the least a server of this kind can:
//
//	GET  /           answers
//	GET  /socket     a plain WebSocket
//	POST /post       one durable row, then the body to every socket
//	GET  /rows?n=    n rows of one table as JSON
//	GET  /file/…     a file of the folder beside the database
type Floor struct {
	URL   string
	cmd   *exec.Cmd
	stdin io.Closer
	Took  time.Duration // from the start of the process to its first answer
}

// Floor starts one.
func (r *Rig) Floor(ctx context.Context) (*Floor, error) {
	dir, err := r.Folder("floor")
	if err != nil {
		return nil, err
	}
	return StartFloor(ctx, dir)
}

// StartFloor starts one on a folder.
func StartFloor(ctx context.Context, dir string) (*Floor, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	f := &Floor{cmd: exec.CommandContext(ctx, self, FloorArg, dir)}
	f.cmd.Stderr = os.Stderr
	out, err := f.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if f.stdin, err = f.cmd.StdinPipe(); err != nil { // its end ends the floor, also when this program is killed
		return nil, err
	}
	if err := f.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		f.Stop()
		return nil, fmt.Errorf("the floor did not start: %w", err)
	}
	f.URL = strings.TrimSpace(line)
	res, err := http.Get(f.URL + "/")
	if err != nil {
		f.Stop()
		return nil, err
	}
	res.Body.Close()
	f.Took = time.Since(began)
	return f, nil
}

// Pid is the process's.
func (f *Floor) Pid() int { return f.cmd.Process.Pid }

// Stop ends it.
func (f *Floor) Stop() {
	_ = f.stdin.Close()
	_ = f.cmd.Wait()
}

// Listen opens a plain socket; hear gets each message.
func (f *Floor) Listen(ctx context.Context, hear func(at time.Time, body []byte)) (stop func(), err error) {
	c, _, err := websocket.Dial(ctx, strings.Replace(f.URL, "http", "ws", 1)+"/socket", nil)
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			_, b, err := c.Read(context.Background())
			if err != nil {
				return
			}
			hear(time.Now(), b)
		}
	}()
	return func() { _ = c.CloseNow() }, nil
}

// ServeFloor is the floor's main; it ends with its standard input.
func ServeFloor(dir string) error {
	db, err := sql.Open("sqlite", "file:"+dir+"/floor.db?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`CREATE TABLE IF NOT EXISTS row (id INTEGER PRIMARY KEY, name TEXT, body TEXT)`); err != nil {
		return err
	}
	var mu sync.Mutex
	sockets := map[*websocket.Conn]chan []byte{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.Handle("GET /file/", http.StripPrefix("/file/", http.FileServer(http.Dir(dir))))
	mux.HandleFunc("GET /socket", func(w http.ResponseWriter, q *http.Request) {
		c, err := websocket.Accept(w, q, nil)
		if err != nil {
			return
		}
		queue := make(chan []byte, 1024)
		mu.Lock()
		sockets[c] = queue
		mu.Unlock()
		ctx := c.CloseRead(context.Background())
		defer func() {
			mu.Lock()
			delete(sockets, c)
			mu.Unlock()
			_ = c.CloseNow()
		}()
		for {
			select {
			case b := <-queue:
				if c.Write(ctx, websocket.MessageText, b) != nil {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	})
	mux.HandleFunc("POST /post", func(w http.ResponseWriter, q *http.Request) {
		b, err := io.ReadAll(q.Body)
		if err == nil {
			_, err = db.Exec(`INSERT INTO row (name, body) VALUES ('x', ?)`, string(b))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, queue := range sockets {
			queue <- b
		}
	})
	mux.HandleFunc("POST /fill", func(w http.ResponseWriter, q *http.Request) {
		n, _ := strconv.Atoi(q.URL.Query().Get("n"))
		size, _ := strconv.Atoi(q.URL.Query().Get("size"))
		tx, err := db.Begin()
		for i := 0; err == nil && i < n; i++ {
			_, err = tx.Exec(`INSERT INTO row (name, body) VALUES (?, ?)`, fmt.Sprintf("row-%06d", i), strings.Repeat("x", size))
		}
		if err == nil {
			err = tx.Commit()
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("GET /rows", func(w http.ResponseWriter, q *http.Request) {
		if err := rows(w, db, q.URL.Query().Get("n")); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Printf("http://%s\n", ln.Addr())
	return http.Serve(ln, mux)
}

func rows(w io.Writer, db *sql.DB, n string) error {
	found, err := db.Query(`SELECT id, name, body FROM row ORDER BY id LIMIT ?`, n)
	if err != nil {
		return err
	}
	defer found.Close()
	type row struct {
		ID         int64
		Name, Body string
	}
	var all []row
	for found.Next() {
		var r row
		if err := found.Scan(&r.ID, &r.Name, &r.Body); err != nil {
			return err
		}
		all = append(all, r)
	}
	if err := found.Err(); err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(all)
}
