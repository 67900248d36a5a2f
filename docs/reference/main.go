// Command reference writes the reference pages of the guide from what they
// describe: the API from its OpenAPI description and route table, the command
// line from its grammar, the settings from muster.yaml and their defaults, the
// metrics from what a server answers.
//
// Invariant: nothing on these pages is written by hand, so they cannot tell
// anything but the truth. With -check nothing is written, and a page that is
// not up to date is an error.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"muster/internal/app"
	"muster/internal/config"
)

const folder = "docs/guide"

func main() {
	check := flag.Bool("check", false, "write nothing; fail when a page is not up to date")
	flag.Parse()
	if err := write(context.Background(), *check); err != nil {
		fmt.Fprintln(os.Stderr, "muster:", err)
		os.Exit(1)
	}
}

func write(ctx context.Context, check bool) (err error) {
	data, err := os.MkdirTemp("", "muster-reference-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(data) }()
	cfg, err := config.Load(data, "")
	if err != nil {
		return err
	}
	cfg.Addr = "127.0.0.1:0"
	a, err := app.Start(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { _ = a.Stop(ctx) }()

	pages := []struct {
		name string
		make func() ([]byte, error)
	}{
		{"reference-api.md", func() ([]byte, error) { return api(a.API) }},
		{"reference-cli.md", commands},
		{"reference-settings.md", func() ([]byte, error) { return settings("docs/muster.yaml") }},
		{"reference-metrics.md", func() ([]byte, error) { return metrics(ctx, a.URL()) }},
	}
	stale := 0
	for _, p := range pages {
		now, err := p.make()
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		file := filepath.Join(folder, p.name)
		was, err := os.ReadFile(file)
		if err == nil && bytes.Equal(was, now) {
			continue
		}
		if check {
			fmt.Fprintf(os.Stderr, "%s is not what Muster offers now.\n", file)
			stale++
			continue
		}
		if err := os.WriteFile(file, now, 0o644); err != nil {
			return err
		}
		fmt.Println(file, "was written.")
	}
	if stale > 0 {
		return fmt.Errorf("%d reference pages are not up to date. Run scripts/reference, and commit them", stale)
	}
	return nil
}

// made is the line that keeps people from mending these pages by hand.
const made = "<!-- Made by scripts/reference. Change what it describes, then run it again. -->\n\n"
