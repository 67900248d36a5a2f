#!/bin/sh
# Installs Muster from this folder, without any network.
#
# usage: ./install.sh [PREFIX]
#
# Without PREFIX, as root: /usr/bin/muster, the user muster, /etc/muster,
# /var/lib/muster and systemd units; nothing is started. With PREFIX: only the
# binary and the documents below PREFIX, as whoever you are.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
(cd "$here" && sha256sum --check --quiet SHA256SUMS) || {
	echo "muster: a file in $here is not what was packed. Fetch the archive again." >&2
	exit 1
}
prefix=${1:-}
if [ -n "$prefix" ]; then
	install -D -m 0755 "$here/muster" "$prefix/bin/muster"
	mkdir -p "$prefix/share/doc/muster"
	cp -R "$here/doc/." "$prefix/share/doc/muster/"
	echo "Installed $prefix/bin/muster. Start it with: $prefix/bin/muster serve --data DIR"
	exit 0
fi
[ "$(id -u)" -eq 0 ] || {
	echo "muster: run this as root, or give a folder of your own: ./install.sh \$HOME/muster" >&2
	exit 1
}
getent passwd muster >/dev/null || useradd --system --user-group --home-dir /var/lib/muster --no-create-home --shell /usr/sbin/nologin muster
install -D -m 0755 "$here/muster" /usr/bin/muster
install -d -m 0755 /etc/muster /usr/share/doc/muster
install -d -m 0700 -o muster -g muster /var/lib/muster /var/backups/muster
[ -e /etc/muster/muster.yaml ] || install -m 0640 -o root -g muster "$here/muster.yaml" /etc/muster/muster.yaml
# Backup, doctor and all else that opens the data folder itself read the settings there.
[ -e /var/lib/muster/muster.yaml ] || ln -sfT /etc/muster/muster.yaml /var/lib/muster/muster.yaml
cp -R "$here/doc/." /usr/share/doc/muster/
if [ -d /run/systemd/system ]; then
	install -D -m 0644 -t /etc/systemd/system "$here"/systemd/*
	systemctl daemon-reload
	echo "Installed. Look at /etc/muster/muster.yaml, then: systemctl enable --now muster"
else
	echo "Installed. Without systemd, start it by your own means as the user muster: muster serve --data /var/lib/muster --config /etc/muster/muster.yaml"
fi
