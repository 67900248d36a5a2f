package app_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"muster/internal/account"
	"muster/internal/httpapi"
)

// roles is a set of those who call.
type roles int

const (
	nobody roles = 1 << iota // not signed in
	none                     // signed in, without a role
	observer
	responder
	operator
	approver
	admin
	auditor
)

const (
	signedIn = none | readers
	readers  = observer | responder | operator | approver | admin | auditor
	talkers  = responder | operator | approver | admin
	runners  = responder | operator
	killers  = responder | operator | admin
	all      = nobody | signedIn
	nope     = roles(0)
)

var callers = []struct {
	role roles
	name string
}{
	{nobody, "nobody"}, {none, "none"}, {observer, account.Observer}, {responder, account.Responder}, {operator, account.Operator},
	{approver, account.Approver}, {admin, account.Administrator}, {auditor, account.Auditor},
}

// line says how an operation is called validly on some thing, and who may: for
// them the answer is 2xx (or status), for everybody else a refusal. <thing> is
// made by world.thing. Path parameters are taken from with by their names, the
// rest of with is the query.
type line struct {
	op     string
	with   string
	body   string
	may    roles
	is     int  // the one status of who may, where it is not 2xx
	sees   bool // who may also sees what is marked as foreign
	named  bool // the refusal names the thing, with the rule and who could grant it
	cookie bool // a browser's session instead of an API token
}

// ordinary is what each operation does on public and on one's own things. Every
// operation of the API has at least one line here.
var ordinary = []line{
	{op: "sign-in", body: `{"name":"<my login with a password>","password":"` + password + `"}`, may: all},
	{op: "sign-out", may: signedIn, cookie: true},
	{op: "get-setup", may: all},
	{op: "set-up", body: `{"token":"x","name":"root","display":"Root","password":"` + password + `"}`, may: all, is: 409}, // there is an administrator
	{op: "get-demo", may: all}, // says only that it is none
	{op: "sign-in-to-demo", body: `{"name":"<my login with a password>"}`, may: all, is: 404},
	{op: "start-drill", may: nope},
	{op: "get-me", may: signedIn},
	{op: "update-me", body: `{"availability":"busy","status_text":"x"}`, may: signedIn},
	{op: "describe-me", body: `{"title":"King","team":"Crown","skills":["ruling"]}`, may: signedIn},
	{op: "get-desk", may: signedIn},
	{op: "set-home", body: `{"room_id":"<room>"}`, may: readers},
	{op: "set-home", body: `{"room_id":""}`, may: signedIn},
	{op: "star-person", with: "user=<bob>", may: signedIn},
	{op: "unstar-person", with: "user=<bob>", may: signedIn},
	{op: "change-password", body: `{"current":"` + password + `","new":"` + password + `"}`, may: signedIn, is: 422}, // the new one is the old one
	{op: "list-sessions", may: signedIn},
	{op: "end-session", with: "id=<my session>", may: signedIn},
	{op: "list-tokens", may: signedIn, sees: true},
	{op: "create-token", body: `{"name":"x","expires_in_days":1}`, may: signedIn},
	{op: "create-token", body: `{"name":"x","expires_in_days":1,"user":"<some bot>"}`, may: admin},
	{op: "revoke-token", with: "id=<my token>", may: signedIn},

	{op: "list-users", may: signedIn},
	{op: "get-user", with: "id=bob", may: signedIn},
	{op: "create-user", body: `{"name":"<new>","display":"New","kind":"bot"}`, may: admin},
	{op: "update-user", with: "id=<someone>", body: `{"roles":["administrator"]}`, may: admin},
	{op: "update-user", with: "id=<me>", body: `{"title":"King"}`, may: admin},
	{op: "reset-password", with: "id=<someone>", may: admin},
	{op: "unlock-user", with: "id=<someone>", may: admin},
	{op: "revoke-user", with: "id=<someone>", may: admin},

	{op: "list-rooms", may: signedIn},
	{op: "create-room", body: `{"name":"<new>"}`, may: admin},
	{op: "create-room", body: `{"name":"<new>","kind":"meeting","private":true,"members":["<bob>"]}`, may: talkers},
	{op: "get-room", with: "id=<room>", may: readers},
	{op: "update-room", with: "id=<fresh room>", body: `{"topic":"x"}`, may: admin},
	{op: "update-room", with: "id=<fresh room>", body: `{"archived":true}`, may: admin},
	{op: "enter-room", with: "id=<fresh room>", may: readers},
	{op: "join-room", with: "id=<fresh room>", may: readers},
	{op: "leave-room", with: "id=<room>", may: readers},
	{op: "add-room-member", with: "id=<fresh room>&user=<bob>", may: talkers},
	{op: "remove-room-member", with: "id=<room with bob>&user=<bob>", may: admin},
	{op: "mark-room-read", with: "id=<room>", body: `{"seq":0}`, may: readers},

	{op: "list-messages", with: "id=<room>", may: readers},
	{op: "post-message", with: "id=<room>", body: `{"text":"hello"}`, may: talkers},
	{op: "post-message", with: "id=<room>", body: `{"text":"/help"}`, may: talkers},
	{op: "complete-command", with: "id=<room>&text=/", may: readers},
	{op: "get-message", with: "id=<message>", may: readers},
	{op: "edit-message", with: "id=<my message>", body: `{"text":"x"}`, may: talkers},
	{op: "edit-message", with: "id=<message>", body: `{"text":"x"}`, may: nope}, // another's
	{op: "delete-message", with: "id=<my message>", may: talkers},
	{op: "delete-message", with: "id=<another message>", may: admin},
	{op: "list-message-versions", with: "id=<message>", may: readers},
	{op: "add-reaction", with: "id=<message>&emoji=👍", may: talkers},
	{op: "remove-reaction", with: "id=<message>&emoji=👍", may: talkers},
	{op: "pin-message", with: "id=<message>", may: talkers},
	{op: "unpin-message", with: "id=<message>", may: talkers},

	{op: "get-office", may: signedIn},
	{op: "name-office", body: `{"name":"Northbank"}`, may: admin},
	{op: "leave-office", may: signedIn},
	{op: "go-home", may: signedIn, is: 409}, // there is none
	{op: "ask-over", body: `{"user_id":"<bob>","room_id":"<fresh room>"}`, may: talkers},
	{op: "accept-get", with: "id=<get to me>", may: readers}, // who may enter no room is not let in by being asked
	{op: "decline-get", with: "id=<get to me>", body: `{"note":"no"}`, may: signedIn},

	{op: "knock", with: "id=<closed room>", may: readers},
	{op: "admit-knock", with: "id=<knock at my door>", may: readers},
	{op: "admit-knock", with: "id=<knock at another door>", may: admin},
	{op: "decline-knock", with: "id=<knock at my door>", body: `{"note":"later"}`, may: readers},
	{op: "withdraw-knock", with: "id=<my knock>", may: signedIn},
	{op: "turn-door", with: "id=<room with me inside>", body: `{"door":"closed"}`, may: readers},
	{op: "turn-door", with: "id=<room with me inside>", body: `{"door":"locked"}`, may: admin},
	{op: "turn-door", with: "id=<fresh room>", body: `{"door":"closed"}`, may: admin},
	{op: "send-home", with: "id=<closed room>", body: `{"user_id":"<carol>"}`, may: admin},

	// No media engine runs here and nobody is in a call: who may is told so.
	{op: "join-call", with: "id=<room with me inside>", body: `{"mode":"table"}`, may: readers, is: 409},
	{op: "join-call", with: "id=<fresh room>", body: `{"mode":"table"}`, may: readers, is: 409}, // not from elsewhere
	{op: "join-call", with: "id=<fresh room>", body: `{"mode":"gallery"}`, may: readers, is: 409},
	{op: "raise-hand", with: "id=<room with me inside>", body: `{"raised":true}`, may: readers, is: 409},
	{op: "react-in-call", with: "id=<room with me inside>", body: `{"emoji":"👍"}`, may: readers, is: 409},
	{op: "whisper", with: "id=<room with me inside>", body: `{"user_id":"<carol>"}`, may: readers, is: 409},
	{op: "mute-in-call", with: "id=<room with me inside>", body: `{"user_id":"<carol>"}`, may: admin, is: 409},
	{op: "move-in-call", with: "id=<room with me inside>", body: `{"user_id":"<me>","mode":"gallery"}`, may: readers, is: 409},
	{op: "join-call", with: "id=<recorded room with me inside>", body: `{"mode":"table","consent":true}`, may: readers, is: 409},
	{op: "list-room-recordings", with: "id=<fresh room>", may: readers},
	{op: "list-incident-recordings", with: "id=<an incident>", may: readers},
	{op: "get-recording", with: "id=<recording>", may: admin | auditor},
	{op: "get-recording", with: "id=<recording of a call of mine>", may: signedIn},
	{op: "update-room", with: "id=<fresh room>", body: `{"recording":"required"}`, may: admin},

	{op: "list-floors", may: signedIn},
	{op: "add-floor", body: `{"name":"<new>"}`, may: admin},
	{op: "add-floor", body: `{"format":"muster-floor-1","name":"<new>","layout":{"width":60,"height":40,"rooms":[{"name":"<new>","kind":"lobby","x":2,"y":2,"w":20,"h":20,"seats":4,"doors":[{"side":"s","at":4}]}]}}`, may: admin},
	{op: "get-floor", with: "id=<floor>", may: signedIn},
	{op: "save-floor", with: "id=<fresh floor>", body: `{"version":1,"layout":{"width":60,"height":40,"rooms":[]}}`, may: admin},
	{op: "change-floor", with: "id=<fresh floor>", body: `{"name":"<new>","position":1}`, may: admin},
	{op: "remove-floor", with: "id=<fresh floor>", may: admin},
	{op: "export-floor", with: "id=<floor>", may: signedIn},
	{op: "arrange-floor", body: `{"teams":[{"name":"Payments","people":8}]}`, may: signedIn},
	{op: "list-floor-templates", may: signedIn},

	{op: "get-bridge", with: "id=<fresh room>", may: readers},
	{op: "set-bridge", with: "id=<fresh room>", body: `{"url":"https://acme.zoom.us/j/1","phone":"+44 20 7946 0000","code":"123"}`, may: talkers},
	{op: "note-bridge", with: "id=<room with a bridge>", body: `{"people":["<new>"]}`, may: talkers},
	{op: "take-bridge", with: "id=<room with a bridge>", may: talkers},
	{op: "get-catch-up", with: "id=<fresh room>", may: readers},

	// What a guest may do stands in guest_test.go; to all others it is not there.
	{op: "list-guests", with: "id=<room>", may: admin},
	{op: "list-guests", with: "id=<meeting>", may: talkers},
	{op: "create-guest-link", with: "id=<fresh room>", body: `{"label":"auditors","most":2,"expires_at":"<later>"}`, may: admin},
	{op: "create-guest-link", with: "id=<meeting>", body: `{}`, may: talkers},
	{op: "revoke-guest-link", with: "id=<room>&link=<guest link>", may: admin},
	{op: "look-at-guest-link", body: `{"token":"<guest token>"}`, may: all},
	{op: "knock-as-guest", body: `{"token":"<guest token>","name":"Zoe"}`, may: all, is: 409}, // nobody is inside
	{op: "get-visit", may: nope},
	{op: "leave-as-guest", may: nope},
	{op: "list-guest-messages", may: nope},
	{op: "post-as-guest", body: `{"text":"hello"}`, may: nope},
	{op: "join-call-as-guest", body: `{"mode":"table"}`, may: nope},
	{op: "raise-hand-as-guest", body: `{"raised":true}`, may: nope},
	{op: "move-in-call-as-guest", body: `{"mode":"gallery"}`, may: nope},

	{op: "list-keys", with: "path=project/ours", may: operator | responder | admin},
	{op: "list-keys", may: operator | responder | admin},
	{op: "put-key", with: "path=shared/<new>", body: `{"type":"password","content":"x"}`, may: admin},
	{op: "put-key", with: "path=project/ours/<new>", body: `{"type":"password","content":"x"}`, may: admin},
	{op: "bind-key", with: "path=<shared key>", body: `{"nodes":["web*"],"environments":["dev"]}`, may: admin},
	{op: "bind-key", with: "path=<key>", body: `{"nodes":[],"environments":[]}`, may: admin},
	{op: "delete-key", with: "path=<shared key>", may: admin},
	{op: "delete-key", with: "path=<key>", may: admin},

	{op: "list-policies", may: admin | auditor},
	{op: "put-policy", with: "name=<new>", body: harmless, may: admin},
	{op: "delete-policy", with: "name=<policy>", may: admin},
	{op: "why", with: "action=read&type=room", may: signedIn},
	{op: "why", with: "action=read&type=room&user=bob", may: admin | auditor},
	{op: "list-project-policies", with: "p=ours", may: admin | auditor},
	{op: "put-project-policy", with: "p=ours&name=<new>", body: harmlessHere, may: admin},
	{op: "delete-project-policy", with: "p=ours&name=<policy of ours>", may: admin},
	{op: "project-why", with: "p=ours&action=run&type=job", may: signedIn},
	{op: "project-why", with: "p=ours&action=run&type=job&user=bob", may: admin | auditor},

	{op: "list-projects", may: signedIn},
	{op: "get-project", with: "p=ours", may: readers},
	{op: "create-project", body: `{"name":"<new>"}`, may: admin},
	{op: "update-project", with: "p=ours", body: `{"allow_raw":true}`, may: admin},
	{op: "update-project", with: "p=ours", body: `{"allow_raw":false}`, may: admin},
	{op: "import", with: "p=ours", body: `{"kind":"jobs","content":"- {name: <new>, sequence: {commands: [{exec: 'true'}]}}"}`, may: admin},
	{op: "import", with: "p=ours", body: `{"kind":"nodes","name":"<new>","content":"<new>: {hostname: h}"}`, may: admin},
	{op: "import", with: "p=ours", body: `{"kind":"policy","name":"<new>",` + harmlessHere[1:], may: admin},
	{op: "import", with: "p=ours", body: `{"kind":"approvals","name":"<new>","content":"- {description: x, when: {environment: prod}, need: 1, groups: [approver]}"}`, may: admin},
	{op: "list-nodes", with: "p=ours", may: readers},
	{op: "list-approval-rules", with: "p=ours", may: readers},
	{op: "list-jobs", with: "p=ours", may: readers},
	{op: "get-job", with: "id=<job>", may: readers},
	{op: "delete-job", with: "id=<fresh job>", may: admin},

	{op: "preview-job", with: "id=<job>", body: `{"filter":"name: here"}`, may: readers},
	{op: "run-job", with: "id=<job>", body: `{"filter":"name: here"}`, may: runners},
	{op: "run-job", with: "id=<job>", body: `{"filter":"name: prod"}`, may: operator}, // waits for approval
	{op: "run-job", with: "id=<job>", body: `{"filter":"name: here","room_id":"<room>"}`, may: runners},
	{op: "preview-adhoc", with: "p=ours", body: `{"command":"true","filter":"name: here"}`, may: readers},
	{op: "run-adhoc", with: "p=ours", body: `{"command":"true","filter":"name: here"}`, may: operator},
	{op: "list-runs", may: signedIn},
	{op: "get-run", with: "id=<run>", may: readers},
	{op: "get-run-log", with: "id=<run>", may: readers},
	{op: "stop-run", with: "id=<waiting run>", may: killers},
	{op: "settle-run", with: "id=<lost run>", body: `{"outcome":"failed"}`, may: killers},
	{op: "settle-run", with: "id=<lost run>", body: `{"outcome":"rerun"}`, may: operator}, // it is one of production
	{op: "list-approvals", may: signedIn},
	{op: "approve-run", with: "id=<waiting run with digest>", body: `{"digest":"<digest of its run>"}`, may: approver},
	{op: "decline-run", with: "id=<waiting run>", body: `{"note":"no"}`, may: approver},

	{op: "list-incidents", may: signedIn},
	{op: "declare-incident", body: `{"title":"<new>","severity":4}`, may: talkers},
	{op: "get-incident", with: "id=<an incident>", may: readers},
	{op: "update-incident", with: "id=<an incident>", body: `{"summary":"<new>"}`, may: talkers},
	{op: "update-incident", with: "id=<an incident>", body: `{"severity":3}`, may: talkers},
	{op: "set-incident-stage", with: "id=<incident>", body: `{"stage":"triage"}`, may: talkers},
	{op: "give-incident-role", with: "id=<an incident>&role=scribe", body: `{"user_id":"<bob>"}`, may: talkers},
	{op: "clear-incident-role", with: "id=<incident with a commander>&role=commander", may: talkers},
	{op: "acknowledge-incident", with: "id=<incident>", may: talkers},
	{op: "page-for-incident", with: "id=<an incident>", body: `{"user_id":"<bob>"}`, may: talkers},
	{op: "add-incident-note", with: "id=<an incident>", body: `{"text":"x"}`, may: talkers},
	{op: "set-incident-times", with: "id=<an incident>", body: `{"impact_started":"2026-01-02T03:04:05Z"}`, may: talkers},
	{op: "get-incident-timeline", with: "id=<an incident>", may: readers},
	{op: "list-incident-open", with: "id=<an incident>", may: readers},
	{op: "merge-incident", with: "id=<incident>", body: `{"into":"<incident>"}`, may: talkers},
	{op: "get-incident-metrics", with: "id=<an incident>", may: readers},
	{op: "list-followups", with: "id=<an incident>", may: readers},
	{op: "add-followup", with: "id=<incident>", body: `{"kind":"action","text":"x"}`, may: talkers},
	{op: "change-followup", with: "id=<an incident>&followup=<followup>", body: `{"state":"done"}`, may: talkers},
	{op: "get-postmortem", with: "id=<an incident>", may: readers},
	{op: "get-incident-summary", may: signedIn},

	{op: "list-alerts", may: signedIn},
	{op: "get-alert", with: "id=<an alert>", may: readers},
	{op: "acknowledge-alert", with: "id=<alert>", may: talkers},
	{op: "resolve-alert", with: "id=<an alert>", may: talkers},
	{op: "acknowledge-alerts", body: `{"ids":["<an alert>"]}`, may: talkers},
	{op: "resolve-alerts", body: `{"ids":["<an alert>"]}`, may: talkers},
	{op: "count-alerts", may: signedIn},
	{op: "list-alert-sources", may: admin | auditor},
	{op: "create-alert-source", body: `{"name":"<new>"}`, may: admin},
	{op: "update-alert-source", with: "id=<alert source>", body: `{"stale_after_seconds":3600}`, may: admin},
	{op: "rotate-alert-source", with: "id=<alert source>", may: admin},
	{op: "remove-alert-source", with: "id=<alert source>", may: admin},
	{op: "list-alert-rules", may: admin | auditor},
	{op: "set-alert-rules", body: `{"items":[]}`, may: admin},

	{op: "list-services", may: signedIn},
	{op: "create-service", body: `{"name":"<new>"}`, may: admin},
	{op: "update-service", with: "id=<service>", body: `{"title":"x"}`, may: admin},
	{op: "delete-service", with: "id=<service>", may: admin},
	{op: "list-rotations", may: readers},
	{op: "create-rotation", body: `{"name":"<new>","members":["<bob>"]}`, may: admin},
	{op: "update-rotation", with: "id=<rotation>", body: `{"shift_hours":24}`, may: admin},
	{op: "add-override", with: "id=<my rotation>", body: `{"user_id":"<me>","from":"<now>","until":"<later>"}`, may: signedIn},
	{op: "add-override", with: "id=<rotation>", body: `{"user_id":"<me>","from":"<now>","until":"<later>"}`, may: admin},
	{op: "remove-override", with: "id=<rotation of my override>&override=<its override>", may: signedIn},
	{op: "delete-rotation", with: "id=<rotation>", may: admin},
	{op: "list-shifts", with: "id=<rotation>", may: readers},
	{op: "take-duty", with: "id=<my rotation>", body: `{}`, may: readers, is: 409},                                                                                 // they are on call
	{op: "hand-back-duty", with: "id=<my rotation>", may: readers, is: 409},                                                                                        // a turn of their own
	{op: "ask-to-swap", with: "id=<my rotation>", body: `{"user_id":"<bob>","from":"2027-01-01T00:00:00Z","until":"2027-01-02T00:00:00Z"}`, may: readers, is: 422}, // bob is not in it
	{op: "list-swaps", may: readers},
	{op: "answer-swap", with: "id=none", body: `{"answer":"accepted"}`, may: nope},
	{op: "get-calendar", may: signedIn},
	{op: "make-calendar", may: signedIn},
	{op: "end-calendar", may: signedIn},
	{op: "list-oncall", may: signedIn},

	{op: "list-notifications", may: signedIn},
	{op: "see-notification", with: "id=<my notification>", may: signedIn},
	{op: "see-all-notifications", may: signedIn},
	{op: "list-my-pages", may: signedIn},
	{op: "get-reach", may: signedIn},
	{op: "update-reach", body: `{"alarm":50}`, may: signedIn},
	{op: "test-reach", body: `{"channel":"pigeon"}`, may: signedIn, is: 422},
	{op: "list-gateways", may: admin},
	{op: "create-gateway", body: `{"name":"<new>","url":"https://sms.bank.example/"}`, may: admin},
	{op: "update-gateway", with: "id=<gateway>", body: `{"enabled":false}`, may: admin},
	{op: "list-gateway-deliveries", with: "id=<gateway>", may: admin},
	{op: "delete-gateway", with: "id=<gateway>", may: admin},

	{op: "list-ledger", may: auditor, sees: true},
	{op: "get-checkpoint", may: auditor},
}

// foreign is the same on what is not the caller's business: a private room they
// are not in, a restricted incident, another team's project, other people's
// sessions and notifications. Operations that take a path parameter, or name a
// thing in their body, have a line here, or one in nothingForeign.
var foreign = []line{
	{op: "end-session", with: "id=<session of bob>", may: nope},
	{op: "revoke-token", with: "id=<token of bob>", may: nope},
	{op: "see-notification", with: "id=<notification to bob>", may: nope},
	{op: "accept-get", with: "id=<get to carol>", may: nope},
	{op: "decline-get", with: "id=<get to carol>", may: nope},
	{op: "update-user", with: "id=<bob>", body: `{"display":"Bob"}`, may: admin},
	{op: "reset-password", with: "id=<carol>", may: admin},
	{op: "unlock-user", with: "id=<bob>", may: admin},
	{op: "revoke-user", with: "id=<carol>", may: admin},
	{op: "take-duty", with: "id=<rotation>", body: `{}`, may: nope},
	{op: "hand-back-duty", with: "id=<rotation>", may: nope},
	{op: "ask-to-swap", with: "id=<rotation>", body: `{"user_id":"<bob>","from":"2027-01-01T00:00:00Z","until":"2027-01-02T00:00:00Z"}`, may: nope},
	{op: "answer-swap", with: "id=none", body: `{"answer":"accepted"}`, may: nope},
	{op: "remove-override", with: "id=<rotation of an override>&override=<its override>", may: admin},
	{op: "add-override", with: "id=<rotation>", body: `{"user_id":"<bob>","from":"<now>","until":"<later>"}`, may: admin},

	{op: "get-room", with: "id=<private room>", may: nope},
	{op: "get-room", with: "id=<name of the private room>", may: nope},
	{op: "update-room", with: "id=<private room>", body: `{"topic":"x"}`, may: nope},
	{op: "update-room", with: "id=<private room to spoil>", body: `{"archived":true}`, may: admin}, // without reading it
	{op: "update-room", with: "id=<private room to spoil>", body: `{"archived":true,"name":"<new>"}`, may: nope},
	{op: "enter-room", with: "id=<private room>", may: nope},
	{op: "join-room", with: "id=<private room>", may: nope},
	{op: "leave-room", with: "id=<private room>", may: nope},
	{op: "add-room-member", with: "id=<private room>&user=<me>", may: nope},
	{op: "add-room-member", with: "id=<private room>&user=<bob>", may: nope},
	{op: "remove-room-member", with: "id=<private room to spoil>&user=<bob>", may: admin},
	{op: "mark-room-read", with: "id=<private room>", body: `{"seq":0}`, may: nope},
	{op: "list-messages", with: "id=<private room>", may: nope},
	{op: "list-messages", with: "id=<private room>&changed_after=0", may: nope},
	{op: "list-messages", with: "id=<room>&around=<private message>", may: nope},
	{op: "post-message", with: "id=<private room>", body: `{"text":"hello"}`, may: nope},
	{op: "post-message", with: "id=<private room>", body: `{"text":"/help"}`, may: nope},
	{op: "post-message", with: "id=<private room>", body: `{"text":"/get @bob"}`, may: nope},
	{op: "complete-command", with: "id=<private room>&text=/", may: nope},
	{op: "get-message", with: "id=<private message>", may: nope},
	{op: "edit-message", with: "id=<private message>", body: `{"text":"x"}`, may: nope},
	{op: "edit-message", with: "id=<message of mine in the private room>", body: `{"text":"x"}`, may: nope},
	{op: "delete-message", with: "id=<private message>", may: nope},
	{op: "delete-message", with: "id=<message of mine in the private room>", may: nope},
	{op: "list-message-versions", with: "id=<private message>", may: nope},
	{op: "add-reaction", with: "id=<private message>&emoji=👍", may: nope},
	{op: "remove-reaction", with: "id=<private message>&emoji=👍", may: nope},
	{op: "pin-message", with: "id=<private message>", may: nope},
	{op: "unpin-message", with: "id=<private message>", may: nope},
	{op: "ask-over", body: `{"user_id":"<bob>","room_id":"<private room>"}`, may: nope},
	{op: "knock", with: "id=<private room>", may: nope},
	{op: "decline-knock", with: "id=<private knock>", may: nope},
	{op: "admit-knock", with: "id=<private knock>", may: nope},
	{op: "withdraw-knock", with: "id=<private knock>", may: nope},
	{op: "turn-door", with: "id=<private room>", body: `{"door":"closed"}`, may: nope},
	{op: "send-home", with: "id=<private room>", body: `{"user_id":"<carol>"}`, may: nope},
	{op: "get-bridge", with: "id=<private room>", may: nope},
	{op: "set-bridge", with: "id=<private room>", body: `{"phone":"+44 20 7946 0000"}`, may: nope},
	{op: "note-bridge", with: "id=<private room>", body: `{"people":["x"]}`, may: nope},
	{op: "take-bridge", with: "id=<private room>", may: nope},
	{op: "get-catch-up", with: "id=<private room>", may: nope},
	{op: "set-home", body: `{"room_id":"<private room>"}`, may: nope},
	{op: "list-room-recordings", with: "id=<private room>", may: nope},
	{op: "list-incident-recordings", with: "id=<restricted incident>", may: nope},
	{op: "get-recording", with: "id=<private recording>", may: nope},
	{op: "join-call", with: "id=<private room>", body: `{"mode":"gallery"}`, may: nope},
	{op: "join-call", with: "id=<private room>", body: `{"mode":"table"}`, may: nope},
	{op: "raise-hand", with: "id=<private room>", body: `{"raised":true}`, may: nope},
	{op: "react-in-call", with: "id=<private room>", body: `{"emoji":"👍"}`, may: nope},
	{op: "whisper", with: "id=<private room>", body: `{"user_id":"<carol>"}`, may: nope},
	{op: "mute-in-call", with: "id=<private room>", body: `{"user_id":"<carol>"}`, may: nope},
	{op: "move-in-call", with: "id=<private room>", body: `{"user_id":"<carol>","mode":"gallery"}`, may: nope},

	{op: "get-floor", with: "id=<hidden floor>", may: nope},
	{op: "save-floor", with: "id=<hidden floor>", body: `{"version":1,"layout":{"width":60,"height":40,"rooms":[]}}`, may: nope},
	{op: "save-floor", with: "id=<fresh floor>", body: `{"version":1,"layout":{"width":60,"height":40,"rooms":[{"room_id":"<private room>","x":2,"y":2,"w":20,"h":20,"seats":4}]}}`, may: nope}, // not moved by who is not inside
	{op: "change-floor", with: "id=<hidden floor>", body: `{"name":"<new>"}`, may: nope},
	{op: "remove-floor", with: "id=<hidden floor>", may: nope},
	{op: "export-floor", with: "id=<hidden floor>", may: nope},
	{op: "list-guests", with: "id=<private room>", may: nope},
	{op: "create-guest-link", with: "id=<private room>", body: `{}`, may: nope},
	{op: "revoke-guest-link", with: "id=<private room>&link=<guest link>", may: nope},

	{op: "get-incident", with: "id=<restricted incident>", may: nope},
	{op: "get-incident", with: "id=<ticket of the restricted incident>", may: nope},
	{op: "update-incident", with: "id=<restricted incident>", body: `{"summary":"<new>"}`, may: nope},
	{op: "set-incident-stage", with: "id=<restricted incident>", body: `{"stage":"closed"}`, may: nope},
	{op: "give-incident-role", with: "id=<restricted incident>&role=commander", body: `{"user_id":"<me>"}`, may: nope},
	{op: "clear-incident-role", with: "id=<restricted incident>&role=commander", may: nope},
	{op: "acknowledge-incident", with: "id=<restricted incident>", may: nope},
	{op: "list-incident-open", with: "id=<restricted incident>", may: nope},
	{op: "merge-incident", with: "id=<restricted incident>", body: `{"into":"<incident>"}`, may: nope},
	{op: "merge-incident", with: "id=<incident>", body: `{"into":"<restricted incident>"}`, may: nope},
	{op: "page-for-incident", with: "id=<restricted incident>", body: `{"user_id":"<me>"}`, may: nope},
	{op: "add-incident-note", with: "id=<restricted incident>", body: `{"text":"x"}`, may: nope},
	{op: "set-incident-times", with: "id=<restricted incident>", body: `{"impact_started":"2026-01-02T03:04:05Z"}`, may: nope},
	{op: "get-incident-timeline", with: "id=<restricted incident>", may: nope},
	{op: "get-incident-metrics", with: "id=<restricted incident>", may: nope},
	{op: "list-followups", with: "id=<restricted incident>", may: nope},
	{op: "add-followup", with: "id=<restricted incident>", body: `{"kind":"question","text":"x"}`, may: nope},
	{op: "change-followup", with: "id=<restricted incident>&followup=<restricted followup>", body: `{"state":"done"}`, may: nope},
	{op: "get-postmortem", with: "id=<restricted incident>", may: nope},
	{op: "get-alert", with: "id=<restricted alert>", may: nope},
	{op: "acknowledge-alert", with: "id=<restricted alert>", may: nope},
	{op: "resolve-alert", with: "id=<restricted alert>", may: nope},
	{op: "acknowledge-alerts", body: `{"ids":["<restricted alert>"]}`, may: nope},
	{op: "resolve-alerts", body: `{"ids":["<restricted alert>"]}`, may: nope},

	{op: "get-project", with: "p=vault", may: nope},
	{op: "update-project", with: "p=vault", body: `{"allow_raw":true}`, may: nope},
	{op: "import", with: "p=vault", body: `{"kind":"jobs","content":"- {name: x, sequence: {commands: [{exec: 'true'}]}}"}`, may: nope},
	{op: "import", with: "p=vault", body: `{"kind":"nodes","content":"x: {hostname: h}"}`, may: nope},
	{op: "import", with: "p=vault", body: `{"kind":"policy","name":"x",` + harmlessHere[1:], may: nope},
	{op: "import", with: "p=vault", body: `{"kind":"approvals","name":"x","content":"[]"}`, may: nope},
	{op: "list-nodes", with: "p=vault", may: nope},
	{op: "list-approval-rules", with: "p=vault", may: nope},
	{op: "list-jobs", with: "p=vault", may: nope},
	{op: "get-job", with: "id=<vault job>", may: nope},
	{op: "delete-job", with: "id=<vault job>", may: nope},
	{op: "preview-job", with: "id=<vault job>", body: `{}`, may: nope},
	{op: "run-job", with: "id=<vault job>", body: `{}`, may: nope},
	{op: "run-job", with: "id=<job>", body: `{"filter":"name: here","room_id":"<private room>"}`, may: nope},
	{op: "preview-adhoc", with: "p=vault", body: `{"command":"true","filter":".*"}`, may: nope},
	{op: "run-adhoc", with: "p=vault", body: `{"command":"true","filter":".*"}`, may: nope},
	{op: "run-adhoc", with: "p=ours", body: `{"command":"true","filter":"name: here","room_id":"<private room>"}`, may: nope},
	{op: "get-run", with: "id=<vault run>", may: nope},
	{op: "get-run", with: "id=<number of the vault run>", may: nope},
	{op: "get-run-log", with: "id=<vault run>", may: nope},
	{op: "stop-run", with: "id=<vault run>", may: nope},
	{op: "settle-run", with: "id=<vault run>", body: `{"outcome":"failed"}`, may: nope},
	{op: "approve-run", with: "id=<vault run>", body: `{"digest":"<digest of the vault run>"}`, may: nope},
	{op: "decline-run", with: "id=<vault run>", body: `{"note":"no"}`, may: nope},
	{op: "list-keys", with: "path=project/vault", may: nope},
	{op: "put-key", with: "path=project/vault/x", body: `{"type":"password","content":"x"}`, may: nope},
	{op: "delete-key", with: "path=project/vault/x", may: nope},
	{op: "bind-key", with: "path=project/vault/x", body: `{"nodes":[],"environments":[]}`, may: nope},
	// Who keeps the policies keeps those of every project; everybody may ask about themselves.
	{op: "list-project-policies", with: "p=vault", may: admin | auditor, sees: true},
	{op: "put-project-policy", with: "p=vault&name=<new>", body: harmlessHere, may: admin},
	{op: "delete-project-policy", with: "p=vault&name=nothing", may: admin, is: 404},
	{op: "project-why", with: "p=vault&action=run&type=job", may: signedIn},
	{op: "project-why", with: "p=vault&action=run&type=job&user=bob", may: admin | auditor, sees: true},
}

// nothingForeign are operations on things that belong to the whole office.
var nothingForeign = strings.Fields("get-user star-person unstar-person put-policy delete-policy update-alert-source rotate-alert-source remove-alert-source update-service delete-service update-rotation delete-rotation list-shifts update-gateway delete-gateway list-gateway-deliveries")

const (
	harmless     = `{"content":"description: Nothing\ncontext: {application: muster}\nfor: {nothing: [{allow: read}]}\nby: {group: nobody-has-it}\n"}`
	harmlessHere = `{"content":"description: Nothing\nfor: {nothing: [{allow: read}]}\nby: {group: nobody-has-it}\n"}`
)

func TestMatrix(t *testing.T) {
	s := start(t)
	w := newWorld(s)
	routes := map[string]httpapi.Route{}
	for _, r := range s.API.Routes() {
		if routes[r.ID].ID != "" {
			t.Errorf("two operations are named %s", r.ID)
		}
		routes[r.ID] = r
	}
	has := func(lines []line, op string) bool {
		return slices.ContainsFunc(lines, func(l line) bool { return l.op == op })
	}
	for op, r := range routes {
		if !has(ordinary, op) {
			t.Errorf("%s %s (%s) has no line: say in ordinary who may do it", r.Method, r.Path, op)
		}
		if strings.Contains(r.Path, "{") && !has(foreign, op) && !slices.Contains(nothingForeign, op) {
			t.Errorf("%s %s (%s) takes a thing: say in foreign who may do it to one that is not theirs", r.Method, r.Path, op)
		}
	}
	for _, op := range nothingForeign {
		if routes[op].ID == "" || has(foreign, op) {
			t.Errorf("nothingForeign has %s, which is no operation or has lines in foreign", op)
		}
	}
	for _, lines := range [][]line{ordinary, foreign} {
		for _, l := range lines {
			r, ok := routes[l.op]
			if !ok {
				t.Errorf("%s is not an operation of the API any more: remove its line", l.op)
				continue
			}
			for _, c := range callers {
				w.try(r, l, c.role, c.name)
			}
		}
	}
	w.tryForged(routes)
	// What stands beside the table.
	text := httpapi.Route{ID: "log.txt", Method: "GET", Path: "/runs/{id}/log.txt"}
	for _, c := range callers {
		w.try(text, line{with: "id=<run>", may: readers}, c.role, c.name)
		w.try(text, line{with: "id=<vault run>", may: nope}, c.role, c.name)
		for _, ext := range []string{"md", "pdf"} {
			file := httpapi.Route{ID: "postmortem." + ext, Method: "GET", Path: "/incidents/{id}/postmortem." + ext}
			w.try(file, line{with: "id=<an incident>", may: readers}, c.role, c.name)
			w.try(file, line{with: "id=<restricted incident>", may: nope}, c.role, c.name)
		}
	}
}

var placeholder = regexp.MustCompile(`<([a-zA-Z' ]+)>`)

func (w *world) fill(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(p string) string { return w.thing(p[1 : len(p)-1]) })
}

// address is the path and query of a line.
func (w *world) address(r httpapi.Route, l line) string {
	path, query := r.Path, url.Values{}
	for part := range strings.SplitSeq(l.with, "&") {
		name, value, _ := strings.Cut(part, "=")
		value = w.fill(value)
		if before, after, ok := strings.Cut(path, "{"+name+"...}"); ok {
			path = before + value + after
		} else if before, after, ok := strings.Cut(path, "{"+name+"}"); ok {
			path = before + url.PathEscape(value) + after
		} else if name != "" {
			query.Add(name, value)
		}
	}
	if strings.Contains(path, "{") {
		w.t.Fatalf("%s: %q does not fill %s", l.op, l.with, r.Path)
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path
}

// try makes one call and compares who it lets in with who may.
func (w *world) try(r httpapi.Route, l line, role roles, name string) {
	w.t.Helper()
	c := w.nobody()
	if w.who = name; role == nobody {
		w.who = "none"
	} else {
		c = w.as(name)
	}
	path := w.address(r, l) // before the body: it may speak of what the path made
	var body any
	if l.body != "" {
		body = w.fill(l.body)
	}
	if l.cookie && role != nobody {
		c = w.signIn(name)
	}
	a := c.call(r.Method, path, body)
	what := r.ID + " " + l.with + " " + l.body + " as " + name
	may, refused := l.may&role != 0, a.status == 401 || a.status == 403 || a.status == 404
	switch {
	case may && l.is != 0 && a.status != l.is, may && l.is == 0 && a.status/100 != 2:
		w.t.Errorf("%s: %d, but they may: %s", what, a.status, a.text)
	case !may && role == nobody && a.status != 401:
		w.t.Errorf("%s: %d, want 401: %s", what, a.status, a.text)
	case !may && !refused:
		w.t.Errorf("%s: %d, but they may not: %s", what, a.status, a.text)
	}
	if !(may && l.sees || !may && l.named && role != nobody) && strings.Contains(strings.ReplaceAll(a.text, path, ""), mark) {
		w.t.Errorf("%s: the answer tells of what is foreign: %s", what, a.text)
	}
}

// tryForged sends every unsafe operation as another site would: with the
// administrator's cookie, without what only our own page knows.
func (w *world) tryForged(routes map[string]httpapi.Route) {
	w.t.Helper()
	var browser caller
	w.who = account.Administrator
	done := map[string]bool{}
	for _, l := range ordinary {
		r := routes[l.op]
		if done[l.op] || r.Method == http.MethodGet || r.Method == "" {
			continue
		}
		done[l.op] = true
		path := w.address(r, l)
		var body any
		if l.body != "" {
			body = w.fill(l.body)
		}
		if len(done)%50 == 1 { // a session may send 400 requests at once
			browser = w.signIn(account.Administrator)
		}
		bare, wrong := browser, browser
		bare.csrf, wrong.csrf = "", strings.Repeat("x", len(browser.csrf))
		for _, c := range []caller{browser.with("Sec-Fetch-Site", "cross-site"), browser.with("Origin", "https://elsewhere.example")} {
			if a := c.call(r.Method, path, body); a.status != 403 {
				w.t.Errorf("%s from another site: %d %s", l.op, a.status, a.text)
			}
		}
		for _, c := range []caller{bare, wrong} {
			if a := c.call(r.Method, path, body); a.status != 401 && r.Access != "public" {
				w.t.Errorf("%s without the page's token: %d %s", l.op, a.status, a.text)
			}
		}
	}
}
