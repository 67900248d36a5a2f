package job

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The commands that authors write, with the programs themselves: whatever is put
// together, if it is called safe then no value makes anything run something.

var toolHeads = []string{
	"awk '{print \"", "awk -v v=", "awk '", "mawk ", "sed -e 's/x/", "sed -n ", "sed \"s/x/", "sed -i ", "find ", "find . -name ", "find . -exec ", "xargs ", "xargs -I{} ", "env ", "env A=", "make V=", "make -f ", "make --eval ",
	"flock lock ", "flock lock -c ", "perl -pe ", "perl ", "perl -e ", "sqlite3 db ", "sqlite3 :memory: \"select '", "tar cf a.tar ", "tar cf a.tar --", "tar xf ", "sort ", "git ", "git -c ", "git clone ", "python3 ", "python3 -c ", "sh ", "sh -c ", "bash -c ", "timeout 2 ", "nice ", "nohup ",
	"jq ", "ed ", "vim -es ", "tmux -L none new-session -d ", "echo ", "printf ", "printf '%s\\n' ", "cat ", "x=", "for x in ", "set -- ", "tool ", "./tool ", "$S ", "S=sh; $S ", "$(echo sh) ", "grep -F ", "test -n ", "[ -n ", "cp f ", "mktemp -p ", "split --filter=", "export ", "read x <<< ", "dd if=f of=",
	"PATH=", "PS4=", "ls ", "cd ", "eval ", ". ", "busybox ", "command ", "exec ", "time ", "! ", "f() { awk \"$1\"; }; f ", "x=${option.x}; [ ", "x=${option.x}; env A=", "x=${option.x}; awk -v v=", "x=${option.x}; timeout ", "x=${option.x}; unset ", "x=${option.x}; printf -v ", "x=${option.x}; tar cf a.tar -C ", "echo ${option.x} | ", "nice -n ", "strace -o ",
}

var toolMiddles = []string{"${option.x}", "\"${option.x}\"", "'${option.x}'", "a${option.x}", "./${option.x}", "--name=${option.x}", "\"a b ${option.x}\"", "'{ print \"${option.x}\" }'", "-- ${option.x}", "${option.x} ${option.x}", "-e ${option.x}", "-c ${option.x}", "-f ${option.x}", "f ${option.x}", "'1p' ${option.x}", "'{print}' ${option.x}", "v=${option.x}", "\"$(echo ${option.x})\"", "$x ", "\"$x\" ", "/$x ", "$(echo ${option.x}) ", "/dev/stdin", "-f - f", "find "}

var toolTails = []string{
	"", "\"}' f", "/' f", "/p' f", "' f", " f", " {} \\;", " {} +", " | sh", " | sudo sh", " | xargs", " | xargs sh", " | xargs -I{} sh -c {}", " | awk '{system($0)}'", " | awk '{print}'", " | sed 's/$//e'", " | perl", " | python3", " | sqlite3", " | make -f -", " | bash -s", " | ed", " | at now", " | while read x; do eval \"$x\"; done", " | while read x; do awk \"BEGIN{$x}\"; done",
	" > f.sh; sh f.sh", " >> g; . ./g", " | tee h; sh h", "; awk \"BEGIN{$x}\"", "; echo \"$x\"", "; \"$x\"", "; $x", "; sh -c \"$x\"; done", "; do awk \"$x\"; done", "; do echo \"$x\"; done", " ]", "\"", "';\"", "; awk \"$1\"", "; \"$@\"", " < f", " <<< y", "; echo \"${x@P}\"", "; echo $((x))", " && echo done", "; set -x; echo", "; id",
}

// toolAttacks run the program hit of the folder, in the language of each tool.
var toolAttacks = []string{
	"$(hit)", "`hit`", ";hit;", "|hit", "hit|", "\nhit\n", "x\"; system(\"hit\"); \"", "BEGIN{system(\"hit\")}", "\";system(\"hit\");\"", "y/;e hit\n#", "y/e hit\n", "1e hit", "e hit", "--expression=1e hit", "-e1e hit", "-ehit", "--to-command=hit", "--checkpoint-action=exec=hit", "-Ihit", "--use-compress-program=hit", "--compress-program=hit", "--eval=$(shell hit)", "$(shell hit)", "--filter=hit",
	"'; system('hit'); '", "';\n.shell hit\n", "'||writefile('PWNED','x')||'", ".shell hit", "-cmd", "import os; os.system('hit')", "system('hit')", "hit", "./hit", "sh -c hit", "-exec", "-c", "-ccore.fsmonitor=hit", "--upload-pack=hit", "ext::hit", "--exec=hit", "-Shit", "-S hit", "!hit", "+!hit", ":!hit", "a[$(hit)]", "x'; hit; '", "\"; hit; \"", "f;hit", "-v", "--", "hit\\", "@P$(hit)", "-sfnone", "--init-file=hit", "1 'hit'", "{system(\"hit\")}", "}\nBEGIN{system(\"hit\")", "/;hit;/e", "'\n!hit\n", "f -exec hit ;", "-v a[$(hit)] -o b", "a BEGIN{system(\"hit\")}", "5 hit", "/ --checkpoint=1 --checkpoint-action=exec=hit", "|hit", "a -e1ehit f", "1 f hit",
}

func TestToolsRunNothing(t *testing.T) {
	for _, tool := range []string{"awk", "sed", "make", "flock", "perl", "find", "xargs", "env", "bash"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is not installed. Install what the tests need: scripts/need test", tool)
		}
	}
	dir := t.TempDir()
	mark := filepath.Join(dir, "PWNED")
	tools := t.TempDir()
	for name, text := range map[string]string{"hit": "#!/bin/sh\n: > " + mark + "\n", "tool": "#!/bin/sh\nexit 0\n"} {
		if err := os.WriteFile(filepath.Join(tools, name), []byte(text), 0o700); err != nil { // #nosec G306 -- a program of the test
			t.Fatal(err)
		}
	}
	safe := 0
	try := func(text, value string) string {
		tpl := ParseShell(text)
		if len(tpl.Refs()) == 0 || len(tpl.Unsafe) > 0 {
			return ""
		}
		safe++
		for _, f := range []string{"f", "f.sh", "g", "h", "Makefile"} {
			_ = os.WriteFile(filepath.Join(dir, f), []byte("x\n"), 0o600)
		}
		cmd := tpl.Expand(lookup(value))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		c := exec.CommandContext(ctx, "bash", "-c", cmd)
		c.Env = []string{"PATH=" + tools + ":/usr/bin:/bin", "HOME=" + dir, "TMUX_TMPDIR=" + dir, "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1"}
		c.Dir, c.WaitDelay = dir, time.Second
		c.Stdin = bytes.NewReader(nil)
		_ = c.Run()
		if _, err := os.Stat(mark); err == nil {
			_ = os.Remove(mark)
			return cmd
		}
		return ""
	}
	// What is known to be code, should somebody loosen a rule.
	for _, text := range append(append([]string{}, dataInArguments...), programsInArguments...) {
		first, _, _ := strings.Cut(strings.TrimSpace(text), " ")
		if !slices.Contains([]string{"awk", "sed", "echo", "printf", "grep", "case", "for", "f()", "[", "test", "perl", "python3", "find"}, first) && !strings.HasPrefix(text, "x=") && !strings.HasPrefix(text, "find . ") || strings.Contains(text, "/srv") || strings.Contains(text, "/var") {
			continue // others reach out of the folder
		}
		for _, v := range toolAttacks {
			if tpl := ParseShell(text); len(tpl.Unsafe) > 0 {
				break
			}
			if cmd := try(text, v); cmd != "" {
				t.Errorf("it ran the value:\n%s\nfrom\n%s", cmd, text)
			}
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.SampledFrom(toolHeads).Draw(rt, "head") + rapid.SampledFrom(toolMiddles).Draw(rt, "middle") + rapid.SampledFrom(toolTails).Draw(rt, "tail")
		if cmd := try(text, rapid.SampledFrom(toolAttacks).Draw(rt, "value")); cmd != "" {
			rt.Fatalf("it ran the value:\n%s\nfrom\n%s", cmd, text)
		}
	})
	if safe == 0 {
		t.Error("nothing was tried")
	}
}
