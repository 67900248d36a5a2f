package job

import (
	"strings"
	"testing"
)

// What a second round of trying found: variables that the shell sets by itself,
// names for other variables, what prints the environment, files in folders and by
// names that a value chooses, and programs that put their arguments together.
var programsByAnotherWay = []string{
	`export ANSIBLE_CONFIG=${option.x}; ansible-playbook a.yml`, `export ANSIBLE_ROLES_PATH=/srv/${option.x}; ansible-playbook a.yml`, `export OPENSSL_CONF=${option.x}; openssl version`, `export GOFLAGS=-toolexec=${option.x}; go build`,
	`export HOME=${option.x}; git status`, `export GCONV_PATH=${option.x}`, `export SYSTEMD_EDITOR=${option.x}; systemctl edit x`, `export SYSTEMD_PAGER=${option.x}; systemctl status`, `export XDG_CONFIG_HOME=${option.x}; git status`,
	`export BUNDLE_GEMFILE=${option.x}; bundle exec rake`, `export GEM_PATH=${option.x}; gem list`, `export R_PROFILE=${option.x}`, `export PHPRC=${option.x}; php a.php`, `export PHP_INI_SCAN_DIR=${option.x}; php a.php`,
	`export GRADLE_OPTS=${option.x}; gradle build`, `export COMPOSER_HOME=${option.x}`, `export npm_config_script_shell=${option.x}; npm run x`, `export NPM_CONFIG_USERCONFIG=${option.x}; npm run x`, `export HGRCPATH=${option.x}; hg log`,
	`export SVN_SSH=${option.x}; svn up`, `export MYSQL_HOME=${option.x}; mysql`, `export LIBMYSQL_PLUGINS=${option.x}; mysql`, `export SQLPATH=${option.x}; sqlplus -s / @x`, `export FZF_DEFAULT_COMMAND=${option.x}; fzf`,
	`awk 'BEGIN{system(ENVIRON["RD_OPTION_X"])}'; echo ${option.x}`, `cd ${option.x} && ./run.sh`, `cd ${option.x}; make`, `cd ${option.x} && sh run.sh`, `cd ${option.x} && . ./env`, `cd "$RD_OPTION_X" && ./run.sh; echo ${option.x}`,
	`pushd ${option.x}; ./run.sh`, `cd ${option.x} && python3 run.py`, `(cd ${option.x} && ./run.sh)`, `cd ${option.x} || exit; git pull; ./deploy.sh`, `d=$(mktemp); echo ${option.x} > "$d"; chmod +x "$d"; "$d"`,
	`echo ${option.x} > /tmp/x/a; run-parts /tmp/x`, `echo ${option.x} > /tmp/x/a; for f in /tmp/x/*; do sh $f; done`, `echo ${option.x} > /tmp/x/a; sh /tmp/x/?`, `echo ${option.x} > a; x=$(<a); $x`, `echo ${option.x} > a; exec < a; sh`,
	`echo ${option.x} > a; mysql -e "source a"`, `echo ${option.x} > a; psql -c '\i a'`, `echo ${option.x} > a; sqlplus / @a`, `echo "A=${option.x}" > .env; export $(grep -v '^#' .env | xargs)`, `cat > Dockerfile <<< "RUN ${option.x}"; docker build .`,
	`echo "RUN ${option.x}" > Dockerfile; docker build .`, `echo "pre-commit: ${option.x}" > .git/hooks/pre-commit; git commit`, `echo ${option.x} > /srv/repo/.git/hooks/post-checkout`, `echo ${option.x} >> ~/.ssh/rc`,
	`echo ${option.x} > ~/.gitconfig; git log`, `echo ${option.x} > ~/.psqlrc; psql`, `echo ${option.x} > ~/.vimrc`, `echo ${option.x} > ~/.npmrc`, `echo ${option.x} > /proc/sys/kernel/core_pattern`, `echo "|${option.x}" > /proc/sys/kernel/core_pattern`,
	`cp ${option.x} /etc/cron.d/x`, `mv ${option.x} /etc/cron.d/x`, `cp /tmp/a /etc/cron.d/${option.x}`, `cp ${option.x} /tmp/x.sh; sh /tmp/x.sh`, `wget -P /tmp http://${option.x}/x.sh; bash /tmp/x.sh`, `wget http://${option.x}/x.sh; bash x.sh`,
	`curl -O http://${option.x}/x.sh; bash x.sh`, `curl -sO http://${option.x}/x.sh && chmod +x x.sh && ./x.sh`, `curl -s http://${option.x}/x.tgz | tar xz; ./x/install.sh`, `git clone https://${option.x}/r.git; cd r; ./x.sh`,
	`pwsh -NoProfile -Command Restart-Service ${option.x}`, `schtasks /create /tn x /tr ${option.x}`, `psexec \\h ${option.x}`, `Invoke-Expression ${option.x}`, `Start-Process ${option.x}`, `Invoke-Command -ComputerName h -ScriptBlock { ${option.x} }`,
	`docker run --entrypoint ${option.x} img`, `docker run --entrypoint=${option.x} img`, `systemctl set-environment LD_PRELOAD=${option.x}`, `systemctl set-environment ${option.x}`, `systemctl edit ${option.x}`,
	`systemctl link ${option.x}`, `systemd-run --property=ExecStopPost=${option.x} ls`, `dd if=${option.x} of=/etc/cron.d/x`, `go run ${option.x}`, `yq e ".a = ${option.x}" f`, `rman target / cmdfile ${option.x}`,
	`rman target / @${option.x}`, `echo "backup ${option.x};" | rman target /`, `sftp h <<< "put ${option.x}"`, `sftp h <<< "!${option.x}"`, `monit -c ${option.x}`, `nginx -c ${option.x}`, `nginx -g "${option.x}"`,
	`httpd -f ${option.x}`, `apachectl -D ${option.x}`, `sshd -f ${option.x}`, `supervisord -c ${option.x}`, `uwsgi --ini ${option.x}`, `gunicorn -c ${option.x} app`, `gunicorn ${option.x}`, `celery -A ${option.x} worker`,
	`flask --app ${option.x} run`, `pytest ${option.x}`, `ip -b ${option.x}`, `tc -b ${option.x}`, `insmod ${option.x}`, `chroot ${option.x} id`, `chroot ${option.x}`, `consul exec ${option.x}`, `grep -h . ${option.x} | sh`,
	`set -- ${option.x}; while getopts c: o; do case $o in c) awk "$OPTARG";; esac; done`, `while getopts c: o "$RD_OPTION_X"; do case $o in c) awk "$OPTARG";; esac; done`, `: ${option.x}; $_`, `echo ${option.x}; awk "$_"`,
	`[[ "${option.x}" =~ ^([a-z]+):(.*)$ ]] && awk "${BASH_REMATCH[2]}"`, `[[ $RD_OPTION_X =~ (.*) ]]; ${BASH_REMATCH[1]}`, `printf -v "a[0]" %s ${option.x}; ${a[0]}`, `printf -v a[0] %s ${option.x}; awk "${a[0]}"`,
	`f() { local -n out=$1; out=$RD_OPTION_X; }; f res; awk "$res"`, `f() { local -n out=$1; out=${option.x}; }; f res; $res`, `printenv > /tmp/e; . /tmp/e`, `printenv RD_OPTION_X | sh`, `env > /tmp/e.sh; . /tmp/e.sh`,
	`env | grep RD_ > /tmp/e.sh; . /tmp/e.sh`, `env | sed 's/^/export /' > /tmp/e.sh; source /tmp/e.sh`, `export $(env | grep RD_OPTION | cut -d= -f2)`, `tr '\0' '\n' < /proc/self/environ > f; . ./f`, `cat /proc/$$/environ | sh`,
	`export V=${option.x}; envsubst < d.tpl | bash`, `envsubst < d.tpl > d.sh; sh d.sh`, `V=${option.x} envsubst < d.tpl | sh`, `jq -rn 'env.RD_OPTION_X' | sh`, `jq -rn '$ENV.RD_OPTION_X' | sh`, `awk 'BEGIN{print ENVIRON["RD_OPTION_X"]}' | sh`,
	`eval 'x=$RD_OPTION_X; $x'`, `eval echo \$RD_OPTION_X \| sh`, `x=${option.x}; systemctl $x`, `x=${option.x}; cp $x /backup/`, `x=${option.x}; cp -r /opt/x /srv/$x/`, `x=${option.x}; mv $x /data/`, `x=${option.x}; ln -sfn /srv/$x /srv/current`,
	`x=${option.x}; dd $x`, `x=${option.x}; uniq $x`, `x=${option.x}; useradd $x`, `x=${option.x}; usermod $x app`, `consul exec ${option.x}`, `pwsh -Command Restart-Service ${option.x}`, `pwsh -NoProfile -c Get-Item ${option.x}`,
	`pwsh -NonInteractive -Command - <<< ${option.x}`, `pwsh -CommandWithArgs 'Get-Item $args' ${option.x}`, `powershell Restart-Service ${option.x}`, `powershell -ExecutionPolicy Bypass Restart-Service ${option.x}`,
	`powershell -ep bypass -c Stop-Process -Name ${option.x}`, `echo ${option.x} | pwsh`, `echo ${option.x} | pwsh -Command -`, `echo ${option.x} | pwsh -File -`, `echo ${option.x} > a.ps1; pwsh -File a.ps1`,
	`echo "put ${option.x}" | sftp -b - h`, `sftp -b - h <<< "get ${option.x}"`, `echo "put ${option.x}" > b; sftp -b b h`, `exec 3<<< ${option.x}; read -u3 c; $c`, `exec < <(echo ${option.x}); sh`, `exec <<< ${option.x}; bash -s`,
	`f=/tmp/x.sh; echo ${option.x} > "$f"; sudo "$f"`, `f=$(mktemp); echo ${option.x} > "$f"; sudo -u app "$f"`, `f=$(mktemp); echo ${option.x} > "$f"; timeout 5 "$f"`, `f=$(mktemp); echo ${option.x} | tee "$f"; "$f"`,
	`f=$(mktemp); printf '#!/bin/sh\n%s\n' ${option.x} > $f; chmod 700 $f; exec $f`, `while true; do ./run.sh; cd ${option.x}; done`, `for d in ${option.x}; do cd $d && ./run.sh; done`, `for d in $(echo ${option.x} | tr , ' '); do (cd "$d" && ./install.sh); done`,
	`d=${option.x}; cd "$d"; sh ./deploy.sh`, `d=${option.x}; cd "$d" && source venv/bin/activate`, `d=${option.x}; pushd "$d" && make install && popd`, `cd ${option.x} && cd app && ./run.sh`, `env -C ${option.x} ./run.sh`,
	`sudo -D ${option.x} ./run.sh`, `kubectl set env deploy/x LD_PRELOAD=${option.x}`, `docker run -e LD_PRELOAD=${option.x} img`, `docker exec -e BASH_ENV=${option.x} c bash /x.sh`, `docker run --env=NODE_OPTIONS=${option.x} img`,
	`systemd-run --setenv=LD_PRELOAD=${option.x} /opt/x`, `systemd-run -p ExecStartPre=${option.x} /opt/x`, `systemd-run -E PATH=${option.x} x`, `printf -v PATH %s ${option.x}; run`, `for PATH in ${option.x}; do run; done`,
	`: ${PATH:=${RD_OPTION_X}}`, `: "${BASH_ENV:=$RD_OPTION_X}"; bash x.sh`, `uv run ${option.x}`, `poetry run ${option.x}`, `conda run -n x ${option.x}`, `go run ${option.x}`, `nice -n 5 uv run ${option.x}`,
	`x=${option.x}; y=x; z=${!y}; awk "$z"`, `x=${option.x}; for v in x; do awk "${!v}"; done`, `x=${option.x}; eval "y=\$x"; awk "$y"`, `a=([0]=${option.x}); for i in "${!a[@]}"; do awk "${a[$i]}"; done`,
	`IFS=: read -r h c <<< "${option.x}"; ssh "$h" "$c"`, `IFS=: read -r h c <<< "${option.x}"; "$c" --now`, `parts=(${RD_OPTION_X//:/ }); "${parts[@]}"`, `parts=($(echo ${option.x} | tr : ' ')); "${parts[0]}"`,
	`c=$(echo ${option.x} | cut -d: -f2); $c`, `c=$(awk -F: '{print $2}' <<< ${option.x}); sh -c "$c"`, `c=$(jq -r .cmd <<< ${option.x}); $c`, `c=$(jq -r .cmd <<< ${option.x}); bash -c "$c"`, `c=$(python3 -c 'import sys,json; print(json.load(sys.stdin)["cmd"])' <<< ${option.x}); $c`,
	`echo ${option.x} | jq -r '.[]' | while read -r c; do $c; done`, `echo ${option.x} | jq -r '.[]' | xargs -I{} sh -c '{}'`, `echo ${option.x} | python3 -c 'import sys; exec(sys.stdin.read())'`, `echo ${option.x} | python3 -c 'import sys,os; os.system(sys.stdin.read())'`,
	`echo ${option.x} | python3 -c 'import sys; [__import__("os").popen(l) for l in sys.stdin]'`, `echo ${option.x} | python3 -c 'from subprocess import *; import sys; run(sys.stdin.read(),shell=True)'`,
	`echo ${option.x} | split - f; sh faa`, `echo ${option.x} > f; split f; . ./xaa`,
	`echo ${option.x} | python3 -c 'import sys; g=globals(); g["__builtins__"].eval(input())'`, `echo ${option.x} | python3 -c 'import posix,sys; posix.execv("/bin/sh",["sh","-c",sys.stdin.read()])'`,
	`echo ${option.x} | python3 -c 'import sys; b=vars(__builtins__); b["ev"+"al"](input())'`, `echo ${option.x} | python3 -c 'import sys; getattr(sys.modules["os"],"sys"+"tem")(input())'`, `echo ${option.x} | python3 -c 'import sys,importlib; importlib.import_module(input())'`,
	`echo ${option.x} | python3 -c 'import shelve,sys,marshal; marshal.loads(sys.stdin.buffer.read())'`, `echo ${option.x} | python2 -c 'print(input())'`, `echo ${option.x} | python3 -c 'import sys; print(sys.stdin.read())' | sh`,
	`echo ${option.x} | python3 -c 'import sys; print(sys.stdin.read())' > f.sh; sh f.sh`, `c=$(python3 -c 'print(input())' <<< ${option.x}); awk "$c"`, `nc -z -e ${option.x} h 80`, `nc -z -c ${option.x} h 80`,
	`openssl s_client -connect h:1 -engine ${option.x}`, `openssl req -config ${option.x} -new`, `openssl req -new -subj "/CN=x" -config=${option.x}`, `socat - EXEC:${option.x}`, `echo ${option.x} | socat - EXEC:sh`,
	`echo ${option.x} | socat STDIO "SYSTEM:cat | sh"`, `echo ${option.x} | socat - exec:bash,pty`, `redis-cli --pattern x eval ${option.x} 0`, `yq eval ${option.x} f`, `yq e -n ${option.x}`, `yq eval --from-file ${option.x} f`,
	`cd /srv; cd ${option.x}; ./a`, `cd ${option.x}; cd ..; ./a`, `cd -- ${option.x} && ./a`, `cd "${option.x}/app" && ./a`, `cd $(dirname ${option.x}) && ./run`, `D=${option.x}; cd $D/bin; ./run`, `f() { cd "$1"; ./run; }; f ${option.x}`,
	`if cd ${option.x}; then ./run; fi`, `cd ${option.x} && bash -c './run'`, `cd ${option.x} && sudo ./run`, `cd ${option.x} && nohup ./run &`, `cd ${option.x} && timeout 5 sh run.sh`, `cd ${option.x} && . env.sh`,
	`cd ${option.x} && java -jar app.jar`, `cd ${option.x} && node index.js`, `cd ${option.x} && perl x.pl`, `cd ${option.x} && make -j4`, `cd ${option.x} && ansible-playbook site.yml`, `cd ${option.x} && psql -f x.sql`,
	`cd ${option.x} && awk -f x.awk f`, `cd ${option.x} && sed -f x.sed f`, `cd ${option.x} && PATH=.:$PATH run`, `cd ${option.x} && find . -name '*.sh' -exec {} \;`, `cd ${option.x} && for f in *.sh; do sh "$f"; done`,
	`cd ${option.x} && for f in ./*; do "$f"; done`, `cd ${option.x} && run-parts .`, `cd ${option.x} && sh -c "$(cat run.sh)"`, `cd ${option.x} && cat run.sh | sh`, `cd ${option.x} && bash < run.sh`, `for f in ${option.x}*; do . $f; done`,
	`while read -r f; do sh "$f"; done < ${option.x}`, `mapfile -t fs < ${option.x}; sh "${fs[0]}"`, `sh -s < ${option.x}`, `psql < ${option.x}`, `python3 < ${option.x}`, `exec < ${option.x}; sh`, `cat ${option.x} > /tmp/r.sh; sh /tmp/r.sh`,
	`cat ${option.x} | tee /tmp/r.sh; sh /tmp/r.sh`, `head -n 5 ${option.x} > /tmp/r.sh; sh /tmp/r.sh`, `gunzip -c ${option.x} > r.sh; sh r.sh`, `base64 -d ${option.x} > r.sh; sh r.sh`, `install -m 755 ${option.x} /usr/local/bin/tool; tool`,
	`cp ${option.x} /usr/local/bin/tool; tool`, `cp ${option.x} /usr/local/bin/tool; /usr/local/bin/tool`, `ln -sf ${option.x} run.sh; ./run.sh`, `mv ${option.x} run.sh; chmod +x run.sh; ./run.sh`, `ln -sf ${option.x} /etc/systemd/system/x.service`,
	`scp h:/x ${option.x}; sh ${option.x}`, `tar xzf ${option.x}; ./install.sh`, `unzip ${option.x}; ./install.sh`, `curl -sL ${option.x} | tar xz && ./install.sh`, `git clone ${option.x} r && cd r && make`,
	`git clone "https://${option.x}/a.git" && cd a && ./configure`, `kubectl exec p -- env A=${option.x} sh -c 'eval $A'`, `kubectl exec p -- sh -c 'eval "$0"' ${option.x}`, `docker exec c env ${option.x}`,
	`docker exec c sh -c '$1' _ ${option.x}`, `docker exec c sh -c 'echo "$1"' _ ${option.x}`, `docker run --rm -v /opt:/opt img sh /opt/${option.x}.sh`, `docker run --rm img bash -c "/run.sh ${option.x}"`,
	`sudo -u app -- bash -lc "/run.sh '${option.x}'"`, `sudo -iu app /run.sh ${option.x}; sudo -iu app sh -c ${option.x}`, `bash --login -c "/run.sh ${option.x}"`, `bash -lc '/run.sh "$1"' _ ${option.x}; bash -lc "$RD_OPTION_X"`,
	`nohup bash -c "/run.sh ${option.x}" > /dev/null &`, `timeout 5 ssh -o BatchMode=yes h "ls '${option.x}'"`, `ssh h -- ls ${option.x}`, `ssh -t h sudo systemctl restart ${option.x}`, `ssh h <<< "systemctl restart ${option.x}"`,
	`echo "systemctl restart ${option.x}" | ssh h bash`, `cat /opt/x.sh | ssh h bash -s -- ${option.x}`, `rsync -e "ssh -p ${option.x}" a h:b`, `rsync --rsync-path="sudo ${option.x}" a h:b`, `scp -o ProxyCommand=${option.x} a h:`,
	`scp -S ${option.x} a h:`, `sftp -S ${option.x} h`, `sftp -oProxyCommand=${option.x} h`, `sftp -D ${option.x}`,
}

// Lines of jobs as a bank's operations write them.
var operations = []string{
	`svc=${option.x}; sudo systemctl restart "$svc" && sleep 5 && systemctl is-active --quiet "$svc" || { journalctl -u "$svc" -n 50 --no-pager; exit 1; }`, `for s in nginx php-fpm ${option.x}; do systemctl restart "$s" || exit 1; done`,
	`zgrep -h "${option.x}" /var/log/app/*.gz | awk '{print $1, $7}' | sort | uniq -c | sort -rn | head -20`, `grep -c "ERROR.*${option.x}" /var/log/app/app.log | awk '{ if ($1 > 100) exit 1 }'`, `journalctl -u ${option.x} --since "1 hour ago" | grep -iE 'error|fail' | tail -n 100`,
	`df -P /data/${option.x} | awk 'NR==2 {sub("%","",$5); if ($5+0 > 90) {print "full: " $6; exit 1}}'`, `USAGE=$(df -P "/srv/${option.x}" | awk 'NR==2 {print $5}' | tr -d '%'); if [ "$USAGE" -gt 85 ]; then echo "WARN $USAGE"; exit 1; fi`,
	`code=$(curl -s -o /dev/null -w '%{http_code}' "https://${option.x}.bank.test/health"); [ "$code" = 200 ] || { echo "got $code"; exit 1; }`, `curl -fsS "http://localhost:8080/actuator/health" | jq -e '.status == "UP"' && echo "${option.x} ok"`,
	`curl -fsS "http://${option.x}:9200/_cluster/health" | jq -r '.status' | grep -qE 'green|yellow'`, `curl -s "https://api.bank.test/v1/payments?date=${option.x}" | jq '[.items[] | select(.state == "STUCK")] | length'`,
	`curl -sf -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d "{\"name\":\"${option.x}\"}" https://api.bank.test/v1/locks | jq .`, `pg_dump -h db01 -U backup -Fc -f "/backup/${option.x}_$(date +%F).dump" "${option.x}" && find /backup -name "${option.x}_*.dump" -mtime +14 -delete`,
	`mysqldump --single-transaction --routines -h db02 "${option.x}" | gzip -c > "/backup/${option.x}-$(date +%Y%m%d).sql.gz"`, `kubectl -n payments set image deployment/api api=registry.bank.test/api:${option.x} && kubectl -n payments rollout status deployment/api --timeout=300s`,
	`kubectl -n "${option.x}" get pods -o json | jq -r '.items[] | select(.status.phase != "Running") | .metadata.name'`, `for p in $(kubectl -n ${option.x} get pods -l app=api -o name); do kubectl -n ${option.x} delete "$p" --wait=false; done`,
	`kubectl -n ${option.x} get pods --no-headers | awk '$3 != "Running" {print $1}' | xargs -r kubectl -n ${option.x} delete pod`, `helm upgrade --install api bank/api --namespace payments --set image.tag="${option.x}" --wait --timeout 5m`,
	`helm history ${option.x} -n payments --max 10`, `docker pull registry.bank.test/api:${option.x} && docker stop api || true; docker rm api || true; docker run -d --restart always --name api -p 8080:8080 registry.bank.test/api:${option.x}`,
	`docker inspect --format '{{.State.Health.Status}}' ${option.x}`, `docker exec postgres pg_isready -U ${option.x}`, `docker logs --since 10m "${option.x}" 2>&1 | grep -i error | wc -l`, `rsync -av --delete --exclude '*.tmp' /srv/app/releases/${option.x}/ /srv/app/current/`,
	`tar -czf /backup/conf-$(date +%F).tgz -C /etc/${option.x} . && ls -lh /backup/conf-$(date +%F).tgz`, `mkdir -p /srv/releases/${option.x} && tar -xzf /tmp/api-${option.x}.tgz -C /srv/releases/${option.x} && ln -sfn /srv/releases/${option.x} /srv/current && sudo systemctl restart api`,
	`cd /opt/ansible && git pull --ff-only && echo "${option.x}"`, `cd /opt/terraform/${option.x} && terraform init -input=false && terraform plan -out=tf.plan`, `terraform -chdir=/opt/tf apply -auto-approve -var="image_tag=${option.x}"`,
	`aws s3 cp "s3://bank-releases/api/${option.x}/api.jar" /srv/api/api.jar && sudo systemctl restart api`, `aws ec2 describe-instances --filters "Name=tag:app,Values=${option.x}" --query 'Reservations[].Instances[].[InstanceId,State.Name]' --output table`,
	`aws rds create-db-snapshot --db-instance-identifier ${option.x} --db-snapshot-identifier "${option.x}-$(date +%Y%m%d%H%M)"`, `aws ecs update-service --cluster prod --service ${option.x} --force-new-deployment | jq -r '.service.deployments[0].status'`,
	`aws ssm get-parameter --name "/prod/${option.x}/url" --query Parameter.Value --output text`, `for h in $(echo "${option.x}" | tr ',' ' '); do nc -z -w 3 "$h" 443 && echo "$h ok" || echo "$h down"; done`,
	`for h in app01 app02 app03; do curl -s -m 5 "http://$h:8080/version/${option.x}" || echo "$h: no answer"; done`, `ps -eo pid,etimes,cmd | grep "[j]ava.*${option.x}" | awk '$2 > 86400 {print $1}'`,
	`pid=$(pgrep -f "${option.x}" | head -1); [ -n "$pid" ] && kill -3 "$pid"`, `jcmd $(pgrep -f ${option.x} | head -1) GC.heap_dump /tmp/${option.x}.hprof`, `netstat -an | awk '/ESTABLISHED/ {print $5}' | cut -d: -f1 | sort | uniq -c | sort -rn | head; echo "${option.x}"`,
	`echo "Deploy ${option.x} by $RD_JOB_USERNAME at $(date)" >> /var/log/deploys.log`, `printf '{"service":"%s","state":"%s"}\n' "${option.x}" done | curl -fsS -d @- https://hooks.bank.test/x`, `jq --arg v "${option.x}" '.version = $v' /srv/app/manifest.json > /tmp/m.json && mv /tmp/m.json /srv/app/manifest.json`,
	`yq eval '.image.tag' /srv/charts/${option.x}/values.yaml`, `tmp=$(mktemp) && curl -fsS "https://repo.bank.test/${option.x}.rpm" -o "$tmp" && rpm -K "$tmp" && sudo rpm -Uvh "$tmp"; rm -f "$tmp"`,
	`sha256sum -c "/releases/${option.x}.sha256" && install -m 0644 "/releases/${option.x}.jar" /srv/app/app.jar`, `LOG=/var/log/restart.log; echo "$(date) restarting ${option.x}" >> "$LOG"; sudo systemctl restart ${option.x} >> "$LOG" 2>&1`,
	`LOG=/var/log/x.log; log() { echo "$(date +%T) $*" | tee -a "$LOG"; }; log "start ${option.x}"; /opt/app/bin/reload "${option.x}"; log done`, `die() { echo "ERROR: $1" >&2; exit 1; }; [ -d "/srv/${option.x}" ] || die "no such app: ${option.x}"; du -sh "/srv/${option.x}"`,
	`retry() { local n=0; until curl -fsS "http://localhost:8080/$1"; do n=$((n+1)); [ $n -ge 5 ] && return 1; sleep 3; done; }; retry "health/${option.x}"`, `case "${option.x}" in prod) HOST=db-prod;; uat) HOST=db-uat;; *) echo "unknown env"; exit 1;; esac; psql -h "$HOST" -U app -c 'select count(*) from pg_stat_activity'`,
	`psql -U report -d core -v day="${option.x}" -f /opt/sql/settlement.sql | tail -n +3`, `PGPASSWORD="$DBPW" psql -h db01 -U app -v ON_ERROR_STOP=1 -v env=${option.x} -f /opt/sql/x.sql`, `redis-cli -h cache01 --scan --pattern "session:${option.x}:*" | wc -l`,
	`kafka-consumer-groups.sh --bootstrap-server k1:9092 --group "${option.x}" --reset-offsets --to-latest --all-topics --execute`, `openssl s_client -connect "${option.x}:443" -servername "${option.x}" </dev/null 2>/dev/null | openssl x509 -noout -enddate`,
	`echo | openssl s_client -connect ${option.x}:443 2>/dev/null | openssl x509 -noout -dates | awk -F= '/notAfter/ {print $2}'`, `find /data/inbound/${option.x} -type f -mmin +60 | while read -r f; do echo "late: $f"; done`,
	`find /data/out -name "*_${option.x}.csv" -exec mv {} /data/archive/ \;`, `ls -1t /backup/${option.x}/*.dump | tail -n +8 | xargs -r rm --`, `sqlplus -s /nolog @/opt/sql/check.sql > /tmp/out.txt; grep -q "${option.x}" /tmp/out.txt`,
	`lsof -p $(cat /var/run/${option.x}.pid) | wc -l`, `who | awk '{print $1}' | sort -u | grep -v "${option.x}" || true`, `uptime && free -m && echo "checked by ${option.x}"`, `chage -l ${option.x} | head -3; passwd -S ${option.x}`,
	`usermod -L ${option.x} && pkill -KILL -u ${option.x} || true`, `timeout 300 /opt/batch/run.sh --date "${option.x}" --mode full 2>&1 | tee "/var/log/batch/${option.x}.log"; exit ${PIPESTATUS[0]}`,
	`/opt/mq/bin/runmqsc QM1 < /opt/mq/check.mqsc | grep -A2 "${option.x}"`, `cp -p /etc/haproxy/haproxy.cfg /etc/haproxy/haproxy.cfg.$(date +%s) && haproxy -c -f /etc/haproxy/haproxy.cfg && echo "disable server app/${option.x}" | socat stdio /run/haproxy/admin.sock`,
	`nginx -t && nginx -s reload && echo "${option.x} switched"`, `cp "/etc/nginx/sites/${option.x}.conf" /etc/nginx/conf.d/app.conf && nginx -t && sudo systemctl reload nginx`, `cp /releases/app-${option.x}.jar /srv/app.jar && java -jar /srv/app.jar --version`,
	`cp "/releases/${option.x}/app.jar" /srv/app.jar; sudo systemctl restart app`, `echo "export APP_ENV=${option.x}" ; . /etc/app/env.sh; /opt/app/bin/start`, `ip=$(getent hosts "${option.x}" | awk '{print $1}'); ping -c 2 "$ip"`,
	`mount | grep "${option.x}" || mount /mnt/${option.x}`, `swapoff -a && swapon -a; echo ${option.x}`, `pvs --noheadings -o vg_name | grep -w ${option.x} && lvextend -r -l +50%FREE /dev/${option.x}/data`,
	`start=$(date +%s); /opt/batch/close-day ${option.x}; end=$(date +%s); echo "took $((end - start)) s"`, `total=0; for f in /data/${option.x}/*.csv; do n=$(wc -l < "$f"); total=$((total + n)); done; echo "$total lines"`,
	`vault kv get -field=password secret/${option.x}/db > /dev/null && echo readable`, `consul kv put "maintenance/${option.x}" true`, `etcdctl get /config/${option.x}`, `nomad job status ${option.x}`, `gcloud sql backups create --instance=${option.x} --async`,
	`az webapp restart --name ${option.x} --resource-group prod-rg`, `oc -n ${option.x} rollout restart dc/api`, `crictl ps | grep ${option.x} | awk '{print $1}'`, `podman restart ${option.x}`, `supervisorctl status ${option.x} | grep -q RUNNING`,
	`mailq | grep -c "${option.x}"`, `echo "Batch ${option.x} finished" | mail -s "Batch ${option.x}" ops@bank.test`, `logger -t batch "close of ${option.x} done"; exit 0`, `openssl enc -aes-256-cbc -pbkdf2 -in /data/${option.x}.csv -out /data/${option.x}.enc -pass file:/etc/keys/p`,
	`gpg --batch --yes -r backup@bank.test -o "/out/${option.x}.gpg" -e "/in/${option.x}"`, `split -l 100000 "/data/${option.x}.csv" /data/parts/p_`, `sort -u "/data/${option.x}.csv" > "/data/${option.x}.uniq"`,
	`comm -13 <(sort /data/a) <(sort "/data/${option.x}") | head`, `diff <(kubectl -n a get cm x -o yaml) <(kubectl -n ${option.x} get cm x -o yaml) || true`, `join -t, /data/a.csv "/data/${option.x}.csv" | wc -l`,
	`xmllint --xpath '//status/text()' "/data/${option.x}.xml"`, `python3 -c 'import json,sys; print(json.load(sys.stdin)["status"])' < /var/run/app.json; logger "${option.x}"`, `curl -s http://localhost/${option.x} | python3 -c 'import json,sys; print(json.load(sys.stdin)["status"])'`,
	`curl -s http://localhost/${option.x} | python3 -m json.tool`, `kubectl get nodes -o json | jq --arg n "${option.x}" '.items[] | select(.metadata.name==$n) | .status.conditions'`, `powershell -NoProfile -File C:\ops\restart.ps1 -Name ${option.x}`,
	`pwsh -NoProfile -ExecutionPolicy Bypass -File /opt/ops/x.ps1 -Name "${option.x}"`, `(cd /srv/${option.x} && ls -la); ./check.sh`, `cd /srv/apps/${option.x}/current && ./bin/status.sh`, `echo ${option.x} >> "$LOGFILE"; $SUDO systemctl restart app`,
	`echo ${option.x} >> "$LOGFILE"; "$APP_HOME"/bin/restart`, `N=$(grep -c ERROR "/var/log/${option.x}.log"); [ "$N" -lt 10 ]`, `n=$(grep -c ERROR /var/log/${option.x}.log); [ $n -lt 10 ] && echo ok`,
	`rman target / cmdfile=/opt/rman/full.rman log=/backup/log/${option.x}.log`, `systemctl enable --now ${option.x}`, `export HOME=/home/${option.x}; cd && ls -l`, `export KUBECONFIG=/etc/kube/${option.x}.conf; kubectl get ns`,
	`kubectl rollout undo deployment/${option.x} -n prod --to-revision=0`, `ansible-playbook -i /opt/inv/prod /opt/pb/restart.yml -e "svc=$(echo app)"; echo ${option.x}`, `wget -q "https://repo.bank.test/rel/${option.x}/app.war" -O /opt/tomcat/webapps/app.war && sudo systemctl restart tomcat`,
	`curl -fsSLO "https://repo.bank.test/rel/app-${option.x}.tgz" && tar xzf "app-${option.x}.tgz" && cd "app-${option.x}" && ./install.sh`, `exec > /var/log/run.log 2>&1; echo "start ${option.x}"; systemctl restart ${option.x}`,
	`exec 9>/var/lock/x; flock -n 9 || exit 1; /opt/run ${option.x}`, `sudo -u postgres psql -c 'vacuum analyze' ; echo "${option.x}"`, `sudo -u postgres pg_basebackup -D /backup/${option.x} -Ft -z`, `git -C /srv/conf log --oneline -5 -- ${option.x}`,
	`grep -q "^${option.x}:" /etc/passwd || sudo useradd -m -s /bin/bash ${option.x}`, `docker build -t registry.bank.test/api:${option.x} -f /srv/api/Dockerfile /srv/api`, `docker run --rm registry.bank.test/tool:1 ${option.x}`,
	`uv run /opt/tool.py ${option.x}`, `poetry run report --date ${option.x}`, `go run ./cmd/tool ${option.x}`, `modprobe ${option.x}`, `celery -A bank.app inspect ping -d worker@${option.x}`, `pytest /opt/smoke --env=${option.x}`,
	`chroot /srv/jail ls /data/${option.x}`, `systemd-run --unit=job-${option.x} /opt/run ${option.x}`, `systemd-run --scope -p MemoryMax=${option.x} /opt/run`, `kubectl set env deployment/api LOG_LEVEL=${option.x}`,
	`echo "${option.x}" > /etc/app/version; cat /etc/app/version`, `echo "${option.x}" > /tmp/v; V=$(grep -v '^#' /tmp/v); echo "$V"`, `echo "${option.x}" > /tmp/ids.csv; psql -U a -c "\copy t from '/tmp/ids.csv'"`,
	`f=/tmp/x.$$; echo "${option.x}" > $f; wc -l < $f; rm -f $f`, `d=$(mktemp -d); echo "${option.x}" > "$d/v"; /opt/app/bin/load "$d/v"; rm -rf "$d"`,
}

func TestProgramsByAnotherWay(t *testing.T) {
	options := []Option{{Name: "x"}}
	for _, text := range programsByAnotherWay {
		refusedWithRemedy(t, text)
		if strings.Contains(text, "RD_OPTION") {
			continue
		}
		if tpl := parseShell(text, nil, func(Ref) trust { return number }); len(tpl.Unsafe) > 0 {
			t.Errorf("%s with a number: %v", text, tpl.Unsafe)
		}
	}
	for _, text := range operations {
		if tpl := parseShell(text, options, musterTrust); len(tpl.Unsafe) > 0 {
			t.Errorf("%s: %v", text, tpl.Unsafe)
		}
	}
}

// The arguments of a script reach what it is run with, which may read them again.
func TestAnInterpreterThatReadsItsArgumentsAgain(t *testing.T) {
	for with, runs := range map[string]bool{
		"bash": true, "sudo -u app bash": true, "python3 -u": true, "pwsh -NoProfile -File": true, "timeout 60 sh ${scriptfile}": true, "perl -w": true,
		"ssh h bash -s": false, "ssh h sh ${scriptfile}": false, "pwsh -Command": false, "sudo su - app -c": false, "psql -f": false, "powershell": false,
	} {
		for _, limits := range []string{"", ", regex: '[a-z]+'"} {
			d := def(t, "- name: a\n  sequence: {commands: [{script: 'echo', scriptInterpreter: "+quoteYAML(with)+", args: '-e ${option.x} \"a b\"'}]}\n  options: [{name: x"+limits+"}]")
			if no := d.CannotRun(false); (len(no) == 0) != (runs || limits != "") {
				t.Errorf("%s%s: %v", with, limits, no)
			}
		}
	}
}
