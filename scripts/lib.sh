# Shared by the scripts beside it: `. "$(dirname "$0")/lib.sh"`. POSIX sh.
# shellcheck shell=sh

root=$(cd "$(dirname "$0")/.." && pwd)
export root

say() { printf '%s\n' "$*" >&2; }

# fail TEXT: the text says what happened and what to do next.
fail() {
	say "muster: $*"
	exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# as_root COMMAND…: runs it as root, through sudo when we are not.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif have sudo; then
		sudo "$@"
	else
		return 126
	fi
}
