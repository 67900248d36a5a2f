package job

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func lookup(v string) Lookup {
	return func(r Ref) (string, bool) {
		if r.Key == "none" {
			return "", false
		}
		return v, true
	}
}

// sh runs text and gives its output.
func sh(t testing.TB, shell, text string) string {
	t.Helper()
	c := exec.Command(shell, "-c", text)
	c.Env = []string{"PATH=/usr/bin:/bin", "HOME=/nowhere"}
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("%s: %v\n%s\n%s", shell, err, text, errs.String())
	}
	return out.String()
}

func shells(t testing.TB) []string {
	var out []string
	for _, s := range []string{"sh", "bash", "dash"} {
		p, err := exec.LookPath(s)
		if err != nil {
			t.Fatalf("%s is not installed. Install what the tests need: scripts/need test", s)
		}
		out = append(out, p)
	}
	return out
}

// Every place an author may write a variable, as a command that prints it.
var places = []string{
	`printf %s ${option.x}`,
	`printf %s "${option.x}"`,
	`printf %s '${option.x}'`,
	`printf %s ""${option.x}''`,
	`printf %s "$(printf %s ${option.x})" # ${option.x} stays out`,
	`printf %s "$(printf %s "${option.x}"; printf '')"`,
	`(printf %s ${option.x})`,
	`{ x=${option.x}; printf %s "$x"; }`,
	`x="${option.x}" && printf %s "$x"`,
	"if true; then\n  # it's a comment with ${option.x}\n  printf %s ${option.x}\nfi",
	`case ${option.x} in *) printf %s ${option.x};; esac`,
	`set -- ${option.x}; printf %s "$1"`,
	`Y=${HOME}; printf %s "${option.x}"`,
	`printf %s \\${option.x} | cut -c2- | { IFS= read -r -d '' x 2>/dev/null; :; }; printf %s ${option.x}`,
}

func valueGen() *rapid.Generator[string] {
	nasty := rapid.SampledFrom([]string{"'", "\"", "$(id)", "`id`", "\n", "\\", "; id", "&& id", "${HOME}", "$HOME", "#", " ", "*", "~", "!", "\t", "%s", "\r", "EOF\n", "'\\''", ")", "}", "é", "\x01", "-n", "$'", "\"'", "<<X\n", "\xff"})
	return rapid.Custom(func(t *rapid.T) string {
		var b strings.Builder
		for range rapid.IntRange(0, 6).Draw(t, "n") {
			if rapid.Bool().Draw(t, "nasty") {
				b.WriteString(nasty.Draw(t, "piece"))
			} else {
				b.WriteString(rapid.StringMatching(`[ -~]{0,5}`).Draw(t, "text"))
			}
		}
		return b.String()
	}).Filter(func(s string) bool { return !strings.Contains(s, "\x00") })
}

// The value arrives byte for byte, in every place and every shell. A command
// substitution drops line ends, which is the author's doing, so an x guards them.
func TestValueArrivesByteForByte(t *testing.T) {
	shs := shells(t)
	for _, p := range places {
		tpl := ParseShell(p)
		if len(tpl.Unsafe) > 0 {
			if strings.Contains(p, "read -r") {
				continue
			}
			t.Errorf("%s: %v", p, tpl.Unsafe)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		v := valueGen().Draw(rt, "value")
		p := rapid.SampledFrom(places).Draw(rt, "place")
		if strings.Contains(p, "$(") {
			v += "x"
		}
		shell := rapid.SampledFrom(shs).Draw(rt, "shell")
		tpl := ParseShell(p)
		if len(tpl.Unsafe) > 0 {
			return
		}
		text := tpl.Expand(lookup(v))
		out, err := exec.Command(shell, "-c", text).Output()
		if err != nil {
			rt.Fatalf("%s: %v\n%s", shell, err, text)
		}
		if strings.HasPrefix(p, "printf %s \\\\") {
			return
		}
		if string(out) != v {
			rt.Fatalf("%s\n%s\ngot  %q\nwant %q", shell, text, out, v)
		}
	})
}

func TestAttacksStayData(t *testing.T) {
	for _, v := range []string{"$(echo pwned)", "`echo pwned`", "x; echo pwned", "x\necho pwned", "'; echo pwned; '", "\"; echo pwned; \"", "\"'; echo pwned; '\"", "|echo pwned", "'$(echo pwned)'", "\\'; echo pwned #", ")echo pwned("} {
		for _, p := range places {
			tpl := ParseShell(p)
			if len(tpl.Unsafe) > 0 || strings.Contains(p, `\\$`) {
				continue
			}
			for _, shell := range shells(t) {
				if got := sh(t, shell, tpl.Expand(lookup(v+"."))); got != v+"." {
					t.Errorf("%s with %q = %q", p, v, got)
				}
			}
		}
	}
}

func TestUnsafePlaces(t *testing.T) {
	for _, text := range []string{
		"cat <<EOF\n${option.x}\nEOF",
		"cat <<'E'\n${option.x}\nE\n",
		"echo $((1+${option.x}))",
		"((n = ${option.x}))",
		"echo `echo ${option.x}`",
		`echo "` + "`echo ${option.x}`" + `"`,
		"echo ${y:-${option.x}}",
		`echo "${y:-'}" ${option.x}`,
		"echo $'a${option.x}'",
		`echo $'it\'s' ${option.x}`,
		`echo \${option.x}`,
		`echo "\${option.x}"`,
		"echo $${option.x}",
		"eval echo ${option.x}",
		`sh -c "echo ${option.x}"`,
		`bash -lc 'echo ${option.x}'`,
		`sudo -u app bash -c "echo ${option.x}"`,
		`su - app -c "echo ${option.x}"`,
		`/bin/sh -c "echo ${option.x}"`,
		`sudo /usr/bin/bash -euo pipefail -c "echo ${option.x}"`,
		`bash --login -c 'echo ${option.x}'`,
		`docker exec c sh -c"echo ${option.x}"`,
		`bash <<< "${option.x}"`,
		`/usr/bin/ssh other "echo ${option.x}"`,
		`ssh other "echo ${option.x}"`,
		`perl -e 'print ${option.x}'`,
		`python3 -c 'print(${option.x})'`,
		`echo "$(case a in a) echo ${option.x};; esac)"`,
		"[[ ${option.x} -eq 1 ]]",
		"echo $[${option.x}]",
		"let n=${option.x}",
		"echo ${option.x} | sh",
		`echo "systemctl restart ${option.x}" | sudo -u app /bin/bash -s`,
		`printf '%s\n' "svc ${option.x}" | at now`,
		"source <(echo ${option.x})",
		`. <(echo "${option.x}")`,
		`bash <(echo "${option.x}")`,
		`at now <<< "run ${option.x}"`,
		`su app --command="echo ${option.x}"`,
		`perl -E 'say ${option.x}'`,
		"unset ${option.x}",
		"read -r ${option.x}",
		"printf -v ${option.x} 1",
		"[[ -v ${option.x} ]]",
		`test -v "${option.x}" && echo set`,
		"alias go='echo ${option.x}'",
		"n=${option.x}; echo $((n + 1))",
		"n=\"a b ${option.x}\"\n((n++))",
		"set -- ${option.x}; echo $(( $1 * 2 ))",
		"for i in 1 ${option.x}; do echo $((i)); done",
		"n=${option.x}; echo ${a[n]}",
		"n=${option.x}; a[n]=1",
		"n=${option.x}; echo ${HOME:n}",
		"n=${option.x}; echo $[n]",
		"read fi'${option.x}'",
		"\\read fi'${option.x}'",
		"function f { local a ${option.x}; }; f",
		"read -r a ${option.x}",
		"read -p 'name? ' ${option.x}",
		"read -a ${option.x}",
		"unset a \"b${option.x}\"",
		"printf -v 'a'${option.x} 1",
		"[[ -n a && -v ${option.x} ]]",
		"f() { local ${option.x}; }; f",
		"cat <\\\n<EOF\n${option.x}\nEOF",
		"echo $\\\n${option.x}",
		"echo $\\\n(case a in a) echo \"${option.x}\";; esac)",
		"e\\\nval echo ${option.x}",
		"${y//}eval '${option.x}'",
		"$1eval ${option.x}",
		"${y:-eval} ${option.x}",
		"${y:-ev}al ${option.x}",
		"${y:-${y:-eval }eval }${option.x}",
		"${y:-${z}eval }${option.x}",
		"#\\\n${y:-eval} ${option.x}",
		"${y:-${z}}eval ${option.x}",
		"$(echo $(true))eval ${option.x}",
		"$'ev'al ${option.x}",
		"#\\\n${y:-}eval '${option.x}'",
		`"$y"eval ${option.x}`,
		`e""val ${option.x}`,
		`e\val ${option.x}`,
		"$(true)eval ${option.x}",
		"``eval ${option.x}",
		"${option.x}eval ${option.x}",
		"${PREFIX}unsetenv ${option.x}",
		"${y}read ${option.x}",
		`re''ad ${option.x}`,
		"echo ${option.x} | ${y}sh",
		"echo $(id)#'\n${option.x}'",
		"((1))#'\n${option.x}'",
		"((1))\\\n#'\n${option.x}'",
		"((id # )\n)) ${option.x}",
		"echo ${y:-{} # } '\n${option.x}'",
		"echo \"$(ca\\\nse a in a) echo ${option.x};; esac)\"",
	} {
		if tpl := ParseShell(text); len(tpl.Unsafe) == 0 {
			t.Errorf("%q is taken as safe → %s", text, tpl.Expand(lookup("v")))
		} else if strings.Contains(tpl.Unsafe[0], "${option.x}") == false {
			t.Errorf("%q: %v names no variable", text, tpl.Unsafe)
		}
	}
	for _, text := range []string{"systemctl restart ${option.x}", "cat <<EOF\nplain\nEOF", "echo $(( 1 + 2 )) ${option.x}", "echo ${HOME} ${option.x}", `curl -sSc /tmp/c "https://x/${option.x}"`, "cat <<< ${option.x}", "echo it\\'s ${option.x}", `[ "$a" -eq 1 ] && echo ${option.x}`, "flush -c ${option.x}", "/opt/push -c ${option.x}", "bash /opt/deploy.sh -c ${option.x}", "sh ./check --verbose ${option.x}", "sshd-check ${option.x}", "curl -fsS https://x/${option.x}/install.sh | sh", "echo ${option.x} | tee /tmp/x; sh /opt/check", "printf '%s' ${option.x} | sha256sum", `read -p "${option.x}? " y`, `read -rp '${option.x}? ' y`, "i=0; while [ $i -lt 3 ]; do echo ${option.x}; i=$((i+1)); done", "n=${option.x}; expr \"$n\" + 1", "n=${option.x}; echo ${n:-none} $((1 + 2))", "n=${option.x}; case $n in [a-z]*) echo ok;; esac", "f() { local y=${option.x}; }; f", "echo a copy on local ${option.x}", "/opt/alias/bin ${option.x}", "echo ${option.x} | ./at-home", "echo ${option.x} > out.sh", "curl -fsS https://x/${option.x} -o /tmp/x", `"$JAVA_HOME"/bin/java -jar "$APP".jar ${option.x}`, `tar czf "$dir"/at-"$day".tgz -- ${option.x}`} {
		if tpl := ParseShell(text); len(tpl.Unsafe) > 0 {
			t.Errorf("%q: %v", text, tpl.Unsafe)
		}
	}
}

func TestExpand(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"echo ${option.x}", "echo 'it'\\''s'"},
		{"echo ${option.none} end", "echo  end"},
		{"echo ${unquotedoption.x}", "echo it's"},
		{"echo ${HOME} $HOME ${x%.txt}", "echo ${HOME} $HOME ${x%.txt}"},
		{"a # ${option.x}\nb", "a # \nb"},
		{"a#${option.x}", "a#'it'\\''s'"},
		{"\\\n# '${option.x}'\nb", "\\\n# ''\nb"}, // a comment after a continued line
		{"a \\\n # '${option.x}'\nb", "a \\\n # ''\nb"},
		{"a\\\n#'${option.x}'", "a\\\n#'''it'\\''s'''"},
		{"a\r#'${option.x}'", "a\r#'''it'\\''s'''"},
	} {
		if got := ParseShell(c.text).Expand(lookup("it's")); got != c.want {
			t.Errorf("%s → %s, want %s", c.text, got, c.want)
		}
	}
}
