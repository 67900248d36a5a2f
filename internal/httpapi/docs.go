package httpapi

import (
	"cmp"
	"html/template"
	"net/http"
	"slices"
	"strings"
)

// registerDocs serves a plain reference page made from the routes: no script,
// nothing from elsewhere, so it works air-gapped under the strict policy.
func (a *API) registerDocs() {
	a.mux.HandleFunc("GET /docs", func(w http.ResponseWriter, r *http.Request) {
		rows := slices.Clone(a.routes)
		slices.SortStableFunc(rows, func(x, y Route) int {
			return cmp.Or(strings.Compare(x.Tag, y.Tag), strings.Compare(x.Path, y.Path))
		})
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := docsPage.Execute(w, map[string]any{"Base": Base, "Routes": rows, "Version": a.OpenAPI().Info.Version}); err != nil {
			a.Log.ErrorContext(r.Context(), "render the API reference", "error", err)
		}
	})
	a.mux.HandleFunc("GET /docs.css", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/css")
		_, _ = w.Write([]byte(docsStyle))
	})
}

const docsStyle = `:root{color-scheme:light dark}
body{font:14px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}
h2{margin-top:2rem;border-bottom:1px solid color-mix(in srgb,currentColor 25%,transparent)}
code,td:first-child{font:13px ui-monospace,monospace}
table{border-collapse:collapse;width:100%}th{text-align:left}
td,th{padding:.3rem .6rem .3rem 0;vertical-align:top;overflow-wrap:anywhere}
p{max-width:44rem}`

var docsPage = template.Must(template.New("docs").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Muster API</title><link rel="stylesheet" href="/docs.css"></head>
<body><main><h1>Muster API {{.Version}}</h1>
<p>The full machine-readable description is <a href="{{.Base}}/openapi.json">openapi.json</a>. Send an API token as <code>Authorization: Bearer …</code>. Errors are RFC 9457 problems: <code>detail</code> says what to do, <code>code</code> is stable, <code>errors</code> names the wrong inputs. Lists are <code>{"items": […]}</code>.</p>
{{$base := .Base}}{{$tag := ""}}{{range .Routes}}{{if ne .Tag $tag}}{{if $tag}}</tbody></table>{{end}}{{$tag = .Tag}}
<h2>{{.Tag}}</h2><table><thead><tr><th>Operation</th><th>What it does</th><th>Needs</th></tr></thead><tbody>{{end}}
<tr id="{{.ID}}"><td>{{.Method}} {{$base}}{{.Path}}</td><td>{{.Summary}}{{with .Description}}<br><small>{{.}}</small>{{end}}</td><td>{{.Access}}</td></tr>{{end}}
</tbody></table></main></body></html>
`))
