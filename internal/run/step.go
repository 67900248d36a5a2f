package run

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"muster/internal/job"
	"muster/internal/key"
	"muster/internal/node"

	"muster/internal/db"
	"muster/internal/fault"
)

// step carries out one step on one node, with its error handler.
func (x *execution) step(n, s int) (ok, goOn bool) {
	if x.ctx.Err() != nil {
		if s == 0 { // nothing was done on the node, so nothing failed there
			return true, false
		}
		x.state.finish(n, s, Skipped, nil, x.cut(""))
		return false, false
	}
	def := x.steps[s]
	nd := x.nodes[n]
	x.state.begin(n, s)
	exit, text := x.invoke(nd, s, def, nil)
	if text == "" {
		x.state.finish(n, s, StepOK, exit, "")
		return true, true
	}
	if x.ctx.Err() != nil {
		x.state.finish(n, s, x.cutState(), exit, x.cut(text))
		return false, false
	}
	x.log.Sys(nd.Name, s+1, "Step %d failed: %s", s+1, text)
	h := def.Handler
	if h == nil {
		x.state.finish(n, s, StepFail, exit, text)
		return false, x.keepgoing
	}
	x.log.Sys(nd.Name, s+1, "The error handler of step %d begins.", s+1)
	hexit, htext := x.invoke(nd, s, *h, failedWith(exit, text))
	switch {
	case x.ctx.Err() != nil:
		x.state.finish(n, s, x.cutState(), exit, x.cut(text))
		return false, false
	case htext != "":
		x.log.Sys(nd.Name, s+1, "The error handler failed too: %s", htext)
		x.state.finish(n, s, StepFail, hexit, text+" Its error handler failed too: "+htext)
		return false, x.keepgoing
	}
	x.state.finish(n, s, Handled, hexit, text)
	if x.keepgoing || h.KeepgoingOnSuccess {
		return true, true
	}
	x.log.Sys(nd.Name, s+1, "The error handler succeeded. The job does not go on after it (keepgoingOnSuccess is not set).")
	return false, false
}

// halted says that somebody's stop, or the server's, ended the run: then what
// it interrupted did not fail.
func (x *execution) halted() bool {
	cause := context.Cause(x.ctx)
	return errors.As(cause, &stopped{}) || errors.Is(cause, errShutdown)
}

// cutState is how a step counts that the run's own end interrupted.
func (x *execution) cutState() string {
	if x.halted() {
		return Halted
	}
	return StepFail
}

// cut says what ended a step that the run's own end interrupted.
func (x *execution) cut(text string) string {
	switch cause := context.Cause(x.ctx); {
	case errors.Is(cause, errTimeout):
		return "It was ended because the run's time was over."
	case cause != nil:
		return "It was stopped."
	}
	return text
}

// failedWith is what an error handler can read of the step that failed. The codes
// of result.reason are Rundeck's.
func failedWith(exit *int, text string) map[string]string {
	if exit == nil {
		return map[string]string{"reason": "Unknown", "message": text, "resultCode": "-1"}
	}
	return map[string]string{"reason": "NonZeroResultCode", "message": text, "resultCode": strconv.Itoa(*exit)}
}

// invoke runs a step on a node; in an error handler, result is what failed. text
// is empty on success, else why not, in plain words and without secrets.
func (x *execution) invoke(nd node.Node, s int, def job.Step, result map[string]string) (exit *int, text string) {
	in, err := x.invocation(nd, s, def, result)
	if err != nil {
		return nil, x.secrets.text(fault.Message(err))
	}
	ex := x.s.Executors[nd.Executor()]
	if ex == nil {
		return nil, fmt.Sprintf("Nodes cannot be reached by %q here. Use ssh or local as node-executor.", nd.Executor())
	}
	out := x.log.output(nd.Name, s+1, x.secrets)
	res, err := ex.Run(x.ctx, in, out)
	out.close()
	if err != nil {
		e := ExecErrorOf(err)
		if e == nil {
			x.s.slog.Error("executor", "run", x.run.ID, "node", nd.Name, "error", x.secrets.text(err.Error()))
			return nil, "The step could not be carried out; the server's log says why."
		}
		if e.Cause != nil {
			x.s.slog.Info("step without result", "run", x.run.ID, "node", nd.Name, "kind", e.Kind.String(), "cause", x.secrets.text(e.Cause.Error()))
		}
		return nil, x.secrets.text(e.Msg)
	}
	code := res.ExitCode
	switch {
	case res.Signal != "":
		return &code, fmt.Sprintf("It was ended by the signal %s.", strings.TrimPrefix(res.Signal, "SIG"))
	case code != 0:
		return &code, fmt.Sprintf("It ended with exit code %d.", code)
	}
	return &code, ""
}

// invocation prepares what the executor needs: values put in and quoted.
func (x *execution) invocation(nd node.Node, s int, def job.Step, result map[string]string) (Invocation, error) {
	if strings.EqualFold(nd.OSFamily, "windows") {
		return Invocation{}, fault.New(fault.Invalid, "Steps on Windows nodes are not available yet.")
	}
	get := x.lookup(nd, result)
	in := Invocation{RunID: x.run.ID, StepID: fmt.Sprintf("%d-%d", x.attempt, s+1), Env: x.env(nd, result),
		Node: Target{Name: nd.Name, Hostname: nd.Hostname, Username: nd.Username, OSFamily: nd.OSFamily, Attrs: nd.Attrs}}
	for line := range strings.SplitSeq(nd.Attrs[node.AttrHostKey], "\n") {
		if line = strings.TrimSpace(line); line != "" {
			in.HostKeys = append(in.HostKeys, line)
		}
	}
	for _, c := range []struct {
		attr string
		into *[]byte
	}{{node.AttrKeyPath, &in.Credential.PrivateKey}, {node.AttrPassphrase, &in.Credential.Passphrase}, {node.AttrPasswordPath, &in.Credential.Password}} {
		if path := nd.Attrs[c.attr]; path != "" {
			got, ok := x.creds[path]
			if !ok {
				return in, fault.Newf(fault.NotFound, "There is no key at %s. Store it first.", path)
			}
			if got.err != nil {
				return in, got.err
			}
			*c.into = got.data
		}
	}
	switch def.Kind {
	case "exec":
		if !x.raw {
			if err := def.Exec.Held(get); err != nil {
				return in, err
			}
		}
		in.Command = def.Exec.Expand(get)
	case "script":
		text, err := x.def.Script(def.Script, x.raw, get)
		if err != nil {
			return in, err
		}
		in.Script = &Script{Content: []byte(text), Args: job.ExpandArgs(def.Args, get), FileExtension: strings.TrimPrefix(def.Extension, ".")}
		if in.Script.Interpreter, err = x.def.Interpreter(def.Interpreter, x.raw, get); err != nil {
			return in, err
		}
	default:
		return in, fault.Newf(fault.Invalid, "Steps of the type %s cannot be run yet.", def.Kind)
	}
	return in, nil
}

// lookup gives the variables of a step on a node; result are those of an error
// handler.
func (x *execution) lookup(nd node.Node, result map[string]string) job.Lookup {
	return func(r job.Ref) (string, bool) {
		switch r.Context {
		case "option", "unquotedoption":
			if x.hidden[r.Key] {
				return "", false
			}
			return x.values.Get(r.Key)
		case "node":
			v, ok := nd.Attr(r.Key)
			return v, ok && v != ""
		case "job":
			v, ok := x.jobVars()[strings.ToLower(r.Key)]
			return v, ok
		case "result":
			v, ok := result[r.Key]
			return v, ok
		}
		return "", false
	}
}

// jobVars are Rundeck's variables of a job. A run is never a retry here, and
// always asked for by somebody.
func (x *execution) jobVars() map[string]string {
	v := map[string]string{"execid": strconv.FormatInt(x.run.Number, 10), "project": x.run.Project, "username": x.who.Name, "user.name": x.who.Name, "loglevel": "INFO",
		"executiontype": "user", "executionuuid": x.run.ID, "wasretry": "false", "retryattempt": "0", "threadcount": strconv.Itoa(max(1, x.threads)), "filter": x.run.NodeFilter, "successonemptynodefilter": "false"}
	if x.s.PublicURL != nil {
		if u := strings.TrimRight(x.s.PublicURL(), "/"); u != "" {
			v["serverurl"], v["url"] = u+"/", u+"/runs/"+x.run.ID
		}
	}
	if x.run.Job != nil {
		_, name := splitName(x.run.Job.Name)
		v["name"], v["group"], v["id"] = name, x.run.JobGroup, x.run.JobUUID
	}
	if x.def != nil {
		v["successonemptynodefilter"] = strconv.FormatBool(x.def.SuccessOnEmpty)
		if x.def.LogLevel != "" {
			v["loglevel"] = x.def.LogLevel
		}
	}
	return v
}

// env is what a step finds in its environment, under Rundeck's names.
func (x *execution) env(nd node.Node, result map[string]string) map[string]string {
	env := nd.Env()
	for _, name := range x.options {
		if v, ok := x.values.Get(name); ok && !x.hidden[name] {
			env[job.EnvName(name)] = v
		}
	}
	for k, v := range x.jobVars() {
		env["RD_JOB_"+node.EnvWord(k)] = v
	}
	for k, v := range result {
		env["RD_RESULT_"+node.EnvWord(k)] = v
	}
	return env
}

type opened struct {
	data []byte
	err  error
}

// open takes the keys the nodes need and the stored secure options out of key
// storage, each once; its use is on record for the run.
func (x *execution) open(ctx context.Context) error {
	x.creds = map[string]opened{}
	users := map[string][]node.Node{}
	for _, n := range x.nodes {
		for _, a := range []string{node.AttrKeyPath, node.AttrPassphrase, node.AttrPasswordPath} {
			if p := n.Attrs[a]; p != "" && n.Executor() != "local" {
				users[p] = append(users[p], n)
			}
		}
	}
	take := func(path, forNode string, ns []node.Node) opened {
		var got opened
		got.err = x.s.Access.Do(ctx, x.who, func(tx *db.Tx) (err error) {
			got.data, err = x.s.Keys.Open(ctx, tx, x.who, key.Grant{Project: x.run.Project, Run: x.run.ID, Node: forNode, Targets: targets(ns)}, path)
			return err
		})
		return got
	}
	for _, path := range sortedKeys(users) {
		var names []string
		for _, n := range users[path] {
			names = append(names, n.Name)
		}
		x.creds[path] = take(path, some(names, 3), users[path])
	}
	for _, name := range sortedKeys(x.run.spec.Stored) {
		got := take(x.run.spec.Stored[name], "", x.nodes)
		if got.err != nil {
			return fault.Wrap(fault.KindOf(got.err), fmt.Sprintf("The value of the option %s could not be taken from key storage: %s", name, fault.Message(got.err)), got.err)
		}
		x.values.Set(name, strings.TrimRight(string(got.data), "\n"))
		x.secure = append(x.secure, name)
	}
	return nil
}

// deadline is the job's timeout, given the options.
func (x *execution) deadline(text string) (time.Duration, error) {
	s, _ := job.ParsePlain(text).ExpandPlain(x.lookup(node.Node{}, nil))
	if strings.TrimSpace(s) == "" {
		return 0, nil
	}
	d, ok := job.Duration(s)
	if !ok {
		return 0, fault.Newf(fault.Invalid, "The job's timeout %q is not a duration. Give it like 90, 15m or 1h30m.", s)
	}
	return d, nil
}
