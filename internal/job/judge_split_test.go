package job

import (
	"strings"
	"testing"
)

// More of what is code to a command: values that blanks make several arguments of,
// names of variables, files that are read as programs, and commands that start
// others. Found by trying, most of them with the tools themselves.
var programsMore = []string{
	`x=${option.x}; install /dev/stdin f <<< "$x"; bash f`, `x=${option.x}; sed -n 'w f' <<< "$x"; bash f`, `x=${option.x}; awk '{print > "f"}' <<< "$x"; bash f`, `echo ${option.x} | openssl base64 -d -out f; sh f`, `echo ${option.x} | cp /dev/stdin f; . ./f`, `echo ${option.x} | install /dev/stdin /etc/cron.d/x`,
	`python3 manage.py shell -c ${option.x}`, `wp eval ${option.x}`, `php artisan tinker --execute=${option.x}`,
	`x=${option.x}; [ $x = prod ] && echo y`, `x=${option.x}; if [ $x == prod ]; then echo; fi`, `x=${option.x}; [ -v "$x" ]`, `x=${option.x}; test -v "$x"`, `x=${option.x}; [ "$x" ] && [ "-v" "$x" ]`,
	`x=${option.x}; unset "$x"`, `x=${option.x}; read "$x" <<< y`, `x=${option.x}; printf -v "$x" y`, `x=${option.x}; mapfile "$x" < f`, `x=${option.x}; getopts ab "$x"`, `x=${option.x}; wait -n -p "$x"`,
	`sleep 0 & x=${option.x}; wait -p "$x" -n`, `x=${option.x}; find $x -name a`, `find $RD_OPTION_X; echo ${option.x}`, `x=${option.x}; awk -v v=$x 'BEGIN{print v}'`, `awk -v v=$RD_OPTION_X 'BEGIN{print v}' # ${option.x}`,
	`awk -v v=$RD_OPTION_X 'BEGIN{print v}'; echo ${option.x}`, `x=${option.x}; sed -n 1p /var/$x`, `x=${option.x}; env V=$x true`, `x=${option.x}; tar cf /dev/null -C $x .`, `x=${option.x}; timeout $x true`,
	`x=${option.x}; nice -n $x true`, `x=${option.x}; timeout -k $x 5 true`, `x=${option.x}; psql -h $x -f /dev/null`, `x=${option.x}; sqlite3 /tmp/$x 'select 1'`, `x=${option.x}; strace -o $x true`,
	`x=${option.x}; flock -w $x f true`, `x=$(echo ${option.x}); find $x`, `find $(echo ${option.x})`, `find $(cat ${option.x})`, `echo ${option.x} | xargs find`, `echo ${option.x} | xargs timeout`,
	`set -- ${option.x}; find $1`, `set -- ${option.x}; find $*`, `f() { find $1; }; f ${option.x}`, `a=(${option.x}); find ${a[@]}`, `a=(${option.x}); find "${a[@]}"`, `a=( $(echo ${option.x}) ); find "${a[@]}"`,
	`echo ${option.x} | awk -f /dev/stdin`, `echo ${option.x} | awk -f -`, `awk -f /dev/stdin <<< ${option.x}`, `echo ${option.x} | sed -f /dev/stdin f`, `echo ${option.x} | sed -n -f /dev/stdin f`,
	`echo ${option.x} | sed 's_a_a_e'`, `echo ${option.x} > f; env $(cat f)`, `echo ${option.x} > f; $(cat f)`, "echo ${option.x} > f; `cat f`", `echo ${option.x} > f; chmod +x f; PATH=.:$PATH f`,
	`echo ${option.x} > f; bash --rcfile f -i`, `echo ${option.x} > f; ENV=f sh -i`, `echo ${option.x} > Makefile; make`, `printf 'x:\n\t%s\n' ${option.x} > Makefile; make`, `n=${option.x}; m=n; echo $((m))`,
	`strace -o ${option.x} true`, `strace -o "|${option.x}" true`, `strace --output=${option.x} true`, `python3 -m ${option.x}`, `docker run --entrypoint sh img -c ${option.x}`, `docker-compose exec web ${option.x}`,
	`kubectl exec p ${option.x}`, `oc exec p ${option.x}`, `crictl exec c ${option.x}`, `lxc exec c -- ${option.x}`, `lxc-attach -n c -- ${option.x}`, `ip netns exec blue ${option.x}`, `machinectl shell c ${option.x}`,
	`virsh qemu-agent-command ${option.x}`, `heroku run ${option.x}`, `nomad alloc exec x ${option.x}`, `redis-cli ${option.x}`, `rails runner ${option.x}`, `rails r ${option.x}`, `bundle exec rails runner "${option.x}"`,
	`jrunscript -e ${option.x}`, `java -cp ${option.x} Main`, `kotlin -e ${option.x}`, `clojure -e ${option.x}`, `clj -M -e ${option.x}`, `ghc -e ${option.x}`, `runghc ${option.x}`, `nu -c ${option.x}`,
	`xonsh -c ${option.x}`, `elvish -c ${option.x}`, `osh -c ${option.x}`, `yash -c ${option.x}`, `posh -c ${option.x}`, `cmd /c ${option.x}`, `cscript ${option.x}`, `mshta ${option.x}`, `rundll32 ${option.x}`,
	`wscript ${option.x}`, `sg root -c ${option.x}`, `sg root ${option.x}`, `capsh --print -- -c ${option.x}`, `aa-exec -p x ${option.x}`, `cpulimit -l 50 ${option.x}`, `cpulimit -l 50 -- ${option.x}`,
	`perf stat ${option.x}`, `perf record -- ${option.x}`, `valgrind ${option.x}`, `ssh-agent ${option.x}`, `start-stop-daemon -S -x ${option.x}`, `start-stop-daemon --start --startas ${option.x}`,
	`daemonize ${option.x}`, `daemon -- ${option.x}`, `torify ${option.x}`, `torsocks ${option.x}`, `proxychains ${option.x}`, `proxychains4 -q ${option.x}`, `logsave f ${option.x}`, `setlock f ${option.x}`,
	`softlimit -m 1 ${option.x}`, `multitime ${option.x}`, `hyperfine ${option.x}`, `grc ${option.x}`, `openvt -- ${option.x}`, `msgfilter ${option.x}`, `distcc ${option.x}`, `ccache ${option.x}`,
	`firejail ${option.x}`, `bwrap --ro-bind / / ${option.x}`, `systemd-cat ${option.x}`, `systemd-cat -t x ${option.x}`, `systemd-nspawn -D / ${option.x}`, `s6-setuidgid app ${option.x}`, `setuidgid app ${option.x}`,
	`envdir d ${option.x}`, `envuidgid app ${option.x}`, `run-one ${option.x}`, `run-parts ${option.x}`, `incrontab ${option.x}`, `echo "5 * * * * root ${option.x}" > /etc/cron.d/x`, `tshark -X lua_script:${option.x}`,
	`exiftool -if ${option.x} f`, `aria2c --on-download-error=${option.x} http://x`, `aria2c ${option.x}`, `yt-dlp ${option.x}`, `pandoc --filter=${option.x} f`, `pandoc -L ${option.x} f`,
	`go test -exec ${option.x}`, `go build -toolexec ${option.x}`, `gcc -wrapper ${option.x} f`, `ld -plugin ${option.x}`, `openvpn --config ${option.x}`, `openvpn --up ${option.x}`,
	`certbot renew --deploy-hook ${option.x}`, `sysctl -w ${option.x}`, `smbclient //h/s -c ${option.x}`, `echo ${option.x} | docker run -i img sh`, `echo ${option.x} | sudo tee /etc/cron.d/x`,
	`xdotool exec ${option.x}`, `jboss-cli.sh -c --commands="${option.x}"`, `db2 ${option.x}`, `db2cmd ${option.x}`, `sqlcmd -Q ${option.x}`, `sqlcmd -v x=${option.x} -i y.sql`, `influx -execute ${option.x}`,
	`x=${option.x}; curl https://x/$x`, `curl -s https://${option.x}/i.sh | sh`, `curl -sSL "${option.x}" | sudo bash`, `curl -o f ${option.x}; sh f`, `curl -s ${option.x} -o f; sh f`, `curl -s ${option.x} > f; . ./f`,
	`python3 <(curl -s ${option.x})`, `echo ${option.x} | . /dev/stdin`, `echo ${option.x} | source /dev/stdin`, `echo ${option.x} | python3 /dev/stdin`, `echo ${option.x} | perl /dev/stdin`, `echo ${option.x} | bash /proc/self/fd/0`,
	`echo ${option.x} | node /dev/stdin`, `echo ${option.x} | awk -f/dev/stdin`, `echo ${option.x} | awk -f /proc/self/fd/0`, `echo ${option.x} | sed --file=/dev/stdin f`, `echo ${option.x} | sed -f- f`,
	`echo ${option.x} | sed -f/dev/stdin f`, `echo ${option.x} | sed -E -f /dev/fd/0 f`, `echo ${option.x} | sed 'y/abc/def/;s~h~h~e'`, `echo ${option.x} | sed 'sahahae'`, `env A=$(echo ${option.x}) true`,
	`sudo -u $(echo ${option.x}) id`, `IFS=:; x=${option.x}; find ${x}`, `IFS=:; for i in $(echo ${option.x}); do find $i; done`, `for i in $(echo ${option.x}); do for j in $i; do find $j; done; done`,
	`for i in ${option.x}; do find $i; done`, `for i in "${option.x}"; do find $i; done`, `for i in $(echo ${option.x}); do x="$i -exec hit ;"; find $x; done`, `for i in a$(echo ${option.x}); do find $i; done`,
	`while read a; do find $a; done <<< ${option.x}`, `set -- $(echo ${option.x}); find "$@"`, `f() { find "$@"; }; f $(echo ${option.x})`, `f() { shift; find "$@"; }; f x $(echo ${option.x})`,
	`f() { local d=$1; find $d; }; f "${option.x}"`, `f() { echo "$1"; }; find $(f ${option.x})`, `: ${x:=$RD_OPTION_X}; find $x; : ${option.x}`, `find ${RD_OPTION_X} ; : ${option.x}`, `find ${RD_OPTION_X:-x} ; : ${option.x}`,
	`find ${RD_OPTION_X//a/b} ; : ${option.x}`, `x=${option.x}; y=($x); find "${y[@]}"`, `x=${option.x}; tar cf /dev/null ./$x`, `x=${option.x}; tar czf /dev/null /srv/$x`, `x=${option.x}; git -C /$x status`,
	`x=${option.x}; docker exec -u $x c ls`, `x=${option.x}; docker exec $x ls`, `x=${option.x}; docker run -e V=$x img`, `x=${option.x}; kubectl -n $x get pods`, `x=${option.x}; kubectl exec $x -- ls`,
	`x=${option.x}; psql -h $x -c 'select 1'`, `x=${option.x}; mysql -h$x -e 'select 1'`, `x=${option.x}; mail -s $x a`, `x=${option.x}; scp ./$x h:/tmp`, `x=${option.x}; rsync /srv/$x /b/`, `x=${option.x}; java -Dv=$x -jar a.jar`,
	`x=${option.x}; jq --arg v $x . f`, `x=${option.x}; zip /tmp/$x.zip f`, `x=${option.x}; split -l $x f`, `x=${option.x}; install -o $x f g`, `x=${option.x}; yum install -y app-$x`, `x=${option.x}; apt-get install -y app=$x`,
	`x=${option.x}; z=y; y=x; echo $((z))`, `x=${option.x}; z="y+1"; y=x; (( z ))`, `x=${option.x}; z=x; a=(1 2); echo ${a[$z]}`, `x=${option.x}; z=x; echo ${y:$z}`, `x=${option.x}; test "$x" = a -o -v "$x"`,
	`x=${option.x}; test -n "$x" -a "$x" "$x"`, `x=${option.x}; read -p "$x" "$x" < f`, `x=${option.x}; read -r "$x" < f`, `x=${option.x}; read -ra "$x" < f`, `x=${option.x}; read -p $x y < f`,
	`x=${option.x}; mapfile -C "$x" -c 1 y < f`, `x=${option.x}; mapfile -C $x -c 1 y < f`, `x=${option.x}; fc -e "$x"`, `x=${option.x}; jobs -x "$x"`, `x=${option.x}; builtin unset "$x"`, `x=${option.x}; command read "$x" < f`,
	`x=${option.x}; command printf -v "$x" y`, `x=${option.x}; command test -v "$x"`, `x=${option.x}; getopts "$x" y`, `curl -s ${option.x} | sh`,
}

// Lines of jobs as people write them, in which a value is data.
var dataMore = []string{
	`awk '/ERROR|WARN/{print}' /var/log/${option.x}.log`, `awk -F'|' '{print $2}' /var/log/${option.x}.log`, `awk '{print $1 | "sort"}' /var/log/${option.x}`, `grep ${option.x} /tmp/f | awk '{print $1"|"$2}'`,
	`awk 'BEGIN{while((getline l < "/etc/hosts")>0) print l}' ; echo ${option.x}`, `ps aux | awk -v u=${option.x} '$1 == u {print $2}' | xargs -r kill -9`, `ps -ef | grep ${option.x} | grep -v grep | awk '{print $2}' | xargs kill -15`,
	`df -h | awk -v t=${option.x} 'NR>1 && $5+0 > t {print $6, $5; f=1} END {exit f}'`, `sed -i.bak 's/a/b/' /etc/${option.x}.conf`, `sed -n '/start/,/end/p' "/var/log/${option.x}"`, `sed -i '/^#/d;s/x/y/g' /srv/${option.x}/conf`,
	`sed 's/\s\+/ /g;s|a|b|' /srv/${option.x}/conf`, `sed -e 's/se/e/' -e 's;e;e;' /srv/${option.x}`, `sed '/^$/d; /re/!s/e/s/' /srv/${option.x}`, `tail -n ${option.x} /var/log/app.log`, `tail -n100 -f /var/log/${option.x}.log`,
	`head -${option.x} /tmp/f`, `ls -la "/srv/${option.x}" | wc -l`, `du -sh /srv/${option.x} | sort -h`, `find /var/log/${option.x} -type f -name '*.gz' -mtime +30 -print -delete`, `find "/srv/${option.x}" -maxdepth 1 -type d -exec du -sh {} \;`,
	`find /srv -path "*/${option.x}/*" -prune -o -print`, `find /srv/${option.x} -type f -print0 | xargs -0 chmod 644`, `find /data -name "${option.x}*" -mmin +${option.x} -exec gzip {} \;`, `for d in $(echo ${option.x} | tr ',' ' '); do find $d -name '*.log' -mtime +7 -exec rm {} \;; done`,
	`for h in $(echo ${option.x} | tr , ' '); do timeout 5 ping -c1 $h; done`, `for s in a b c; do systemctl restart $s-${option.x}; done`, `for i in 1 2 3; do curl -fsS http://localhost:8080/${option.x} && break; sleep 5; done`,
	`while ! curl -fs http://localhost/${option.x}; do sleep 1; done`, `if [ "${option.x}" = "prod" ]; then echo p; else echo n; fi`, `if [[ "${option.x}" == prod* ]]; then echo p; fi`, `if [[ "${option.x}" =~ ^[0-9]+$ ]]; then echo p; fi`,
	`[ -z "${option.x}" ] && exit 1; echo ${option.x}`, `[ -d "/srv/${option.x}" ] || mkdir -p "/srv/${option.x}"`, `test "${option.x}" -gt 5 && echo big`, `case "${option.x}" in start|stop) systemctl "${option.x}" app;; *) echo "bad ${option.x}"; exit 2;; esac`,
	`V="${option.x}"; V=${V#v}; echo "version $V"; tar xzf "/releases/app-$V.tgz" -C /srv`, `V=${option.x}; if [ -z "$V" ]; then V=latest; fi; docker pull "reg/app:$V" && docker tag "reg/app:$V" reg/app:live`,
	`export APP_ENV=${option.x}; /opt/app/bin/start`, `export JAVA_OPTS="-Dx=${option.x}"; /opt/app/bin/start`, `APP_ENV=${option.x} LOG=${option.x} /opt/app/bin/start --foreground`, `cd /srv/${option.x} && git pull && ./deploy.sh`,
	`cd /srv/app; git fetch --all; git checkout ${option.x}; git reset --hard origin/${option.x}`, `git fetch origin && git checkout "${option.x}" && git pull`, `git clone --branch ${option.x} --depth 1 https://git/x.git /srv/x`,
	`git -C /srv/app checkout -b ${option.x}`, `git -C /srv/app fetch origin && git -C /srv/app reset --hard ${option.x}`, `git log -1 --format=%H -- ${option.x}`, `git diff HEAD~1 -- ${option.x}`,
	`git stash && git checkout ${option.x}`, `rsync -avz --delete /srv/${option.x}/ /backup/${option.x}/`, `scp /srv/${option.x}.tgz backup:/data/`, `tar -czf "/backup/${option.x}.tgz" /srv/app`,
	`tar -C /srv -xzf /tmp/${option.x}.tar.gz`, `tar xf /tmp/a.tar -C /srv/${option.x} --strip-components=1`, `zip -r /backup/${option.x}.zip /srv/app`, `unzip -o /tmp/${option.x}.zip -d /srv/${option.x}`,
	`gzip -9 /var/log/${option.x}.log`, `mysqldump -u root db_${option.x} > /backup/${option.x}.sql`, `mysqldump --single-transaction ${option.x} | gzip > /backup/${option.x}.sql.gz`, `mysql -u root -h ${option.x} -e 'show processlist'`,
	`mysql -h db -u app app_${option.x} < /opt/x.sql`, `psql -h ${option.x} -U app -d app -c 'select 1'`, `psql -U app -d app -v id=${option.x} -f /opt/q.sql`, `pg_dump -h db -Fc app_${option.x} > /backup/${option.x}.dump`,
	`pg_dump -h db -Fc ${option.x} -f /backup/x.dump`, `pg_restore -d ${option.x} /backup/x.dump`, `redis-cli -h ${option.x} ping`, `redis-cli del "session:${option.x}"`, `redis-cli -h r flushdb; echo ${option.x}`,
	`mongodump --db ${option.x} --out /backup`, `kafka-topics.sh --bootstrap-server k:9092 --describe --topic ${option.x}`, `kafka-consumer-groups.sh --bootstrap-server k:9092 --group ${option.x} --describe`,
	`rabbitmqctl list_queues -p ${option.x}`, `docker ps --filter name=${option.x}`, `docker ps -q --filter "name=${option.x}" | xargs -r docker stop`, `docker logs --tail 100 ${option.x}`, `docker stop ${option.x} && docker rm ${option.x} && docker run -d --name ${option.x} reg/app:${option.x}`,
	`docker run -d --name app -p ${option.x}:8080 -e ENV=${option.x} reg/app`, `docker exec web nginx -s reload; echo ${option.x}`, `docker exec ${option.x} nginx -s reload`, `docker exec -u app web /opt/x --id ${option.x}`,
	`docker compose -f /srv/${option.x}/docker-compose.yml up -d`, `docker compose -p ${option.x} restart`, `docker-compose -f /srv/${option.x}/docker-compose.yml pull`, `docker image prune -f --filter "until=${option.x}h"`,
	`docker build -t app:${option.x} .`, `docker build --build-arg V=${option.x} -t app .`, `kubectl -n ${option.x} rollout restart deployment/${option.x}`, `kubectl --context ${option.x} -n app get pods -o wide`,
	`kubectl scale deploy/${option.x} --replicas=${option.x}`, `kubectl set image deployment/app app=reg/app:${option.x} --record`, `kubectl -n app logs -l app=${option.x} --tail=100`, `kubectl get pods -n ${option.x} -o jsonpath='{.items[*].metadata.name}'`,
	`kubectl get pod -l "app=${option.x}" -o name | xargs kubectl delete`, `kubectl delete pod ${option.x} --grace-period=0 --force`, `kubectl exec -n app deploy/web -- /opt/x --id ${option.x}`,
	`kubectl apply -f /srv/${option.x}/k8s.yaml`, `kubectl create secret generic x --from-literal=p=${option.x}`, `helm upgrade --install app ./chart --set image.tag=${option.x} --namespace ${option.x}`,
	`helm rollback ${option.x} 1`, `helm -n ${option.x} status app`, `oc project ${option.x} && oc rollout latest dc/app`, `aws s3 cp s3://b/${option.x} /tmp/x`, `aws s3 sync /srv/${option.x} s3://bucket/${option.x} --delete`,
	`aws ec2 describe-instances --filters "Name=tag:Name,Values=${option.x}" --query 'Reservations[].Instances[].InstanceId' --output text`, `aws ec2 start-instances --instance-ids ${option.x}`,
	`aws ec2 reboot-instances --instance-ids ${option.x} --region ${option.x}`, `aws autoscaling set-desired-capacity --auto-scaling-group-name ${option.x} --desired-capacity ${option.x}`, `aws sns publish --topic-arn arn:x --message "Deploy of ${option.x} is done"`,
	`aws lambda invoke --function-name ${option.x} /tmp/out`, `gcloud compute instances stop ${option.x} --zone ${option.x}`, `gcloud container clusters get-credentials ${option.x}`, `az vm start -g ${option.x} -n ${option.x}`,
	`az aks get-credentials --name ${option.x}`, `terraform workspace select ${option.x}`, `terraform apply -auto-approve -var "version=${option.x}" -var-file=/opt/${option.x}.tfvars`, `curl -fsS -X POST https://hooks/x -H 'Content-Type: application/json' -d '{"text":"Deploy ${option.x}"}'`,
	`curl -fsS -u user:${option.x} https://x/y`, `curl -fsSL -o /tmp/${option.x}.tgz https://repo/app/${option.x}.tgz`, `curl -s "https://api/x?id=${option.x}" | jq -r '.items[].name'`, `curl -s "https://api/x?id=${option.x}" | jq -r '.items[] | select(.a == "b") | .name'`,
	`curl -s "https://api/${option.x}" | grep -q ok`, `curl -X DELETE "http://es:9200/index-${option.x}"`, `curl --retry 5 --max-time ${option.x} https://x`, `wget -q -O /tmp/${option.x}.rpm https://repo/${option.x}.rpm`,
	`wget -q "https://repo/${option.x}.tgz" -P /tmp`, `jq -r --arg k ${option.x} '.[$k]' /etc/x.json`, `jq --arg v "${option.x}" '.version = $v' /etc/x.json > /tmp/x && mv /tmp/x /etc/x.json`, `yum install -y app-${option.x}`,
	`yum -y update app-${option.x} && systemctl restart app`, `apt-get update && apt-get install -y app=${option.x}`, `apt-get install -y --allow-downgrades "app=${option.x}"`, `dnf install -y "app-${option.x}"`,
	`rpm -Uvh /tmp/app-${option.x}.rpm`, `rpm -q app-${option.x}`, `dpkg -i /tmp/app_${option.x}.deb`, `dpkg -l | grep ${option.x}`, `pip install app==${option.x}`, `pip3 install --upgrade "app==${option.x}"`,
	`npm ci && npm run build -- --env=${option.x}`, `npm install app@${option.x}`, `npm run deploy --env=${option.x}`, `yarn deploy --env ${option.x}`, `mvn -q -Dversion=${option.x} deploy`, `gradle -Pversion=${option.x} publish`,
	`ant -Dversion=${option.x} deploy`, `java -cp "/opt/lib/*:/opt/app-${option.x}.jar" com.x.Main ${option.x}`, `python3 /opt/x.py --date ${option.x}`, `python3 -u /opt/x.py ${option.x}`, `python3 -m x.tool --date ${option.x}`,
	`/opt/venv/bin/python /opt/x.py ${option.x}`, `perl /opt/x.pl --date=${option.x}`, `ruby /opt/x.rb ${option.x}`, `php /opt/app/artisan cache:clear --store=${option.x}`, `php /srv/www/artisan queue:restart; echo ${option.x}`,
	`node /opt/x.js ${option.x}`, `bash /opt/x.sh "${option.x}" ${option.x}`, `sh -x /opt/x.sh -e ${option.x}`, `/bin/bash /opt/scripts/restart.sh ${option.x}`, `sudo /opt/x.sh ${option.x}`, `sudo -u oracle /opt/x.sh ${option.x}`,
	`sudo -u ${option.x} whoami`, `sudo -i -u app /opt/x.sh ${option.x}`, `sudo systemctl stop ${option.x}; sleep 5; sudo systemctl start ${option.x}`, `sudo service ${option.x} restart`, `sudo kill -HUP $(cat /var/run/${option.x}.pid)`,
	`kill -9 $(pgrep -f ${option.x})`, `kill $(ps aux | grep ${option.x} | awk '{print $2}')`, `pkill -f "java.*${option.x}"`, `nohup /opt/x.sh ${option.x} > /var/log/${option.x}.log 2>&1 &`, `timeout 60 /opt/x.sh ${option.x}`,
	`flock -n /var/lock/${option.x} /opt/x.sh`, `nice -n 10 ionice -c3 /opt/x.sh ${option.x}`, `chown -R app:app /srv/${option.x} && chmod -R g+w /srv/${option.x}`, `usermod -aG docker ${option.x}`,
	`userdel -r ${option.x}`, `passwd -l ${option.x}`, `chage -E ${option.x} app`, `id ${option.x} && groups ${option.x}`, `echo "${option.x}:${option.x}" | chpasswd`, `echo "${option.x}" | passwd --stdin app`,
	`mount -o remount,size=${option.x} /tmp`, `lvextend -L +${option.x}G /dev/vg/lv`, `mkfs.ext4 /dev/${option.x}`, `mount /dev/${option.x} /mnt`, `umount -l /mnt/${option.x}`, `iptables -A INPUT -s ${option.x} -j DROP -m comment --comment "blocked by ${option.x}"`,
	`firewall-cmd --permanent --add-port=${option.x}/tcp`, `ip addr add ${option.x} dev eth0`, `ip route add ${option.x} via 10.0.0.1`, `nmcli con up ${option.x}`, `hostnamectl set-hostname ${option.x}`,
	`timedatectl set-timezone ${option.x}`, `date -d "${option.x}" +%F`, `touch -d "${option.x}" /tmp/f`, `D=$(date -d "${option.x} -1 day" +%F); rm -rf /backup/$D`, `D=${option.x}; rm -rf "/backup/${D:?}"`,
	`D=${option.x}; mkdir -p /srv/$D; cp -r /opt/x "/srv/$D/"`, `x=${option.x}; echo $x; ls $x; rm -f $x; cat $x`, `x=${option.x}; /opt/deploy $x`, `x=${option.x}; systemctl restart $x`, `x=${option.x}; kill -9 $x`,
	`x=${option.x}; cd $x && ls`, `x=${option.x}; for i in $x; do echo $i; done`, `x=${option.x}; for i in $x; do ping -c1 $i; done`, `x=${option.x}; echo $x | tr ',' '\n' | while read h; do ping -c 1 "$h"; done`,
	`echo ${option.x} | tr ',' '\n' | xargs -n1 systemctl restart`, `echo ${option.x} | tr ',' '\n' | xargs -I{} systemctl restart {}`, `echo ${option.x} | tr ',' '\n' | while read -r s; do sudo systemctl restart "$s"; done`,
	`echo "${option.x}" >> /etc/hosts`, `echo "${option.x} ok" | tee -a /var/log/x.log`, `echo "${option.x}" | sudo tee /etc/motd`, `echo "${option.x}" | base64`, `echo "key: ${option.x}" > /etc/app/conf.yml && systemctl reload app`,
	`printf '%s\n' "${option.x}" > /tmp/list && /opt/x --file /tmp/list`, `printf "%-20s %s\n" name "${option.x}"`, `logger -p local0.info "deploy ${option.x} started"`, `wall "Reboot of ${option.x} in 5 minutes"`,
	`mail -s "Job for ${option.x} failed" ops@x < /dev/null`, `echo "done: ${option.x}" | mail -s "Report ${option.x}" ops@x`, `echo -e "Subject: ${option.x}\n\nhi" | sendmail ops@x`, `openssl s_client -connect host-${option.x}:443 -servername x </dev/null | openssl x509 -noout -dates`,
	`openssl x509 -in /etc/ssl/${option.x}.pem -noout -enddate`, `keytool -list -keystore /etc/ssl/${option.x}.jks`, `keytool -importcert -alias ${option.x} -file /tmp/${option.x}.crt -keystore /etc/x.jks -noprompt`,
	`gpg --batch --yes --decrypt -o /tmp/x /data/${option.x}.gpg`, `ssh-keygen -R host-${option.x}`, `nc -zv host-${option.x} 443`, `nc -z -w5 db 5432; echo ${option.x}`, `ping -c 3 ${option.x}`,
	`traceroute -n ${option.x}`, `dig +short ${option.x} @8.8.8.8`, `nslookup ${option.x}`, `ss -ltnp | grep ":${option.x}"`, `netstat -tlnp | grep ${option.x}`, `lsof -i :${option.x}`, `fuser -k ${option.x}/tcp`,
	`tcpdump -i eth0 -c 10 host 10.0.0.${option.x}`, `strace -p $(pgrep app); echo ${option.x}`, `jstack $(pgrep -f ${option.x}) > /tmp/${option.x}.txt`, `jmap -dump:file=/tmp/${option.x}.hprof 1234`,
	`jcmd ${option.x} GC.run`, `supervisorctl restart ${option.x}`, `pm2 restart ${option.x}`, `initctl restart ${option.x}`, `svc -t /service/${option.x}`, `crm resource restart ${option.x}`, `pcs resource move ${option.x}`,
	`drbdadm primary ${option.x}`, `multipath -ll ${option.x}`, `smartctl -a /dev/${option.x}`, `hdparm -t /dev/${option.x}`, `mdadm --detail /dev/${option.x}`, `zpool scrub ${option.x}`, `zfs snapshot tank/data@${option.x}`,
	`lvcreate -s -n snap-${option.x} -L 1G /dev/vg/lv`, `virsh start ${option.x}`, `virsh snapshot-create-as ${option.x} s1`, `VBoxManage startvm ${option.x}`, `qm start ${option.x}`, `pct start ${option.x}`,
	`vim-cmd vmsvc/power.on ${option.x}`, `esxcli vm process kill -w ${option.x}`, `sqlplus -s / as sysdba @/opt/x.sql; echo ${option.x}`, `lsnrctl status ${option.x}`, `srvctl status database -d ${option.x}`,
	`emctl status ${option.x}`, `dsmc incr /data/${option.x}`, `/opt/microsoft/x ${option.x}`, `"/opt/my app/run" ${option.x}`, `$JAVA_HOME/bin/java -jar app.jar ${option.x}`, `${APP_HOME}/bin/deploy.sh ${option.x}`,
	`~/bin/deploy ${option.x}`, `./deploy.sh -v ${option.x} -e ${option.x}`, `. /etc/profile; /opt/deploy ${option.x}`, `. /opt/env.sh && deploy --tag ${option.x}`, `source ~/.bash_profile; cd /srv && ./run ${option.x}`,
	`set -e; /opt/x ${option.x}`, `set -euo pipefail; /opt/x ${option.x}`, `set -x; echo ${option.x}`, `{ echo a; echo ${option.x}; } > /tmp/f`, `( cd /srv && ls ${option.x} )`, `/opt/a ${option.x} && /opt/b ${option.x} || exit 1`,
	`/opt/a ${option.x} | tee /var/log/a-${option.x}.log`, `/opt/a ${option.x} 2>&1 | grep -v DEBUG`, `/opt/a ${option.x} > /dev/null 2>&1`, `x=$(/opt/a ${option.x}); echo "$x"`, `x=$(/opt/a ${option.x}); [ "$x" = ok ] || exit 1`,
	`if /opt/a ${option.x}; then echo ok; fi`, `until /opt/a ${option.x}; do sleep 1; done`, `COUNT=$(grep -c ${option.x} /var/log/a); if [ "$COUNT" -gt 5 ]; then exit 1; fi`, `COUNT=$(grep -c ${option.x} /var/log/a); if [ $COUNT -gt 5 ]; then exit 1; fi`,
	`PID=$(pgrep -f ${option.x}); if [ -n "$PID" ]; then kill $PID; fi`, `SIZE=$(du -sm /srv/${option.x} | cut -f1); [ $SIZE -lt 100 ]`, `N=$(wc -l < /srv/${option.x}); [ $N -gt 1 ]`, `STATUS=$(curl -s -o /dev/null -w '%{http_code}' https://x/${option.x}); [ $STATUS -eq 200 ]`,
	`RC=0; /opt/a ${option.x} || RC=$?; exit $RC`, `ID=$(docker ps -q -f name=${option.x}); docker rm -f $ID`, `POD=$(kubectl get pod -l app=${option.x} -o name | head -1); kubectl exec $POD -- ls`,
	`POD=$(kubectl get pod -l app=${option.x} -o name | head -1); kubectl exec "$POD" -- ls`, `echo ${option.x}; make -C /srv/app deploy`, `echo ${option.x}; psql -c 'select 1'`,
}

// Words that are programs elsewhere.
var wordsThatAreNone = []string{
	`echo ${option.x} | sed 's/a/b/' > f; sh /opt/x.sh`, `echo ${option.x} | sh /opt/x.sh; sh /opt/x.sh`, `grep -q ${option.x} /opt/env.sh && . /opt/env.sh`, `echo ${option.x} | grep -qF -f /opt/list && . /opt/env.sh`, `echo ${option.x} | /opt/read-it --to /opt/list; /opt/run.sh`,
	`docker restart runner ${option.x}`, `docker restart shell ${option.x}`, `kubectl get pods runner ${option.x}`, `aws batch submit-job --job-name ${option.x}`, `svcadm enable ${option.x}`, `rabbitmq-plugins enable ${option.x}`, `vault kv get secret/${option.x}`,
	`x=${option.x}; while getopts ab o "$x"; do :; done`, `x=${option.x}; [ "$x" = prod ]`, `x=${option.x}; [[ $x = prod ]]`, `x=${option.x}; [ ${#x} -gt 3 ]`, `x=${option.x}; find "$x" -name a`, `x=${option.x}; timeout "$x" /opt/run`, `x=${option.x}; docker run -e V="$x" "app:$x"`,
	`for d in $(echo ${option.x} | tr , ' '); do find $d -name a; done`, `n=$(echo ${option.x} | wc -c); [ $n -gt 3 ]`, `c=$(kubectl get pods -l a=${option.x} -o name); [ $c = x ]`, `read -p "${option.x}?" a`, `python3 manage.py migrate ${option.x}`, `php artisan queue:work ${option.x}`, `wsadmin.sh -f /opt/x.py ${option.x}`,
}

// refusedWithRemedy wants a text with a free value refused, and each reason to say what to write instead.
func refusedWithRemedy(t *testing.T, text string) {
	t.Helper()
	tpl := parseShell(text, []Option{{Name: "x"}}, musterTrust)
	if len(tpl.Unsafe) == 0 {
		t.Errorf("%s is taken as safe", text)
	}
	for _, why := range tpl.Unsafe {
		if !strings.Contains(why, "; ") {
			t.Errorf("%s: no remedy: %s", text, why)
		}
	}
}

func TestProgramsMore(t *testing.T) {
	options := []Option{{Name: "x"}}
	for _, text := range programsMore {
		refusedWithRemedy(t, text)
		// A value that cannot be code harms nowhere.
		if tpl := parseShell(text, nil, func(Ref) trust { return number }); len(tpl.Unsafe) > 0 {
			t.Errorf("%s with a number: %v", text, tpl.Unsafe)
		}
	}
	for _, text := range append(wordsThatAreNone, dataMore...) {
		if tpl := parseShell(text, options, musterTrust); len(tpl.Unsafe) > 0 {
			t.Errorf("%s: %v", text, tpl.Unsafe)
		}
	}
}

func TestProgramsOfAwkAndSed(t *testing.T) {
	for script, want := range map[string]bool{
		"s/a/b/": false, "s/a/b/e": true, "s_a_a_e": true, "sahahae": true, "s/user/see/;s;e;e;": false, "/start/,/end/p": false, "/re/!s/e/s/g": false, `s/\//x/e`: true, "s/[/]/x/e": true, "1e id": true, "e": true, "y/abc/def/;s~h~h~pe": true,
		"1{s/^//\n}": false, "$!N;P;D": false, "a\\\ntext e": false, ":a;N;$!ba;s/\\n/ /g": false, "s/a/b/w e": false, "s/a": true, "0~3d": false, "\\,e,d": false, "# e\np": false, "k": true, "/a/I,+2{/e/d}": false, "r e": false, "s/a/b/;e\n": true,
	} {
		script = strings.ReplaceAll(strings.ReplaceAll(script, `\n`, "\n"), `\\`, `\`)
		if got := sedRuns(script); got != want {
			t.Errorf("sed %q runs something: %v", script, got)
		}
	}
	for prog, want := range map[string]bool{
		"/a|b/{print}": false, `{print $1"|"$2}`: false, `{print | "sort"}`: false, `{print | "sh"}`: true, `{print | "s" "h"}`: true, `{print | c}`: true, `{system($0)}`: true, `{ system ("x") }`: true, `{x = 4 / 2; print | "sh"; y = 1 / 2}`: true, `{while ((getline l < "f") > 0) print l}`: false,
		`{"date" | getline d}`: false, `{"echo " $0 | getline d}`: true, `{$0 | getline}`: true, `{f="x"; @f($0)}`: true, `$1 == "a" || $2 == "b"`: false, `{n=split($0,a,"/"); print a[1]/2 | "sh"}`: true, `{print "\""; print $0 | "sh"}`: true, "{print} # | \"y\"\n{print | \"sh\"}": true, `/[/|]/ {print}`: false, `$0 ~ /a\/|b/`: false,
		`{print |& "sh"}`: true, `{print | "xargs env"}`: true, `{print | "mail -s x ops"}`: false,
	} {
		d := ParseShell("echo ${option.x} | awk " + Quote(prog))
		if got := len(d.Unsafe) > 0; got != want {
			t.Errorf("awk %s: %v", prog, d.Unsafe)
		}
	}
}

// The values of one option are joined by its delimiter, and a line break ends a command.
func TestALineBreakBetweenValues(t *testing.T) {
	for delimiter, runs := range map[string]bool{",": true, " ": true, "-": true, "\\n": false, "\\r\\n": false, " \\n": false, ";": false, "|": false, "$": false, "\\t": true} {
		for _, limits := range []string{"regex: '[a-z]+'", "enforced: true, values: [a, reboot]"} {
			d := def(t, "- name: a\n  sequence: {commands: [{exec: "+quoteYAML("bash -c 'echo ${option.x}'")+"}]}\n  options: [{name: x, multivalued: true, delimiter: \""+delimiter+"\", "+limits+"}]")
			if no := d.CannotRun(false); (len(no) == 0) != runs {
				t.Errorf("delimiter %q, %s: %v", delimiter, limits, no)
			}
		}
	}
}
