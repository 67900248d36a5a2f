package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/incident"
	"muster/internal/incident/paper"
)

// registerPostmortem adds what is left to do after an incident, and the draft
// of its postmortem.
func registerPostmortem(a *API, d IncidentDeps) {
	const tag = "Incidents"
	Handle(a, Route{Method: "GET", Path: "/incidents/{id}/followups", ID: "list-followups", Summary: "Actions and open questions of an incident", Tag: tag, Access: "incident:read"},
		func(ctx context.Context, who actor.Actor, in *IncidentPath) (List[incident.Followup], error) {
			fs, err := d.Incidents.Followups(ctx, a.DB.Read(), who, in.ID)
			return ListOf(fs), err
		})
	type add struct {
		IncidentPath
		Body incident.NewFollowup
	}
	Handle(a, Route{Method: "POST", Path: "/incidents/{id}/followups", ID: "add-followup", Summary: "Add an action or an open question", Tag: tag, Access: "incident:update", Status: 201},
		func(ctx context.Context, who actor.Actor, in *add) (f incident.Followup, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				f, err = d.Incidents.AddFollowup(ctx, tx, who, in.ID, in.Body)
				return err
			})
			return f, err
		})
	type change struct {
		IncidentPath
		Followup string `path:"followup" maxLength:"80"`
		Body     incident.ChangeFollowup
	}
	Handle(a, Route{Method: "PATCH", Path: "/incidents/{id}/followups/{followup}", ID: "change-followup", Summary: "Change an action or open question, finish or drop it", Tag: tag, Access: "incident:update"},
		func(ctx context.Context, who actor.Actor, in *change) (f incident.Followup, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				f, err = d.Incidents.ChangeFollowup(ctx, tx, who, in.ID, in.Followup, in.Body)
				return err
			})
			return f, err
		})
	Handle(a, Route{Method: "GET", Path: "/incidents/{id}/postmortem", ID: "get-postmortem", Summary: "Draft a postmortem from the record", Description: "The same as a file: …/postmortem.md and …/postmortem.pdf; those are recorded as exports.", Tag: tag, Access: "incident:read"},
		func(ctx context.Context, who actor.Actor, in *IncidentPath) (incident.Postmortem, error) {
			return d.Incidents.Draft(ctx, a.DB.Read(), who, in.ID)
		})
	file := func(ext, format, contentType string, render func(incident.Postmortem) ([]byte, error)) {
		a.Mux().HandleFunc("GET "+Base+"/incidents/{id}/postmortem."+ext, func(w http.ResponseWriter, r *http.Request) {
			body, name, err := func() ([]byte, string, error) {
				who, err := Who(r.Context())
				if err != nil {
					return nil, "", err
				}
				p, err := d.Incidents.Draft(r.Context(), a.DB.Read(), who, r.PathValue("id"))
				if err != nil {
					return nil, "", err
				}
				body, err := render(p)
				if err != nil {
					return nil, "", err
				}
				sum := sha256.Sum256(body)
				// What leaves Muster is on record, or does not leave.
				return body, p.Incident.Ticket, a.Do(r.Context(), who, func(tx *db.Tx) error {
					return d.Incidents.Exported(r.Context(), tx, who, p.Incident.ID, format, hex.EncodeToString(sum[:]))
				})
			}()
			if err != nil {
				WriteProblem(w, r, err)
				return
			}
			w.Header().Set("Content-Type", contentType)
			w.Header().Set("Content-Disposition", `attachment; filename="`+fileName(name)+`-postmortem.`+ext+`"`)
			_, _ = w.Write(body)
		})
	}
	file("md", "markdown", "text/markdown; charset=utf-8", func(p incident.Postmortem) ([]byte, error) { return []byte(p.Markdown()), nil })
	file("pdf", "pdf", "application/pdf", paper.PDF)
}

// fileName keeps of a ticket what is safe in a header and on every disk.
func fileName(ticket string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, ticket)
}
