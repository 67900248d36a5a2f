# Ends everything a step has started on this machine, and says what it could not end.
# Arguments: the mark (NAME=value), the process id of the step's shell, tenths of a
# second between TERM and KILL, the script directory's name, the proc file system.
#
# What belongs to the step:
#   - every process with the mark in its initial environment, however detached;
#   - every process in the session of the step's shell;
#   - the children of these, and of what was found before (sudo, env -i).
# The last holds while the parent lives, hence the memory in $seen. Other users'
# environments are not readable, so what cannot be signalled is reported.
main() {
	mark=$1 root=$2 ticks=$3 dir=$4 proc=${5:-/proc}
	PATH=$PATH:/usr/bin:/bin:/usr/sbin:/sbin
	seen= n=0
	look
	[ -n "$left" ] && kill -TERM $left 2>/dev/null
	while [ -n "$left" ] && [ "$n" -lt "$ticks" ]; do
		pause
		look
	done
	n=0
	while [ -n "$left" ] && [ "$n" -lt 50 ]; do
		kill -KILL $left 2>/dev/null
		look
		[ -n "$left" ] && pause
	done
	rm -rf "${TMPDIR:-/tmp}/$dir"
	echo "$mark left" $left
}

# look sets $left to the living processes of the step.
look() {
	if [ -r "$proc/$$/environ" ]; then
		marked=$(grep -lF "$mark" "$proc"/[0-9]*/environ 2>/dev/null | tr -dc '0-9\n' | tr '\n' ' ')
		left=$(cat "$proc"/[0-9]*/status 2>/dev/null | awk '
			function done() { if (p != "" && z == "") print p, pp, s; p = pp = s = z = "" }
			/^Name:/ { done() }
			/^State:/ { if ($2 == "Z" || $2 == "X") z = 1 }
			/^Pid:/ { p = $2 }
			/^PPid:/ { pp = $2 }
			/^NSsid:/ { s = $2 }
			END { done() }' | family "$marked $seen")
	else
		# Without proc: the process group and the children of the shell.
		left=$(ps -A -o pid= -o ppid= -o pgid= -o stat= 2>/dev/null | awk '$4 !~ /^Z/ { print $1, $2, $3 }' | family "$seen")
		kill -0 -- "-$root" 2>/dev/null && left="$left -$root"
	fi
	seen="$seen $left"
}

# family reads lines "pid parent session" and prints the members and their offspring,
# parents first: a shell whose child ends before it is told to end itself would go on
# as if the child had failed, and its trap would never be run.
family() {
	awk -v seeds="$1" -v root="$root" -v self="$$" '
		BEGIN { n = split(seeds, a, " "); for (i = 1; i <= n; i++) in_[a[i]] = 1 }
		{ parent[$1] = $2; if ($3 == root) in_[$1] = 1 }
		END {
			do {
				more = 0
				for (p in parent) if (!(p in in_) && (parent[p] in in_) && (parent[p] in parent)) { in_[p] = 1; more = 1 }
			} while (more)
			line = ""
			do {
				more = 0
				for (p in in_) if ((p in parent) && !(p in out) && (!(parent[p] in in_) || !(parent[p] in parent) || (parent[p] in out))) {
					out[p] = more = 1
					if (p > 1 && p != self) line = line " " p
				}
			} while (more)
			for (p in in_) if ((p in parent) && !(p in out) && p > 1 && p != self) line = line " " p
			print line
		}' | tr -s ' ' | sed 's/^ //; s/ $//'
}

# pause waits a tenth of a second where sleep can, and a second where it can't.
pause() {
	sleep 0.1 2>/dev/null || { sleep 1; n=$((n + 9)); }
	n=$((n + 1))
}

main "$@"
