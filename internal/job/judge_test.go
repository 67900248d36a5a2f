package job

import (
	"strings"
	"testing"
)

// What stands in these is code to the command, however well the shell keeps it
// one piece.
var programsInArguments = []string{
	`awk 'BEGIN{print "${option.x}"}'`, `awk '/${option.x}/{print}' /tmp/f`, "awk \"{print $1, \\\"${option.x}\\\"}\"", `gawk -e ${option.x}`, `mawk -f ${option.x}`, `awk -v x=${option.x} 'BEGIN{system(x)}'`,
	`awk -v x=${option.x} 'BEGIN{x | getline y}'`, `echo ${option.x} | awk '{system($0)}'`, `a""wk ${option.x}`, `/usr/bin/awk ${option.x} /tmp/f`, `busybox awk ${option.x}`, `sudo -u app awk ${option.x}`,
	`env LC_ALL=C timeout 5 nice -n 3 awk "${option.x}"`, `echo x | sed -e 's/x/${option.x}/'`, `sed "s/^name=.*/name=${option.x}/" /tmp/f`, `sed -n "/${option.x}/p" /tmp/f`, `sed -n 1p ${option.x}`, `sed -i ${option.x} /tmp/f`, `echo ${option.x} | sed 's/.*/&/e'`, `echo ${option.x} | sed -f -`,
	`clush -w h "echo ${option.x}"`, `pdsh -w h ${option.x}`, `dsh -a "x ${option.x}"`, `ansible h -m shell -a "echo ${option.x}"`, `ansible-playbook site.yml -e v=${option.x}`, `salt '*' cmd.run "${option.x}"`, `parallel ${option.x} ::: a`, `parallel echo ::: ${option.x}`,
	`flock /tmp/l -c "echo ${option.x}"`, `flock -c ${option.x} /tmp/l`, `flock /tmp/l awk ${option.x}`, `make V=${option.x}`, `make --eval ${option.x}`, `make ${option.x}`, `tmux new-session -d "echo ${option.x}"`, `screen -dm ${option.x}`, `S=sh; $S -c "${option.x}"`, `$S -c "${option.x}"`, `$S ${option.x}`,
	`"$@" ${option.x}`, `set -- ${option.x}; "$@"`, `${option.x} --version`, `sudo ${option.x}`, `env ${option.x} id`, `env A=1 ${option.x}`, `nohup ${option.x} &`, `xargs ${option.x} < /tmp/f`, `cat /tmp/f | xargs awk ${option.x}`, `echo ${option.x} | xargs awk`, `echo ${option.x} | xargs -I{} awk '{}' /tmp/f`,
	`sqlite3 db "select '${option.x}'"`, `sqlite3 ${option.x} 'select 1'`, `psql -c "select '${option.x}'"`, `psql -f ${option.x}`, `mysql -e "select '${option.x}'"`, `mysql ${option.x}`, `echo "select '${option.x}';" | psql`, `echo ".shell id ${option.x}" | sqlite3 db`, `mysql db <<< "${option.x}"`,
	`perl -pe 's/x/${option.x}/' /tmp/f`, `perl ${option.x}`, `echo ${option.x} | perl`, `python3 ${option.x}`, `echo "${option.x}" | python3 -`, `ruby -e ${option.x}`, `lua -e ${option.x}`, `node -e "${option.x}"`, `php -r "${option.x}"`, `expect -c "${option.x}"`, `echo ${option.x} | tclsh`, `pwsh -c ${option.x}`, `pwsh ${option.x}`,
	`find /srv -exec awk ${option.x} {} \;`, `find /srv -name '*.x' -exec ${option.x} \;`, `find ${option.x} -exec sh {} \;`, `watch ${option.x}`, `crontab ${option.x}`, `echo "* * * * * ${option.x}" | crontab -`, `at -f ${option.x} now`, `vim -c ${option.x} /tmp/f`, `echo ${option.x} | ed /tmp/f`, `ex ${option.x}`, `git -c ${option.x} status`, `git -c core.pager=${option.x} log`,
	`git clone ${option.x}`, `git ${option.x}`, `git fetch --upload-pack=${option.x} o`, `git grep -O${option.x} x`, `git rebase -x "${option.x}" main`, `tar --to-command=${option.x} -xf /tmp/a`, `tar --checkpoint-action=exec=${option.x} -cf /tmp/a b`, `tar cf /tmp/a ${option.x}`, `tar xf ${option.x}`, `tar -I ${option.x} -cf /tmp/a b`, `tar ${option.x}`,
	`rsync -e ${option.x} a b`, `rsync a h:${option.x}`, `scp a h:/srv/${option.x}`, `scp ${option.x} /tmp`, `sort --compress-program=${option.x} /tmp/f`, `sort ${option.x}`, `docker exec c awk ${option.x}`, `docker exec c sh ${option.x}`, `kubectl exec p -- awk ${option.x}`, `kubectl exec p -- mysql -e "${option.x}"`, `jq ".a = \"${option.x}\"" /tmp/f`, `yq ${option.x} f`,
	`x=${option.x}; awk "BEGIN{print \"$x\"}"`, `x=${option.x}; y="a $x"; sed -e "s/x/$y/"`, `x=$(echo ${option.x}); awk "$x"`, `for x in ${option.x}; do awk $x; done`, `echo ${option.x} | while read x; do awk "$x"; done`, `read x <<< ${option.x}; awk "$x"`, `f() { awk "$1"; }; f ${option.x}`, `set -- ${option.x}; awk "$1"`, `x=${option.x}; "$x"`, `x=${option.x}; echo "${x@P}"`, `x=${option.x}; echo ${!x}`,
	`echo ${option.x} > /tmp/a.sh; sh /tmp/a.sh`, `echo ${option.x} >> a; . ./a`, `echo ${option.x} | tee -a a; ./a`, `printf '%s' ${option.x} > /tmp/p; awk -f /tmp/p`, `{ echo a; echo ${option.x}; } > f; python3 f`, `echo ${option.x} > f; mv f g; bash g`, `echo ${option.x} > "$f"; sh "$f"`, `echo ${option.x} > f; sqlite3 db < f`, `exec > f; echo ${option.x}; sh f`, `echo ${option.x} > f; cat f | sh`,
	`echo ${option.x} | sh`, `echo ${option.x} | sudo bash -s`, `cat <(echo ${option.x}) | sh`, `sh <(echo ${option.x})`, `. <(echo ${option.x})`, `bash <<< ${option.x}`, `echo ${option.x} | cut -c1- | sh`, `basename ${option.x} | sh`, `cat ${option.x} | sh`, `sh < ${option.x}`, `echo ${option.x} > >(sh)`, `echo ${option.x} | tee >(sh)`, `echo ${option.x} | { cat; } | sh`, `if true; then echo ${option.x}; fi | sh`,
	`PATH=${option.x} id`, `LD_PRELOAD=${option.x} id`, `export BASH_ENV=${option.x}`, `PS4=${option.x}; set -x; id`, `env PATH=${option.x} id`, `GIT_SSH_COMMAND=${option.x} git fetch`, `export ${option.x}`, `printf "a ${option.x}\n"`, `mytool run "f('${option.x}')"`, `mytool --do "a; ${option.x}"`, `mytool --eval=${option.x}`, `mytool exec sh ${option.x}`, `vagrant ssh -c "echo ${option.x}"`, `su - ${option.x}`, `make -C /srv/${option.x}`,
	`alias go=awk; go ${option.x}`, `hash -p /bin/sh frob; frob ${option.x}`, `wget --use-askpass=${option.x} http://x`, `wget ${option.x}`, `mail -s hi ${option.x}`, `nc -e ${option.x} h 1`, `apt-get install ${option.x}`, `rpm -E ${option.x}`, `java ${option.x}`, `python3 -c 'print(1)' ${option.x}`, `{a,b} ${option.x}`, `/usr/bin/* ${option.x}`, `$(pick) ${option.x}`, `gdb -ex ${option.x}`, `dc -e ${option.x}`, `echo ${option.x} | dc`, `m4 <<< ${option.x}`, `ssh ${option.x} uptime`,
	`while read l; do eval "$l"; done < ${option.x}`, `mapfile -t a <<< ${option.x}; awk "${a[0]}"`, `trap ${option.x} EXIT`, `timeout 5 ${option.x}`, `coproc ${option.x}`, `time ${option.x}`, `! ${option.x}`, `if ${option.x}; then id; fi`, `select x in ${option.x}; do awk $x; done`, `x=(a ${option.x}); awk "${x[1]}"`, `: ${y:=z}; n=${option.x}; m=$n; echo $((m))`, `local -i n=${option.x}`, `systemd-run awk ${option.x}`, `openssl dgst -engine ${option.x}`,
}

// These have values where they are data, as jobs have them.
var dataInArguments = []string{
	`echo "Restarting ${option.x} (now); done"`, `echo 'a {b} ${option.x}'`, `printf '%s\n' "a; ${option.x}"`, `grep -F "a b ${option.x}" /tmp/f`, `grep -qE "(a|b) ${option.x}" /tmp/f`, `[ "${option.x}" = a ] && echo b`, `test -d /srv/${option.x}`, `cp /srv/${option.x} /tmp/`, `mv "a b ${option.x}" c`, `rm -rf /srv/${option.x}/*`, `mkdir -p ${option.x}`, `ls -l ${option.x}`, `cat ${option.x}`, `touch ${option.x}`, `systemctl restart ${option.x}`,
	`systemctl restart app@${option.x}.service`, `sudo systemctl restart ${option.x}`, `sudo -u ${option.x} id`, `timeout 10 /opt/deploy --tag=${option.x}`, `/opt/deploy release-${option.x}.tgz`, `/opt/deploy ${option.x} --env=${option.x}`, `deploy.sh ${option.x}`, `sh /opt/x.sh ${option.x}`, `bash -x /opt/x.sh --tag=${option.x}`, `python3 /opt/x.py --env ${option.x}`, `perl /opt/x.pl ${option.x}`, `java -Xmx1g -jar /opt/a.jar ${option.x}`, `java -Dv=${option.x} -jar a.jar`,
	`awk -v who=${option.x} 'BEGIN{print who}'`, `awk -F: '{print $1}' ${option.x}`, `sed -n 1,5p /var/log/${option.x}.log`, `sed -n 1p -- ${option.x}`, `echo ${option.x} | sed 's/a/b/g'`, `echo ${option.x} | awk '{print $1 || 2}'`, `ps -ef | grep ${option.x} | awk '{print $2}' | xargs kill`, `find ${option.x} -name '*.log' -mtime +7 -delete`, `find /srv -name "*${option.x}*" -exec rm {} \;`, `find /srv/${option.x} -type f | xargs rm -f`, `find . -exec grep ${option.x} {} +`,
	`echo ${option.x} | xargs -n1 ping -c1`, `tar czf /backup/${option.x}.tgz /srv`, `tar czf /b.tgz -C ${option.x} .`, `tar czf /b.tgz -- ${option.x}`, `tar xzf /releases/app-${option.x}.tgz`, `git checkout ${option.x}`, `git tag -a v${option.x} -m "Release ${option.x} (by hand)"`, `git -C /srv/app pull origin main`, `docker pull registry/app:${option.x}`, `docker run --rm -e V=${option.x} app:${option.x}`, `docker restart ${option.x}`, `kubectl -n ${option.x} get pods`,
	`kubectl set image deploy/a a=r/a:${option.x}`, `kubectl exec p -- ls ${option.x}`, `curl -fsS "https://x/api?a=1&b=${option.x}"`, `curl -d '{"text": "${option.x}"}' https://x`, `curl -fsS https://x/${option.x}/i.sh | sh`, `psql -h ${option.x} -f /opt/x.sql`, `psql -v v=${option.x} -f /opt/x.sql`, `mysql -h${option.x} -u root db < /opt/x.sql`, `jq --arg v ${option.x} '.a = $v' /tmp/f`, `rsync -a /srv/${option.x}/ /backup/`, `scp ./${option.x} h:/srv/`,
	`echo ${option.x} > /tmp/out; cat /tmp/out`, `echo ${option.x} >> /var/log/x.log; sh /opt/y.sh`, `echo ${option.x} | ./read-it`, `echo ${option.x} | sh /opt/x.sh`, `x=${option.x}; [ -n "$x" ] && /opt/deploy "$x"`, `for x in ${option.x}; do echo "$x"; done`, `f() { echo "$1"; }; f ${option.x}`, `case ${option.x} in a) echo a;; esac`, `if grep -q ${option.x} /tmp/f; then echo yes; fi`, `mail -s "Deploy of ${option.x} (done)" ops@bank.test < /tmp/f`,
	`S="sudo -n"; $S systemctl restart ${option.x}`, `cd /srv/${option.x} && ./run.sh ${option.x}`, `su - app -s /bin/sh`, `service ${option.x} status`, `useradd -m ${option.x}`, `logger -t deploy "Run by ${option.x}: start"`, `sleep ${option.x}`, `seq 1 ${option.x}`, `kill -9 ${option.x}`, `dig +short ${option.x}`, `apt-get install -y app=${option.x}`, `apt-get install -y -- ${option.x}`, `wget https://x/${option.x}.tgz`, `terraform apply -var v=${option.x}`, `oc start-build ${option.x} -n x`,
	`"$JAVA_HOME"/bin/java -jar "$APP".jar ${option.x}`, `flock -n /tmp/l /opt/deploy ${option.x}`, `nohup /opt/run ${option.x} > /tmp/log 2>&1 &`, `export V=${option.x}; /opt/deploy`, `V=${option.x} /opt/deploy`, `env V=${option.x} /opt/deploy`, `xargs -a /tmp/list /opt/deploy ${option.x}`, `diff /etc/a/${option.x} /etc/b/${option.x}`, `ln -sfn /srv/releases/${option.x} /srv/current`,
}

func TestProgramsInArguments(t *testing.T) {
	for _, text := range programsInArguments {
		tpl := ParseShell(text)
		if len(tpl.Unsafe) == 0 {
			t.Errorf("%s is taken as safe", text)
			continue
		}
		for _, why := range tpl.Unsafe {
			if !strings.Contains(why, "${option.x}") || !strings.Contains(why, "; ") || !strings.Contains(why, "RD_OPTION_X") && !strings.Contains(why, "regex") && !strings.Contains(why, "correct") && !strings.Contains(why, "expr") {
				t.Errorf("%s: %s", text, why)
			}
		}
	}
	for _, text := range dataInArguments {
		if tpl := ParseShell(text); len(tpl.Unsafe) > 0 {
			t.Errorf("%s: %v", text, tpl.Unsafe)
		}
	}
	// Nothing of it holds for values that cannot be code.
	for _, limits := range []string{"regex: '[A-Za-z0-9_.-]+'", "regex: '^(?:v?\\d+\\.){1,3}\\d+$'", "enforced: true, values: [a, b-c]", "enforced: true, values: ['a b', 'c;d']", "type: date, dateFormat: YYYY-MM-DD"} {
		for _, text := range []string{`awk 'BEGIN{print "${option.x}"}'`, `sed -e 's/x/${option.x}/' /tmp/f`, `bash -c 'echo ${option.x}'`, `ssh h "systemctl restart ${option.x}"`, `make V=${option.x}`, `clush -w h "echo ${option.x}"`, `eval echo ${option.x}`} {
			d := def(t, "- name: a\n  sequence: {commands: [{exec: "+quoteYAML(text)+"}, {script: 'echo @option.x@'}]}\n  options: [{name: x, "+limits+"}]")
			if no := d.CannotRun(false); len(no) > 0 {
				t.Errorf("%s with %s: %v", text, limits, no)
			}
		}
	}
	for _, limits := range []string{"regex: '.*'", "regex: '[^;]+'", "regex: 'a|.b'", `regex: '\S+'`, "regex: '[a-z ]+'", `regex: '[a-z]+\\'`, "regex: 'a$'', required: true", "secure: true, valueExposed: true, regex: '[a-z]+', storagePath: keys/a", "multivalued: true, delimiter: ';', regex: '[a-z]+'", "values: [a, b]"} {
		if strings.Contains(limits, "''") {
			continue
		}
		d := def(t, "- name: a\n  sequence: {commands: [{exec: "+quoteYAML("awk '{print \"${option.x}\"}'")+"}]}\n  options: [{name: x, "+limits+"}]")
		if len(d.CannotRun(false)) == 0 {
			t.Errorf("with %s it runs", limits)
		}
	}
}

func quoteYAML(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// Places where quotes would be read as text take what needs none.
func TestTameValuesAnywhere(t *testing.T) {
	for _, c := range []struct{ limits, text, want string }{
		{"regex: '[a-z]+'", "cat <<EOF\n${option.x}\nEOF", "cat <<EOF\nabc\nEOF"},
		{"regex: '[a-z]+'", "echo `echo ${option.x}`", "echo `echo abc`"},
		{`regex: '\d+'`, "echo $((1+${option.x}))", "echo $((1+abc))"},
		{"regex: '[a-z]+'", "bash -c 'echo ${option.x}'", "bash -c 'echo ''abc'''"},
	} {
		d := def(t, "- name: a\n  sequence: {commands: [{exec: \""+strings.NewReplacer("\n", `\n`, `"`, `\"`).Replace(c.text)+"\"}]}\n  options: [{name: x, "+c.limits+"}]")
		if no := d.CannotRun(false); len(no) > 0 {
			t.Errorf("%s: %v", c.text, no)
		}
		if got := d.Steps[0].Exec.Expand(lookup("abc")); got != c.want {
			t.Errorf("%s → %s", c.text, got)
		}
	}
	for _, text := range []string{"echo $((1+${option.x}))", "n=${option.x}; echo $((n))", "[[ ${option.x} -eq 1 ]]"} {
		d := def(t, "- name: a\n  sequence: {commands: [{exec: "+quoteYAML(text)+"}]}\n  options: [{name: x, regex: '[a-z]+'}]")
		if len(d.CannotRun(false)) == 0 {
			t.Errorf("%s takes the name of a variable", text)
		}
	}
}
