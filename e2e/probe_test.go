package e2e

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"muster/internal/await"
)

type headers []string

func (h *headers) String() string     { return strings.Join(*h, "\n") }
func (h *headers) Set(s string) error { *h = append(*h, s); return nil }

// probeMain sends one request as it stands: the path is not cleaned, redirects
// are not followed.
func probeMain() {
	var hs headers
	flag.Var(&hs, "H", "NAME:VALUE")
	nobody := flag.Bool("nobody", false, "send no token")
	show := flag.Bool("headers", false, "print the answer's headers, too")
	flag.Parse()
	if flag.NArg() < 2 {
		fmt.Fprintln(os.Stderr, "usage: probe [-nobody] [-headers] [-H NAME:VALUE]… METHOD PATH [BODY]")
		os.Exit(2)
	}
	if err := probe(flag.Arg(0), flag.Arg(1), flag.Arg(2), hs, *nobody, *show); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func probe(method, path, body string, hs headers, nobody, show bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), await.Limit)
	defer cancel()
	base := os.Getenv("MUSTER_URL")
	req, err := http.NewRequestWithContext(ctx, method, base, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.URL.Opaque = "//" + req.URL.Host + path
	if body == "" {
		req.Body, req.ContentLength = nil, 0
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	if token := os.Getenv("MUSTER_TOKEN"); token != "" && !nobody {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for _, h := range hs {
		name, value, _ := strings.Cut(h, ":")
		req.Header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text := []byte(nil)
	if res.StatusCode != http.StatusSwitchingProtocols {
		if text, err = io.ReadAll(res.Body); err != nil {
			return err
		}
	}
	fmt.Printf("%d %s\n", res.StatusCode, text)
	if show {
		return res.Header.Write(os.Stdout)
	}
	return nil
}
