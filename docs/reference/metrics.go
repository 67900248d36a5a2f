package main

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// metrics writes the page of what /metrics tells, from what a server answers.
func metrics(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("/metrics answered %s", res.Status)
	}
	help, kind := map[string]string{}, map[string]string{}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		mark, rest, ok := strings.Cut(strings.TrimPrefix(lines.Text(), "# "), " ")
		name, text, _ := strings.Cut(rest, " ")
		switch {
		case !ok:
		case mark == "HELP":
			help[name] = text
		case mark == "TYPE":
			kind[name] = text
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString("# Metrics reference\n\n" + made +
		"What Muster itself counts, at `/metrics` in Prometheus' text format. Who may read it is in [API](api.md#operations). Beside these stand Go's and the process's own, whose names begin with `go_` and `process_`. A metric that has labels appears with its first value.\n\n" +
		"| Metric | Kind | Meaning |\n|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(help)) {
		if strings.HasPrefix(name, "muster_") {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, kind[name], strings.ReplaceAll(help[name], "|", "\\|"))
		}
	}
	return []byte(b.String()), nil
}
