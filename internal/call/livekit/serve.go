package livekit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"reflect"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"github.com/livekit/protocol/logger"

	"muster/internal/call"
)

const (
	lookEvery = 100 * time.Millisecond // a voice shows on others' maps within this
	sayAlive  = time.Second            // even when nothing changes
)

// serve runs an SFU on a listener until ctx ends, telling what it carries
// whenever that changes and once a second.
func serve(ctx context.Context, s Settings, ln net.Listener, tell func(call.Seen) error) (err error) {
	e, err := newSFU(s)
	if err != nil {
		return err
	}
	if err := e.start(); err != nil {
		return err
	}
	web := &http.Server{Handler: e.handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(ln) }()
	defer func() { err = errors.Join(err, web.Close(), e.close()) }()

	look := time.NewTicker(lookEvery)
	defer look.Stop()
	var last call.Seen
	told := time.Time{}
	for {
		now, err := e.seen(ctx)
		if err != nil {
			return err
		}
		if told.IsZero() || time.Since(told) >= sayAlive || !reflect.DeepEqual(now, last) {
			if err := tell(now); err != nil {
				return err
			}
			last, told = now, time.Now()
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return fmt.Errorf("serve media: %w", err)
		case <-look.C:
		}
	}
}

// Main is the media child: settings as JSON on standard input, which stays open
// for as long as the parent lives; the listener as file 3; what it carries as
// lines of JSON on standard output.
func Main(ctx context.Context, in io.Reader, out io.Writer) error {
	dec := json.NewDecoder(in)
	var s Settings
	if err := dec.Decode(&s); err != nil {
		return fmt.Errorf("read media settings: %w", err)
	}
	quiet(s.Debug)
	f := os.NewFile(3, "media.sock")
	ln, err := net.FileListener(f)
	if err != nil {
		return fmt.Errorf("take over the media socket: %w", err)
	}
	_ = f.Close()
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	// A parent that is gone, however it went, takes its child along.
	ctx, orphaned := context.WithCancel(ctx)
	go func() { _, _ = io.Copy(io.Discard, io.MultiReader(dec.Buffered(), in)); orphaned() }()
	// The parent ends it with a signal to itself only; a terminal's goes to both.
	signal.Ignore(os.Interrupt)
	enc := json.NewEncoder(out)
	return serve(ctx, s, ln, func(seen call.Seen) error { return enc.Encode(seen) })
}

// quiet gives LiveKit a log of its own: its set-up would replace the process's.
func quiet(debug bool) {
	level := slog.LevelError
	if debug {
		level = slog.LevelDebug
	}
	h := slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})
	logger.SetLogger(logger.LogRLogger(logr.FromSlogHandler(h)), "media")
}
