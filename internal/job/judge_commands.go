package job

import (
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// What is known of commands: which take a program, and where; which run the
// command that follows them; which only take texts. Every other command takes a
// value as a whole argument, or in one that looks like a name, a flag, a path or
// an address.

func set(names string) map[string]bool {
	out := map[string]bool{}
	for _, n := range strings.Fields(names) {
		out[n] = true
	}
	return out
}

var (
	// textual commands do nothing but read, print, copy or send their arguments.
	textual = set(`echo printf test [ true false : cp mv rm rmdir mkdir ls cat touch chmod chown chgrp ln stat readlink realpath basename dirname head tail
		wc cut tr uniq tee cmp comm join paste fold nl rev tac od hexdump xxd strings sha1sum sha224sum sha256sum sha384sum sha512sum md5sum cksum b2sum base64 base32
		date sleep kill pkill pgrep pidof killall id whoami hostname uname df du free ps uptime systemctl service journalctl logger expr seq grep egrep fgrep zgrep
		which cd pushd popd pwd exit return break continue umask ulimit wait shift set unset read curl ping traceroute nslookup dig host getent ss netstat
		useradd userdel usermod groupadd groupdel chpasswd truncate mktemp sync shred dd file shuf gzip gunzip zcat wall write bzip2 bunzip2 xz unxz zstd nproc getconf printenv type mapfile readarray getopts`)
	// selecting commands print what they find, not what they are given.
	selecting = set(`du df grep egrep fgrep zgrep ps pgrep pidof curl wget systemctl service journalctl git kubectl oc docker podman aws rpm dpkg apt apt-get yum dnf id getent ss netstat
		test [ true false rm rmdir mkdir touch chmod chown chgrp kill pkill killall sleep cd useradd userdel usermod ping`)
	shellNames = strings.Fields("sh bash dash zsh ksh mksh ash rbash tcsh csh fish nu xonsh elvish osh ysh yash posh pwsh powershell")
	// interpreters, with the option letters that a program follows.
	interpreters = map[string]string{"python": "c", "python2": "c", "python3": "c", "pypy": "c", "pypy3": "c", "perl": "eE", "ruby": "e", "node": "ep", "nodejs": "ep", "deno": "ep", "bun": "ep",
		"php": "rBRE", "lua": "e", "luajit": "e", "tclsh": "-", "Rscript": "e", "java": "-", "groovy": "e", "scala": "e", "expect": "c", "osascript": "e", "jshell": "-",
		"jrunscript": "ef", "kotlin": "e", "clojure": "e", "clj": "e", "bb": "e", "ghc": "e", "runghc": "-", "runhaskell": "-", "raku": "e", "ipython": "c", "ipython3": "c", "irb": "e", "micropython": "c", "gjs": "c", "cscript": "-", "wscript": "-"}
	// programs read every argument, or their input, as one, or hand it to a shell
	// somewhere.
	programs = set(`eval let trap alias hash bind complete compgen enable declare typeset make gmake bmake ninja cmake just rake ansible ansible-playbook ansible-pull ansible-console
		salt salt-call salt-ssh clush pdsh dsh pssh parallel-ssh parallel sem tmux screen byobu watch entr ssh autossh mosh rsh rlogin rexec telnet ftp lftp ncftp
		su crontab at batch vi vim nvim ex view vimdiff ed red emacs nano pico less more most man info gdb lldb m4 gnuplot octave R julia erl elixir iex ghci guile sbcl clisp racket
		dc wish socat script fab cap knife bolt mco puppet chef-client chef-apply convert mogrify magick identify gs mongo mongosh sqlplus isql tsql bteq hive beeline impala-shell
		spark-sql spark-shell cqlsh nmap winexe wmic busctl rails sg capsh perf start-stop-daemon hyperfine msgfilter bwrap systemd-nspawn run-parts incrontab entr cmd mshta rundll32 regsvr32 sqlcmd db2 db2cmd adb xdotool heroku csvtool fc
		psexec PsExec psexec64 schtasks iex Invoke-Expression Invoke-Command icm Start-Process saps insmod`)
	// databases have commands of their own that reach the machine (\!, system, .shell);
	// the letters are options whose argument is only an address or a setting.
	databases = map[string]string{"psql": "hUdpv", "mysql": "huPD", "mariadb": "huPD", "sqlite3": "", "sqlite": "", "clickhouse-client": "hu", "duckdb": ""}
	// wrappers run the command that follows. Letters: options with an argument;
	// number: what stands before the command.
	wrappers = map[string]struct {
		letters string
		skip    int
	}{"sudo": {"ugpCrtTUhDR", 0}, "doas": {"uC", 0}, "pkexec": {"u", 0}, "env": {"uC", 0}, "nohup": {"", 0}, "timeout": {"ks", 1}, "gtimeout": {"ks", 1}, "nice": {"n", 0}, "ionice": {"cnpPu", 0},
		"time": {"fo", 0}, "chroot": {"", 1}, "setsid": {"", 0}, "stdbuf": {"ioe", 0}, "unbuffer": {"", 0}, "flock": {"wE", 1}, "strace": {"eopsuPEaIO", 0}, "ltrace": {"eopsu", 0},
		"taskset": {"", 1}, "chrt": {"", 1}, "numactl": {"mNCpi", 0}, "systemd-run": {"pEtuMH", 0}, "systemd-inhibit": {"", 0}, "nsenter": {"tSGrwW", 0}, "unshare": {"", 0}, "setpriv": {"", 0},
		"gosu": {"", 1}, "su-exec": {"", 1}, "chpst": {"ueUbPLmoptcf", 0}, "command": {"", 0}, "exec": {"a", 0}, "builtin": {"", 0}, "busybox": {"", 0}, "toybox": {"", 0}, "fakeroot": {"", 0},
		"xvfb-run": {"efnps", 0}, "dbus-run-session": {"", 0}, "cgexec": {"g", 0}, "chronic": {"", 0}, "eatmydata": {"", 0}, "setarch": {"", 1}, "linux32": {"", 0}, "linux64": {"", 0},
		"tini": {"", 0}, "dumb-init": {"", 0}, "sshpass": {"pfdP", 0}, "runuser": {"ugG", 0}, "noglob": {"", 0}, "nocorrect": {"", 0}, "rlwrap": {"", 0}, "caffeinate": {"", 0}, "prlimit": {"", 0},
		"valgrind": {"", 0}, "ssh-agent": {"aEtPO", 0}, "logsave": {"", 1}, "aa-exec": {"pn", 0}, "cpulimit": {"lpe", 0}, "daemonize": {"cepolEu", 0}, "daemon": {"", 0}, "torify": {"", 0}, "torsocks": {"uPap", 0}, "tsocks": {"", 0}, "proxychains": {"f", 0}, "proxychains4": {"f", 0},
		"setlock": {"", 1}, "softlimit": {"mdslafcorptn", 0}, "multitime": {"fnqrsiI", 0}, "grc": {"c", 0}, "openvt": {"c", 0}, "distcc": {"", 0}, "ccache": {"", 0}, "firejail": {"", 0}, "systemd-cat": {"tp", 0}, "s6-setuidgid": {"", 1}, "setuidgid": {"", 1}, "envdir": {"", 1},
		"envuidgid": {"", 1}, "run-one": {"", 0}, "faketime": {"", 1}, "timelimit": {"tTsS", 0}, "lxc-attach": {"nNPse", 0}, "catchsegv": {"", 0}, "jobs": {"", 0}}
	// armed commands have options that start a program: an argument that begins
	// with a value could be one. Letters and names of those; letters of others that
	// take an argument.
	armed = map[string]struct{ letters, names, takes string }{
		"tar": {"IF", "use-compress-program to-command checkpoint-action info-script new-volume-script rsh-command rmt-command", "CTXLNgVbHK"}, "bsdtar": {"I", "use-compress-program", "CTX"}, "gtar": {"IF", "use-compress-program to-command checkpoint-action info-script new-volume-script rsh-command rmt-command", "CTXLNgVbHK"},
		"cpio": {"", "rsh-command", ""}, "zip": {"", "unzip-command TT", "xi"}, "sort": {"", "compress-program", "ktoST"}, "split": {"", "filter", "abCln"}, "install": {"", "strip-program", "gmotS"},
		"wget": {"e", "execute use-askpass", "OPotTUaQwBi"}, "nc": {"ec", "exec sh-exec lua-exec", "wpsi"}, "ncat": {"ec", "exec sh-exec lua-exec", "wpsi"}, "netcat": {"ec", "exec sh-exec", "wpsi"},
		"apt": {"oc", "option config-file", "t"}, "apt-get": {"oc", "option config-file", "t"}, "aptitude": {"o", "", "t"}, "dpkg": {"", "pre-invoke post-invoke admindir root instdir", ""},
		"yum": {"c", "setopt config", ""}, "dnf": {"c", "setopt config", ""}, "microdnf": {"c", "setopt config", ""}, "zypper": {"c", "config root", ""}, "rpm": {"DE", "define eval pipe macros load rcfile", ""},
		"pip": {"", "", ""}, "pip3": {"", "", ""}, "npm": {"", "script-shell node-options", ""}, "npx": {"c", "call", ""}, "yarn": {"", "", ""}, "gem": {"", "", ""}, "mvn": {"", "", "fsPlpT"}, "gradle": {"I", "init-script", ""}, "ant": {"", "listener logger", "f"},
		"helm": {"", "post-renderer", "nf"}, "svn": {"", "config-option diff-cmd editor-cmd", "mr"}, "hg": {"", "config", "mr"}, "tcpdump": {"z", "", "iwrcCGs"}, "ssh-keygen": {"D", "", "tbfCN"}, "ssh-copy-id": {"o", "", "ip"},
		"openssl": {"", "engine provider provider-path config", ""}, "diff": {"", "", ""}, "sdiff": {"", "diff-program", ""}, "ctags": {"", "", ""}, "logrotate": {"lms", "mail", ""}, "rclone": {"", "password-command", ""}, "restic": {"", "password-command", ""}, "borg": {"", "rsh", ""}, "mutt": {"eHF", "", "s"}, "mail": {"", "", "s"}, "mailx": {"", "", "s"}, "sendmail": {"CXO", "", ""},
		"aria2c": {"", "on-download-start on-download-pause on-download-stop on-download-complete on-download-error on-bt-download-complete conf-path", "dosxjkc"}, "yt-dlp": {"", "exec exec-before-download config-location downloader external-downloader netrc-cmd", "oPf"}, "youtube-dl": {"", "exec config-location external-downloader", "of"},
		"pandoc": {"FLd", "filter lua-filter pdf-engine defaults", "oftr"}, "openvpn": {"", "up down route-up route-pre-down ipchange tls-verify learn-address auth-user-pass-verify client-connect client-disconnect config plugin engine iproute", ""}, "exiftool": {"", "if config execute", "od"},
		"gcc": {"B", "wrapper specs fplugin", "oDIL"}, "g++": {"B", "wrapper specs fplugin", "oDIL"}, "cc": {"B", "wrapper specs fplugin", "oDIL"}, "ld": {"", "plugin", "oL"}, "tshark": {"X", "", "irwcf"}, "smbclient": {"c", "command", "UWp"},
		"wsadmin": {"c", "", "f"},
		// servers and test runners that run what they are told to load
		"gunicorn": {"c", "config pythonpath", "bwtkn"}, "uwsgi": {"", "ini wsgi-file module exec-pre-app", ""}, "uvicorn": {"", "app-dir", ""}, "celery": {"Ab", "app broker config workdir", "Qnld"}, "flask": {"A", "app", "hp"}, "pytest": {"cp", "confcutdir rootdir", "km"},
		"nginx": {"cgp", "", "s"}, "httpd": {"fcCd", "", "k"}, "apache2": {"fcCd", "", "k"}, "apachectl": {"fcCd", "", "k"}, "apache2ctl": {"fcCd", "", "k"}, "sshd": {"fo", "", "p"}, "supervisord": {"c", "configuration", ""}, "monit": {"c", "", "g"},
	}
	saysProgram = set("exec execute eval command cmd shell rsh expression code")
	// systems where `x` is a container, a pod or a machine and a command follows it
)

// call judges a command of the text.
func (j *judge) call(ws []*syntax.Word, in *taint) *taint {
	args := make([]arg, len(ws))
	for i, w := range ws {
		args[i] = j.word(w)
	}
	if len(ws) > 0 && args[0].by == nil && args[0].s == unknown {
		// A variable that the text itself sets: the command is what it was set to.
		if name := args[0].from; name != "" && !j.dark[name] && len(j.known[name]) > 0 {
			var out *taint
			for _, text := range j.known[name] {
				var as []arg
				for _, f := range strings.Fields(text) {
					as = append(as, arg{s: f})
				}
				out = either(out, j.run(append(as, args[1:]...), in))
			}
			return out
		}
	}
	return j.run(args, in)
}

// only is the variable that a word consists of.
func only(w *syntax.Word) string {
	parts := w.Parts
	if len(parts) == 1 {
		if q, ok := parts[0].(*syntax.DblQuoted); ok {
			parts = q.Parts
		}
	}
	if len(parts) != 1 {
		return ""
	}
	if p, ok := parts[0].(*syntax.ParamExp); ok && p.Param != nil && p.Exp == nil && p.Repl == nil && p.Slice == nil && p.Index == nil && !p.Excl && !p.Length {
		return p.Param.Value
	}
	return ""
}

// from is what stands at i and behind it.
func from(args []arg, i int) []arg {
	if i >= len(args) {
		return nil
	}
	return args[i:] // #nosec G602 -- the length was looked at just now
}

func of(args []arg) (by *taint) {
	for _, a := range args {
		by = either(by, a.by)
	}
	return by
}

// run judges a command with its arguments, in being a value on its input, and
// gives the value that its output may hold.
func (j *judge) run(args []arg, in *taint) *taint {
	if len(args) == 0 {
		return in
	}
	if j.depth++; j.depth > 50 {
		j.refuse(either(of(args), in), "stands behind too many commands that run another", "")
		j.depth--
		return nil
	}
	defer func() { j.depth-- }()
	first, rest := args[0], args[1:]
	in = either(in, j.input)
	all := of(rest)
	out := either(all, in)
	if first.by != nil {
		j.refuse(first.by, "stands as the command itself", "write the commands out, with case \"$X\" in …")
		return out
	}
	if len(j.globs[first.from]) > 0 {
		j.started(first, "the shell")
	}
	if first.from != "" {
		j.refuse(j.files.written["$"+first.from], "is put into a file that is run", "")
	}
	name := strings.TrimSuffix(base(first.s), ".exe")
	if strings.Contains(first.s, "/") {
		j.started(first, "the shell")
	}
	var kept *taint
	for _, a := range rest { // it may print them
		if a.by == nil && !strings.HasPrefix(a.s, "-") {
			kept = either(kept, j.written(a))
			if first.s == "cat" {
				kept = either(kept, j.here(a))
			}
		}
	}
	out = either(out, kept)
	switch base(first.s) {
	case "split", "csplit": // into files whose names it makes
		j.place = either(j.place, in)
		for _, a := range rest {
			j.place = either(j.place, j.written(a))
		}
	case "unzip", "7z", "7za", "unrar", "unar":
		for _, a := range rest {
			if strings.HasPrefix(a.s, value) {
				j.place = either(j.place, a.by) // what it takes out lies there
			}
		}
	case "printenv", "envsubst", "gomplate", "j2", "jinja2", "mustache":
		out = either(out, j.environment())
	case "jq", "gojq", "yq", "awk", "gawk", "mawk", "nawk":
		if slices.ContainsFunc(rest, func(a arg) bool { return inEnv.MatchString(a.s) }) {
			out = either(out, j.environment())
		}
	}
	if name == "" && first.s != "" || name != "[" && strings.ContainsAny(name, unknown+"{}*?[]$`") {
		j.refuse(out, "follows a command that is only known when it runs", "write the command out")
		return out
	}
	if fed, ok := j.funcs[name]; ok {
		j.hold("@", all)
		if now := either(fed, in); now != fed {
			j.funcs[name], j.grew = now, true
		}
		return out
	}
	name = version.ReplaceAllString(name, "$1")
	if in != nil && (!textual[name] || name == "cp") && !slices.Contains(shellNames, name) && interpreters[name] == "" {
		j.mayWrite(rest, in)
	}
	switch {
	case textual[name]:
		j.textual(name, rest, in)
	case slices.Contains(shellNames, name):
		return j.shell(name, rest, in)
	case interpreters[name] != "":
		j.interpreter(name, rest, in)
	case databases[name] != "" || name == "sqlite3" || name == "sqlite" || name == "duckdb":
		j.database(name, rest, in)
	case name == "awk" || name == "gawk" || name == "mawk" || name == "nawk":
		j.awk(name, rest, in)
	case name == "sed" || name == "gsed":
		j.sed(name, rest, in)
	case name == "jq" || name == "yq" || name == "gojq":
		j.jq(name, rest)
	case name == "." || name == "source":
		if len(rest) > 0 {
			if rest[0].by != nil {
				j.program(rest[0].by, name)
			}
			j.started(rest[0], name)
			if isInput(rest[0].s) && in != nil {
				j.fedTo(in, name)
			}
			j.hold("@", of(rest[1:]))
		}
	case name == "find" || name == "gfind":
		j.find(rest)
	case name == "xargs":
		j.xargs(rest, in)
	case name == "git":
		j.git(rest)
	case name == "redis-cli" || name == "valkey-cli":
		j.redis(name, rest, in)
	case name == "sysctl":
		for _, a := range rest {
			if a.by != nil && (strings.HasPrefix(a.s, value) || strings.HasPrefix(a.s, "kernel.")) {
				j.program(a.by, name)
			}
		}
		j.spread(rest, name)
	case name == "rsync" || name == "scp" || name == "sftp":
		j.remote(name, rest, in)
	case containers[name]:
		return j.container(name, rest, in)
	case name == "kubectl" || name == "oc":
		j.spreadBefore(name, rest)
		if i := slices.IndexFunc(rest, func(a arg) bool { return a.literal() && a.s == "--" }); i >= 0 {
			j.other(name, rest[:i], nil) // #nosec G602 -- the length was looked at before
			return j.run(rest[i+1:], in) // #nosec G602 -- the length was looked at before
		}
		j.other(name, rest, in)
	case name == "rman":
		j.rman(rest, in)
	case name == "socat":
		j.program(all, name)
		if in != nil && slices.ContainsFunc(rest, func(a arg) bool { return startsIt.MatchString(a.s) }) {
			j.fedTo(in, name)
		}
	case programs[name]:
		j.program(all, name)
		if name == "eval" && all == nil && !slices.ContainsFunc(rest, func(a arg) bool { return !a.literal() }) {
			var words []string
			for _, a := range rest {
				words = append(words, a.s)
			}
			if file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(strings.Join(words, " ")), ""); err == nil {
				return j.stmts(file.Stmts, in)
			}
		}
		if (name == "alias" || name == "hash" && len(rest) > 0 && strings.HasPrefix(rest[0].s, "-")) && j.any != nil {
			j.refuse(j.any, "stands in a text where "+name+" gives other names to commands", "write the commands out")
		}
		for _, a := range rest {
			j.started(a, name)
		}
		if name == "run-parts" {
			j.started(arg{s: "*"}, name)
		}
		j.readsMore(rest, name)
		if strings.HasSuffix(name, "make") {
			for _, f := range []string{"Makefile", "makefile", "GNUmakefile"} {
				j.started(arg{s: f}, name)
			}
		}
		if in != nil {
			j.fedTo(in, name)
		}
	default:
		if w, ok := wrappers[name]; ok {
			return j.wrapper(name, w.letters, w.skip, rest, in)
		}
		if !strings.Contains(first.s, "/") && (j.dark["PATH"] || len(j.known["PATH"]) > 0) {
			j.started(first, "the shell") // by its PATH
		}
		if w, ok := armed[name]; ok {
			j.armed(name, w.letters, w.names, w.takes, rest)
			if in != nil && strings.HasSuffix(name, "tar") && len(rest) > 0 && strings.Contains(rest[0].s, "x") {
				j.place = either(j.place, in) // what it takes out lies there
			}
		} else {
			return either(out, j.other(name, rest, in))
		}
	}
	if name == "wc" && !slices.ContainsFunc(rest, func(a arg) bool { return !strings.HasPrefix(a.s, "-") }) {
		return nil // numbers
	}
	if selecting[name] {
		if name == "curl" || name == "wget" {
			return either(either(in, kept), j.fetch(name, rest))
		}
		if strings.HasSuffix(name, "grep") {
			kept = either(kept, opened(rest))
		}
		return either(in, kept)
	}
	return out
}

// startsIt is an address of socat that is a command.
var startsIt = regexp.MustCompile(`(?i)^(exec|system|shell):`)

// rman reads a program, in which HOST runs a command. Where it writes its log is
// none.
func (j *judge) rman(rest []arg, in *taint) {
	for i, a := range rest {
		if opt, _, ok := strings.Cut(a.s, "="); a.by == nil || !a.looksLikeProgram() && !strings.HasPrefix(a.s, value) && (ok && (opt == "log" || opt == "msglog") || i > 0 && (rest[i-1].s == "log" || rest[i-1].s == "msglog")) {
			j.started(arg{s: strings.TrimPrefix(strings.TrimPrefix(a.s, "@"), "cmdfile=")}, "rman")
			continue
		}
		j.program(a.by, "rman")
	}
	if in != nil {
		j.fedTo(in, "rman")
	}
}

// reads finds the files that a program of a database client, or its argument,
// reads more of a program from.
var reads = regexp.MustCompile("(?:^|[\\s;'\"])(?:source\\s+|\\\\\\.\\s*|\\\\ir?\\s+|\\.read\\s+|@@?|start\\s+)([^\\s;'\"]+)")

func (j *judge) readsMore(rest []arg, name string) {
	for _, a := range rest {
		if a.literal() {
			for _, m := range reads.FindAllStringSubmatch(a.s, -1) {
				j.started(arg{s: m[1]}, name)
			}
		}
	}
}

// inEnv is what reads the environment in a program of jq or awk.
var inEnv = regexp.MustCompile(`\benv\b|ENV|strenv`)

// mayWrite notes that a command may put its input into any file it names, also
// within a program: sed 'w f', awk '{print > "f"}', openssl -out f.
func (j *judge) mayWrite(rest []arg, in *taint) {
	for _, a := range rest {
		if !a.literal() || strings.HasPrefix(a.s, "-") {
			continue
		}
		for _, name := range strings.FieldsFunc(a.s, func(r rune) bool { return strings.ContainsRune(" \t\n\"';>(){}", r) }) {
			j.write(arg{s: name}, in)
		}
	}
}

// fetch gives what a caller may let a download consist of: one from an address
// whose host he writes.
func (j *judge) fetch(name string, rest []arg) (by *taint) {
	var page *arg
	for i, a := range rest {
		option := i > 0 && len(rest[i-1].s) == 2 && strings.HasPrefix(rest[i-1].s, "-") && !strings.ContainsAny(rest[i-1].s[1:], "fsSLgkivNq#0123456OJ")
		if a.by != nil && !option && hostOpen.MatchString(a.s) {
			by, page = either(by, a.by), &rest[i]
		}
	}
	named := false
	for i, a := range rest {
		if i > 0 && a.by == nil && (strings.EqualFold(rest[i-1].s, "-o") || rest[i-1].s == "--output" || rest[i-1].s == "--output-document") {
			j.write(a, by)
			named = true
		}
	}
	if page != nil && !named && (name == "wget" || slices.ContainsFunc(rest, func(a arg) bool {
		return a.s == "--remote-name" || strings.HasPrefix(a.s, "-") && !strings.HasPrefix(a.s, "--") && strings.Contains(a.s, "O")
	})) {
		j.write(arg{s: base(page.s)}, by) // by the name it has there
	}
	return by
}

// opened is a file of the caller's choice that grep prints lines of.
func opened(rest []arg) (by *taint) {
	operands := 0
	for _, a := range rest {
		switch {
		case strings.HasPrefix(a.s, "-"):
			if a.s == "--count" || a.s == "--quiet" || !strings.HasPrefix(a.s, "--") && strings.ContainsAny(a.s, "cqlL") {
				return nil
			}
		default:
			if operands++; operands > 1 && strings.HasPrefix(a.s, value) {
				by = either(by, a.by)
			}
		}
	}
	return by
}

var hostOpen = regexp.MustCompile(`^([a-z]+://)?[^/?\x01]*\x01`)

var version = regexp.MustCompile(`^(python|perl|ruby|php|lua|node|pypy|tclsh|wish)[0-9][0-9.]*$`)

func (j *judge) textual(name string, rest []arg, in *taint) {
	switch name {
	case "printf":
		if len(rest) > 1 && rest[0].s == "-v" {
			j.named(rest[1:2], "printf -v")
			if rest[1].by == nil && rest[1].literal() {
				j.dark[rest[1].s] = true
				j.hold(rest[1].s, of(rest[2:]))
			}
			rest = rest[min(2, len(rest)):]
		}
		if len(rest) > 0 && rest[0].s == "--" {
			rest = rest[1:]
		}
		if len(rest) > 0 && rest[0].by != nil && !rest[0].by.own {
			j.refuse(rest[0].by, "stands in printf's format, where % and \\ have a meaning", `write printf '%s\n' "$X"`)
		}
	case "set":
		j.hold("@", of(rest))
	case "unset":
		j.named(rest, name)
	case "wait":
		j.spread(rest, name)
		for i, a := range rest {
			if strings.HasPrefix(a.s, "-p") || i > 0 && rest[i-1].s == "-p" {
				j.named([]arg{a}, name)
			}
		}
	case "test", "[":
		j.spread(rest, name)
		for i, a := range rest {
			if i > 0 && a.by != nil && (rest[i-1].by != nil || rest[i-1].s == "-v" || rest[i-1].s == "-R") {
				j.named([]arg{a}, name)
			}
		}
	case "cd", "pushd":
		j.goTo(rest)
	case "systemctl":
		if i := slices.IndexFunc(rest, func(a arg) bool { return !strings.HasPrefix(a.s, "-") }); i >= 0 && (rest[i].s == "link" || rest[i].s == "edit" || rest[i].s == "set-environment" || rest[i].s == "import-environment") {
			for _, a := range from(rest, i+1) {
				if strings.HasPrefix(a.s, value) {
					j.program(a.by, name+" "+rest[i].s)
				}
			}
		}
		for _, a := range rest {
			if a.literal() && !strings.HasPrefix(a.s, "-") {
				break
			}
			j.spread([]arg{a}, name) // it would say what to do
		}
		j.settings(rest)
	case "curl":
		j.spread(rest, name) // which can write files
	case "read", "mapfile", "readarray", "getopts":
		if name == "mapfile" || name == "readarray" {
			j.hold("MAPFILE", in)
		}
		if name == "getopts" {
			from := of(rest)
			if len(rest) < 3 {
				from = j.vars["@"]
			}
			j.hold("OPTARG", from)
		}
		asked := false
		for i, a := range rest {
			if name == "getopts" && i > 1 {
				break // what it goes through
			}
			option := i > 0 && rest[i-1].literal() && strings.HasPrefix(rest[i-1].s, "-")
			if prompt := name == "read" && (option && strings.HasSuffix(rest[i-1].s, "p") || strings.HasPrefix(a.s, "-p")); !prompt || a.many {
				j.named([]arg{a}, name)
			} else {
				asked = asked || a.by != nil
			}
		}
		if in == nil && !asked {
			in = of(rest)
		}
		for _, a := range rest {
			if a.literal() && !strings.HasPrefix(a.s, "-") {
				j.dark[a.s] = true
				j.hold(a.s, in)
			}
		}
		j.dark["REPLY"] = true
		j.hold("REPLY", in)
	case "tee":
		for _, a := range rest {
			if !strings.HasPrefix(a.s, "-") {
				j.write(a, in)
			}
		}
	case "useradd", "usermod", "uniq", "xxd", "shuf":
		j.spread(rest, name)
	case "cp", "mv", "ln":
		j.spread(rest, name) // -t puts them elsewhere
		for i, a := range rest {
			if to := rest[len(rest)-1]; i < len(rest)-1 && strings.HasPrefix(a.s, value) && to.literal() {
				j.write(to, a.by) // a file of the caller's choice
			} else if i == len(rest)-1 && a.by != nil && startup.MatchString(a.s) {
				j.write(a, a.by)
			}
		}
		for _, a := range rest {
			if by := j.written(a); by != nil && !strings.HasPrefix(a.s, "-") {
				for _, b := range rest {
					j.write(b, by)
				}
			}
		}
	case "dd":
		j.spread(rest, name)
		from := in
		for _, a := range rest {
			if strings.HasPrefix(a.s, "if="+value) {
				from = either(from, a.by)
			}
		}
		for _, a := range rest {
			if f, ok := strings.CutPrefix(a.s, "of="); ok {
				j.write(arg{s: f}, from)
			}
		}
	}
}

// goTo notes whether a value says where the commands that follow run.
func (j *judge) goTo(rest []arg) {
	if !slices.ContainsFunc(rest, func(a arg) bool {
		return a.literal() && !strings.HasPrefix(a.s, "/") && !strings.HasPrefix(a.s, "~") && a.s != "-"
	}) {
		j.place = nil // otherwise it goes on from there
	}
	for _, a := range rest {
		if strings.HasPrefix(a.s, value) {
			j.place = a.by
		}
	}
}

// settings refuses a value in an argument that sets a variable of the environment
// which decides what later commands are.
func (j *judge) settings(rest []arg) {
	for _, a := range rest {
		name, to, ok := strings.Cut(a.s, "=")
		name = strings.TrimPrefix(strings.TrimPrefix(name, "-e"), "-E")
		if strings.HasPrefix(name, "--") {
			name, to, ok = strings.Cut(to, "=")
		}
		if ok && a.by != nil && name != "ENV" && setsSpecial(name, to) {
			j.refuse(a.by, "is put into "+name+", which decides what later commands are", "")
		}
	}
}

// other is any command that nothing is known of.
func (j *judge) other(name string, rest []arg, in *taint) *taint {
	j.settings(rest)
	if name == "ip" || name == "tc" {
		for i, a := range rest {
			if i > 0 && strings.HasPrefix(rest[i-1].s, "-b") {
				j.program(a.by, name+" "+rest[i-1].s)
			}
		}
	}
	if i := slices.IndexFunc(rest, func(a arg) bool { return !strings.HasPrefix(a.s, "-") }); i >= 0 && rest[i].s == "run" && runners[name] {
		for i++; i < len(rest) && rest[i].by == nil && strings.HasPrefix(rest[i].s, "-"); i++ {
			if name != "go" && (len(rest[i].s) == 2 && rest[i].s != "-q" && rest[i].s != "-v" || runTakes[rest[i].s]) {
				i++
			}
		}
		if i < len(rest) && name == "go" {
			j.program(rest[i].by, "go run")
		} else if i < len(rest) {
			return j.run(rest[i:], in) // #nosec G602 -- the length was looked at before
		}
	}
	for i, a := range rest {
		after := rest[min(i+1, len(rest)):] // #nosec G602 -- the length was looked at before
		if a.literal() && (in != nil || of(after) != nil) {
			switch {
			case takesProgram(base(a.s)) && !words[base(a.s)]:
				return j.run(from(rest, i), in) // as it may run it
			case runsNext[a.s]:
				return j.runNext(name, after, in)
			case readsNext[a.s] && of(after) != nil && !slices.ContainsFunc(rest[:i], func(a arg) bool { return !strings.HasPrefix(a.s, "-") }): // #nosec G602 -- the length was looked at before
				j.program(of(after), name+" "+a.s)
				return nil
			}
		}
		if a.by == nil {
			continue
		}
		before := ""
		if i > 0 && rest[i-1].literal() {
			before = rest[i-1].s
		}
		opt, _, joined := strings.Cut(a.s, "=")
		if joined && programOption(opt) || programOption(before) {
			j.program(a.by, name)
		} else if (joined && proseOption(opt) || proseOption(before)) && !strings.ContainsAny(a.s, "`$(){}|&;<>\\\"'") {
			continue
		} else if !a.by.own && a.looksLikeProgram() {
			j.refuse(a.by, "stands among text that looks like a program, in an argument of "+name, `hand it over as an argument of its own, "$X", or read it in a script step`)
		}
	}
	return nil
}

// programOption says whether an option's name says that it takes a program.
func programOption(opt string) bool {
	name := strings.TrimLeft(opt, "-")
	if len(name) < 3 || name == opt || strings.Contains(name, "=") {
		return false
	}
	last := name[strings.LastIndexByte(name, '-')+1:]
	return saysProgram[name] || endsProgram[last]
}

// proseOption says whether an option's name says that people read what it takes.
func proseOption(opt string) bool {
	return strings.HasPrefix(opt, "--") && saysProse[opt[2:]]
}

var (
	endsProgram = set("exec execute eval command cmd commands hook script toolexec wrapper")
	saysProse   = set("message msg subject title comment description reason summary note annotation")
	// words are names of programs that are more often something else where they
	// are an argument: rabbitmqadmin declare, aws batch, svcadm enable.
	words = set("let trap alias hash bind complete compgen enable declare typeset at batch ex view less more most man info watch script cap knife bolt dc wish sem screen red convert identify fab puppet salt")
	// runsNext are arguments after which there is a container or a machine and then
	// a command, readsNext those after which there is a program.
	runsNext   = set("exec rsh run-command")
	runners    = set("go uv pipx poetry pipenv pdm hatch conda mamba micromamba rye nix")
	runTakes   = set("--name --with --python --project --directory --prefix --cwd --env-file --group --extra --package")
	readsNext  = set("qemu-agent-command eval runner shell tinker php-eval cmd.run command-exec")
	containers = set("docker podman nerdctl docker-compose podman-compose lxc incus crictl ctr buildah machinectl")
)

// runNext judges what follows an argument such as exec: options, what the command
// runs in, and the command.
func (j *judge) runNext(name string, rest []arg, in *taint) *taint {
	if i := slices.IndexFunc(rest, func(a arg) bool { return a.literal() && a.s == "--" }); i >= 0 {
		j.spread(rest[:i], name)     // #nosec G602 -- the length was looked at before
		return j.run(rest[i+1:], in) // #nosec G602 -- the length was looked at before
	}
	i := 0
	for ; i < len(rest) && strings.HasPrefix(rest[i].s, "-"); i++ {
		if a := rest[i].s; len(a) == 2 && strings.ContainsAny(a[1:], "euwcn") || a == "--env" || a == "--user" || a == "--workdir" || a == "--env-file" || a == "--container" || a == "--namespace" {
			i++
		}
	}
	i = min(i, len(rest))
	j.spread(rest[:i], name) // #nosec G602 -- the length was looked at before
	if name == "consul" {
		j.program(of(rest), name+" exec")
	}
	if i+1 >= len(rest) {
		return either(of(rest), in)
	}
	j.spread(rest[i:i+1], name) // #nosec G602 -- the length was looked at before
	if rest[i].literal() && takesProgram(base(rest[i].s)) {
		return j.run(rest[i:], in) // #nosec G602 -- the length was looked at before
	}
	return j.run(rest[i+1:], in) // #nosec G602 -- the length was looked at before
}

// spreadBefore refuses several arguments of one value before it is said what
// kubectl shall do, and where that is to run something.
func (j *judge) spreadBefore(name string, rest []arg) {
	for _, a := range rest {
		if a.literal() && quietIn[a.s] {
			return
		}
		if a.literal() && a.s == "--" {
			return
		}
		j.spread([]arg{a}, name)
	}
}

var quietIn = set("get describe logs delete rollout scale annotate label top wait cordon uncordon drain taint set restart stop start rm rmi kill pull push inspect ps images tag pause unpause port stats project")

func (j *judge) redis(name string, rest []arg, in *taint) {
	for i := 0; i < len(rest); i++ {
		a := rest[i]
		if !strings.HasPrefix(a.s, "-") {
			if a.by != nil || strings.EqualFold(a.s, "eval") {
				j.program(of(rest[i:]), name) // #nosec G602 -- the length was looked at before
			}
			j.spread(rest[:i], name) // #nosec G602 -- the length was looked at before
			break
		}
		if a.s == "--eval" || a.by != nil && strings.HasPrefix(a.s, "-"+value) {
			j.program(of(rest[i:]), name) // #nosec G602 -- the length was looked at before
		}
		if len(a.s) == 2 && strings.ContainsAny(a.s[1:], "hpsanurid") || a.s == "--user" || a.s == "--pass" || a.s == "--pattern" {
			i++
		}
	}
	if in != nil && !slices.ContainsFunc(rest, func(a arg) bool { return a.s == "-x" }) {
		j.fedTo(in, name)
	}
}

func takesProgram(name string) bool {
	name = version.ReplaceAllString(name, "$1")
	return slices.Contains(shellNames, name) || interpreters[name] != "" || programs[name] || databases[name] != "" || name == "sqlite3" || strings.HasSuffix(name, "awk") || name == "sed" || name == "xargs" || name == "env" || name == "sudo"
}

// shell reads `sh [options] [-c program | file] arguments`.
func (j *judge) shell(name string, rest []arg, in *taint) *taint {
	if name == "pwsh" || name == "powershell" {
		return j.powershell(name, rest, in)
	}
	i, inline, fromInput := 0, false, false
	for ; i < len(rest); i++ {
		a := rest[i]
		if a.by != nil || !strings.HasPrefix(a.s, "-") && !strings.HasPrefix(a.s, "+") || a.s == "-" {
			break
		}
		if a.s == "--" {
			i++
			break
		}
		if strings.HasPrefix(a.s, "--") {
			if a.s == "--rcfile" || a.s == "--init-file" {
				if i++; i < len(rest) {
					j.started(rest[i], name)
				}
			}
			continue
		}
		if strings.Contains(a.s, "c") {
			inline = true
		}
		if strings.Contains(a.s, "s") {
			fromInput = true
		}
		if strings.HasSuffix(a.s, "o") || strings.HasSuffix(a.s, "O") {
			i++
		}
	}
	i = min(i, len(rest))
	args := rest[i:] // #nosec G602 -- the length was looked at before
	out := either(of(rest), in)
	j.program(of(rest[:i]), name) // #nosec G602 -- the length was looked at before
	switch {
	case inline:
		if len(args) == 0 {
			return out
		}
		if args[0].by != nil {
			j.program(args[0].by, name)
			return out
		}
		if slices.Contains(otherShells, name) && (of(args[1:]) != nil || in != nil) {
			j.program(either(of(args[1:]), in), name)
			return out
		}
		j.nested(name, args[0], args[1:], in)
	case fromInput || len(args) == 0 || args[0].s == "-":
		if in != nil {
			j.fedTo(in, name)
		}
	case args[0].by != nil: // #nosec G602 -- the length was looked at before
		j.program(args[0].by, name) // #nosec G602 -- the length was looked at before
	default:
		j.started(args[0], name) // #nosec G602 -- the length was looked at before
		if isInput(args[0].s) {  // #nosec G602 -- the length was looked at before
			j.fedTo(in, name)
		}
		j.other(base(args[0].s), args[1:], in) // #nosec G602 -- the length was looked at before
	}
	return out
}

// otherShells have a language of their own.
var otherShells = strings.Fields("tcsh csh fish nu xonsh elvish")

// powershell puts what follows -Command together and reads it as a program. Only
// what follows a file are arguments.
func (j *judge) powershell(name string, rest []arg, in *taint) *taint {
	for i := 0; i < len(rest); i++ {
		opt := strings.ToLower(strings.TrimLeft(rest[i].s, "-/"))
		switch {
		case rest[i].by != nil, rest[i].s != "" && !strings.HasPrefix(rest[i].s, "-") && name == "powershell", opt == "-":
			i = len(rest)
		case strings.HasPrefix(rest[i].s, "-") && opt != "" && strings.HasPrefix("file", opt), !strings.HasPrefix(rest[i].s, "-"):
			if strings.HasPrefix(rest[i].s, "-") {
				i++
			}
			if i < len(rest) && rest[i].literal() && !isInput(rest[i].s) {
				j.started(rest[i], name)
				j.other(name, rest[i+1:], in) // #nosec G602 -- the length was looked at before
				return either(of(rest), in)
			}
			i = len(rest)
		case opt != "" && (strings.HasPrefix("command", opt) || strings.HasPrefix(opt, "commandw") || strings.HasPrefix("encodedcommand", opt)):
			i = len(rest)
		case opt != "" && slices.ContainsFunc(psTakes, func(long string) bool { return strings.HasPrefix(long, opt) }):
			i++
		}
	}
	j.program(of(rest), name)
	if in != nil {
		j.fedTo(in, name)
	}
	return either(of(rest), in)
}

// psTakes are options of PowerShell that have an argument.
var psTakes = strings.Fields("executionpolicy inputformat outputformat windowstyle version workingdirectory configurationname configurationfile custompipename settingsfile psconsolefile")

// nested judges a program that is written out in the text for another shell.
func (j *judge) nested(name string, prog arg, args []arg, in *taint) {
	if of(args) == nil && in == nil && len(j.env)+len(j.vars) == 0 {
		return
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(strings.ReplaceAll(prog.s, unknown, string(tameMark))), "")
	if err != nil {
		j.program(either(of(args), in), name)
		return
	}
	was := j.vars["@"]
	j.vars["@"] = of(args)
	if j.quiet {
		j.stmts(file.Stmts, in)
	} else {
		grew := j.grew
		j.settle(file.Stmts, in)
		j.grew = grew
	}
	j.vars["@"] = was
}

func (j *judge) interpreter(name string, rest []arg, in *taint) {
	letters := interpreters[name]
	for i := 0; i < len(rest); i++ {
		a := rest[i]
		if a.by != nil {
			if name == "java" && strings.HasPrefix(a.s, "-D") && !a.looksLikeProgram() {
				j.spread(rest[i:i+1], name) // #nosec G602 -- the length was looked at before
				continue
			}
			j.program(a.by, name)
			return
		}
		if !strings.HasPrefix(a.s, "-") || a.s == "-" {
			if isInput(a.s) {
				j.fedTo(in, name)
			} else {
				j.started(a, name)
			}
			j.other(name, rest[i+1:], in) // #nosec G602 -- the length was looked at before
			return
		}
		if name == "java" {
			if a.s == "-cp" || a.s == "-classpath" || a.s == "--class-path" {
				if i++; i < len(rest) && (strings.HasPrefix(rest[i].s, value) || rest[i].many) {
					j.program(rest[i].by, name)
				}
			}
			continue
		}
		if a.s == "-m" && strings.HasPrefix(name, "py") {
			j.program(of(rest[i:min(i+2, len(rest))]), name) // #nosec G602 -- the length was looked at before
			j.other(name, rest[min(i+2, len(rest)):], nil)   // #nosec G602 -- the length was looked at before
			return
		}
		long := strings.HasPrefix(a.s, "--")
		if long && saysProgram[strings.TrimLeft(strings.SplitN(a.s, "=", 2)[0], "-")] || long && a.s == "--print" || !long && strings.ContainsAny(a.s[1:], letters) {
			// The program is written out. What follows is its arguments, unless it
			// opens them as files, where Perl and Ruby start what ends in a bar.
			after := rest[min(i+2, len(rest)):] // #nosec G602 -- the length was looked at before
			opens := (name == "perl" || name == "ruby") && slices.ContainsFunc(rest, func(a arg) bool {
				return strings.HasPrefix(a.s, "-") && !strings.HasPrefix(a.s, "--") && strings.ContainsAny(a.s, "np")
			})
			prog := of(rest[:min(i+2, len(rest))]) // #nosec G602 -- the length was looked at before
			if prog != nil {
				j.program(prog, name)
			}
			if by := of(after); by != nil && (opens || !by.own) {
				j.program(by, name)
			}
			return
		}
		if !long && strings.HasPrefix(name, "py") && strings.ContainsAny(a.s[len(a.s)-1:], "WXQ") {
			i++
		}
	}
	if in != nil && name != "java" {
		j.fedTo(in, name)
	}
}

func (j *judge) database(name string, rest []arg, in *taint) {
	letters := databases[name]
	j.spread(rest, name)
	j.readsMore(rest, name)
	for i, a := range rest {
		if a.literal() && (i > 0 && (rest[i-1].s == "-f" || rest[i-1].s == "--file" || rest[i-1].s == "-init") || strings.HasPrefix(a.s, "--file=")) {
			j.started(a, name)
		}
		if a.by == nil {
			continue
		}
		before := ""
		if i > 0 && rest[i-1].literal() {
			before = rest[i-1].s
		}
		short := len(before) == 2 && before[0] == '-' && strings.ContainsRune(letters, rune(before[1]))
		opt, _, _ := strings.Cut(a.s, "=")
		long := slices.Contains([]string{"--host", "--user", "--username", "--port", "--database", "--dbname", "--password", "--set", "--variable", "--defaults-group-suffix", "--socket"}, opt)
		attached := len(a.s) > 2 && a.s[0] == '-' && (strings.ContainsRune(letters, rune(a.s[1])) || a.s[1] == 'p' && letters != "") && strings.HasPrefix(a.s[2:], value)
		file := letters == "" && (i == 0 || strings.HasPrefix(before, "-")) && strings.Contains(strings.SplitN(a.s, value, 2)[0], "/") && !strings.HasPrefix(a.s, "-") && !a.looksLikeProgram()
		// The name of a database, which something is before.
		named := letters != "" && !strings.HasPrefix(before, "-") && !a.looksLikeProgram() && !strings.HasPrefix(a.s, "-") && !strings.HasPrefix(a.s, value) && !strings.Contains(a.s, "=")
		if !(short || long || attached || file || named) {
			j.program(a.by, name)
		}
	}
	if in != nil {
		j.fedTo(in, name)
	}
}

func (j *judge) awk(name string, rest []arg, in *taint) {
	prog, fromFile, data := arg{}, false, in
	i := 0
	for ; i < len(rest); i++ {
		a := rest[i]
		j.spread(rest[i:i+1], name) // #nosec G602 -- the length was looked at before
		takes := func() arg {       // the option's argument
			if len(a.s) > 2 {
				return arg{s: a.s[2:], by: a.by}
			}
			if i++; i < len(rest) {
				j.spread(rest[i:i+1], name) // #nosec G602 -- the length was looked at before
				return rest[i]
			}
			return arg{}
		}
		if a.s == "--" {
			i++
			break
		}
		if !strings.HasPrefix(a.s, "-") || a.s == "-" {
			break
		}
		switch {
		case strings.HasPrefix(a.s, "-v"):
			v := takes()
			if strings.Contains(strings.SplitN(v.s, "=", 2)[0], value) {
				j.program(v.by, name)
			}
			data = either(data, v.by)
		case strings.HasPrefix(a.s, "--assign="):
			data = either(data, a.by)
		case strings.HasPrefix(a.s, "-F"):
			takes()
		case strings.HasPrefix(a.s, "-f"):
			f := takes()
			j.program(f.by, name)
			j.started(f, name)
			if isInput(f.s) {
				j.fedTo(in, name)
			}
			fromFile = true
		default:
			if !a.literal() || strings.ContainsAny(a.s, "eliE") {
				j.program(either(a.by, of(rest)), name)
			}
		}
	}
	if !fromFile && i < len(rest) {
		prog = rest[i]
		i++
	}
	if prog.by != nil {
		j.program(prog.by, name)
		return
	}
	data = either(data, of(rest[min(i, len(rest)):]))
	if strings.Contains(prog.s, "ENVIRON") {
		data = either(data, j.environment())
	}
	if data != nil {
		runs := j.awkRuns(strings.ReplaceAll(prog.s, unknown, ""), data)
		if runs || !data.own && strings.Contains(prog.s, unknown) {
			j.refuse(data, "is given to an awk program that may run commands (system, a pipe or getline)", "")
		}
	}
}

func (j *judge) sed(name string, rest []arg, in *taint) {
	var scripts []string
	given, only := false, false
	var operands []arg
	for i := 0; i < len(rest); i++ {
		a := rest[i]
		switch {
		case only:
			operands = append(operands, a)
		case a.s == "--":
			only = true
		case strings.HasPrefix(a.s, "--expression=") || strings.HasPrefix(a.s, "--file="):
			given = true
			j.program(a.by, name)
			scripts = append(scripts, a.s)
		case strings.HasPrefix(a.s, "-") && a.by == nil && len(a.s) > 1 && strings.ContainsAny(a.s[len(a.s)-1:], "ef") && !strings.HasPrefix(a.s, "-i"):
			given = true
			if i++; i < len(rest) {
				j.program(rest[i].by, name)
				scripts = append(scripts, rest[i].s)
				if strings.HasSuffix(a.s, "f") {
					j.started(rest[i], name)
					if isInput(rest[i].s) {
						j.fedTo(in, name)
					}
				}
			}
		case strings.HasPrefix(a.s, "-") && len(a.s) > 1:
			if a.by != nil {
				j.program(a.by, name)
			}
			if a.s == "-l" {
				i++
			}
			if strings.HasPrefix(a.s, "-e") {
				given = true
				scripts = append(scripts, a.s[2:])
			}
		default:
			operands = append(operands, a)
		}
	}
	if !given && len(operands) > 0 {
		j.program(operands[0].by, name)
		scripts, operands = append(scripts, operands[0].s), operands[1:]
	}
	for _, a := range operands {
		if !only && strings.HasPrefix(a.s, value) {
			j.refuse(a.by, "begins an argument of "+name+", where it could be an option that runs a program", `put -- before it`)
		} else if a.by != nil && !a.by.own && a.looksLikeProgram() {
			j.program(a.by, name)
		}
	}
	if !only {
		j.spread(operands, name)
	}
	for _, a := range operands {
		in = either(in, j.written(a))
	}
	if by := either(in, of(operands)); by != nil && sedRuns(strings.Join(scripts, "\n")) && !by.own {
		j.refuse(by, "is given to a sed script that may run commands (e)", "")
	}
}

func (j *judge) jq(name string, rest []arg) {
	filter := false
	for i := 0; i < len(rest); i++ {
		a := rest[i]
		if !filter {
			j.spread(rest[i:min(i+3, len(rest))], name) // #nosec G602 -- the length was looked at before
		}
		switch a.s {
		case "--arg", "--argjson", "--slurpfile", "--rawfile":
			if i+1 < len(rest) {
				j.program(rest[i+1].by, name)
			}
			i += 2
			continue
		case "--args", "--jsonargs":
			continue
		case "--indent", "--tab", "-L":
			i++
			continue
		}
		if a.by == nil && strings.HasPrefix(a.s, "-") {
			continue
		}
		if name == "yq" && !filter && a.literal() && (a.s == "e" || a.s == "ea" || a.s == "eval" || a.s == "eval-all") {
			continue
		}
		if !filter {
			filter = true
			j.program(a.by, name)
		}
	}
}

func (j *judge) find(rest []arg) {
	var paths *taint
	wholes := 0
	j.spread(rest, "find")
	for i := 0; i < len(rest); i++ {
		a := rest[i]
		switch a.s {
		case "-exec", "-execdir", "-ok", "-okdir":
			end := i + 1
			for end < len(rest) && rest[end].s != ";" && (rest[end].s != "+" || rest[end-1].s != "{}") {
				end++
			}
			if i+1 < end && strings.Contains(rest[i+1].s, "{}") {
				j.started(arg{s: "*"}, "find") // what lies there
			}
			cmd := slices.Clone(rest[i+1 : end]) // #nosec G602 -- the length was looked at before
			for k := range cmd {
				if paths != nil && cmd[k].by == nil && strings.Contains(cmd[k].s, "{}") {
					cmd[k] = arg{s: strings.ReplaceAll(cmd[k].s, "{}", "/"+value), by: paths}
				}
			}
			j.run(cmd, nil)
			i = end
			continue
		}
		if a.by == nil {
			continue
		}
		paths = either(paths, a.by)
		if strings.HasPrefix(a.s, value) && (i == 0 || !strings.HasPrefix(rest[i-1].s, "-")) {
			if wholes++; wholes > 1 && !a.by.own {
				j.refuse(a.by, "begins an argument of find, where several could be its -exec", "put ./ before it")
			}
		}
	}
}

func (j *judge) xargs(rest []arg, in *taint) {
	mark := ""
	i, one := 0, false
	for ; i < len(rest); i++ {
		a := rest[i]
		if a.s == "--" {
			i++
			break
		}
		if !strings.HasPrefix(a.s, "-") {
			break
		}
		one = one || a.s == "-n1" || a.s == "--max-args=1" || a.s == "-n" && i+1 < len(rest) && rest[i+1].s == "1"
		switch {
		case a.s == "-I" || a.s == "-J":
			if i++; i < len(rest) {
				mark = rest[i].s
			}
		case strings.HasPrefix(a.s, "-I"):
			mark = a.s[2:]
		case a.s == "-i" || a.s == "--replace":
			mark = "{}"
		case strings.HasPrefix(a.s, "--replace="):
			mark = a.s[len("--replace="):]
		case len(a.s) == 2 && strings.ContainsAny(a.s[1:], "adELnPs"):
			if i++; a.s == "-a" && i < len(rest) {
				in = either(in, either(rest[i].by, j.written(rest[i])))
			}
		}
	}
	i = min(i, len(rest))
	j.spread(rest[:i], "xargs")   // #nosec G602 -- the length was looked at before
	cmd := slices.Clone(rest[i:]) // #nosec G602 -- the length was looked at before
	if len(cmd) == 0 {
		return
	}
	if in != nil {
		if mark == "" {
			cmd = append(cmd, arg{s: value, by: in, many: !one})
		}
		for k := range cmd {
			if mark != "" && strings.Contains(cmd[k].s, mark) {
				cmd[k] = arg{s: strings.ReplaceAll(cmd[k].s, mark, value), by: either(cmd[k].by, in)}
			}
		}
	}
	j.run(cmd, nil)
}

// wrapper finds the command that follows.
func (j *judge) wrapper(name, letters string, skip int, rest []arg, in *taint) *taint {
	out := either(of(rest), in)
	i := 0
	for ; i < len(rest); i++ {
		a := rest[i]
		if a.s == "--" {
			i++
			break
		}
		if (name == "env" || name == "sudo" || name == "doas") && assignment.MatchString(a.s) {
			if v, _, _ := strings.Cut(a.s, "="); a.by != nil && (setsSpecial(v, a.s[len(v)+1:]) || strings.Contains(v, value)) {
				j.refuse(a.by, "is put into "+strings.ReplaceAll(v, value, "…")+", which decides what later commands are", "")
			}
			continue
		}
		if !strings.HasPrefix(a.s, "-") || a.s == "-" {
			break
		}
		long := strings.HasPrefix(a.s, "--")
		switch a.s {
		case "-C", "-D", "--chdir":
			if i+1 < len(rest) && strings.HasPrefix(rest[i+1].s, value) {
				was := j.place
				j.place = rest[i+1].by
				defer func() { j.place = was }()
			}
		}
		if name == "systemd-run" {
			for n, a := range from(rest, i) {
				if n == 2 {
					break
				}
				if p := strings.TrimPrefix(strings.TrimPrefix(a.s, "--property="), "-p"); a.by != nil && (strings.HasPrefix(p, "Exec") || strings.HasPrefix(p, "Environment") || strings.HasPrefix(p, value) && p != a.s) {
					j.program(a.by, name)
				}
			}
			j.settings(rest[i:min(i+2, len(rest))]) // #nosec G602 -- the length was looked at before
		}
		switch {
		case name == "env" && (strings.HasPrefix(a.s, "-S") || strings.HasPrefix(a.s, "--split-string")), name == "flock" && (a.s == "-c" || a.s == "--command"):
			j.program(of(rest[i:]), name) // #nosec G602 -- the length was looked at before
			return out
		case (name == "command") && (a.s == "-v" || a.s == "-V"):
			return out
		case name == "sudo" && (a.s == "-e" || a.s == "--edit" || a.s == "-s" || a.s == "-i" || a.s == "--login" || a.s == "--shell"):
			// sudo escapes what it hands to the login shell, but not letters of its own.
			if a.s == "-e" || a.s == "--edit" {
				j.program(of(rest[i:]), name) // #nosec G602 -- the length was looked at before
				return out
			}
		case (name == "strace" || name == "ltrace") && (strings.HasPrefix(a.s, "-o") || strings.HasPrefix(a.s, "--output")):
			// A file, or a command behind a bar.
			file := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(a.s, "--output"), "="), "-o")
			by := a.by
			if file == "" {
				if i++; i < len(rest) {
					file, by = rest[i].s, rest[i].by
				}
			}
			if by != nil && strings.ContainsAny(file[:1], value+"|!") {
				j.program(by, name)
			}
		case long && !strings.Contains(a.s, "=") && longTakes[a.s[2:]], !long && len(a.s) > 1 && strings.ContainsAny(a.s[len(a.s)-1:], letters):
			i++
		}
	}
	if name == "runuser" && !slices.ContainsFunc(rest, func(a arg) bool { return a.s == "-u" || strings.HasPrefix(a.s, "--user") }) {
		j.program(of(rest), name)
		return out
	}
	for ; skip > 0 && i < len(rest); skip-- {
		if name == "chroot" && strings.HasPrefix(rest[i].s, value) {
			j.program(rest[i].by, name)
		}
		i++
	}
	j.spread(rest[:min(i, len(rest))], name) // #nosec G602 -- the length was looked at before
	for i < len(rest) && name == "flock" && (rest[i].s == "-c" || rest[i].s == "--command") {
		j.program(of(rest[i:]), name) // #nosec G602 -- the length was looked at before
		return out
	}
	if i >= len(rest) {
		if (name == "sudo" || name == "doas" || name == "chroot" || name == "nsenter" || name == "unshare") && in != nil {
			j.fedTo(in, name) // a shell
		}
		if name == "env" {
			out = either(out, j.environment())
		}
		return out
	}
	return j.run(rest[i:], in) // #nosec G602 -- the length was looked at before
}

var (
	assignment = regexp.MustCompile(`^[A-Za-z_\x01\x02][A-Za-z0-9_\x01\x02]*=`)
	longTakes  = set("user group host prompt adjustment signal kill-after chdir unset timeout wait class classdata uid gid property setenv unit slice description working-directory target output format reuid regid groups who what why mode")
)

// armed judges a command that has options which start a program.
func (j *judge) armed(name, letters, names, takes string, rest []arg) {
	long := strings.Fields(names)
	is := func(opt string) bool { // may be shortened
		opt = strings.TrimLeft(opt, "-")
		return opt != "" && slices.ContainsFunc(long, func(n string) bool { return strings.HasPrefix(n, opt) })
	}
	ended := false
	for i, a := range rest {
		if a.s == "--" {
			ended = true
		}
		if i == 0 && a.literal() && quietOf[name][a.s] {
			j.other(name, rest, nil)
			return
		}
		if a.by == nil {
			continue
		}
		if !ended {
			j.spread(rest[i:i+1], name) // #nosec G602 -- the length was looked at before
		}
		before := ""
		if i > 0 && rest[i-1].literal() {
			before = rest[i-1].s
			if name == "tar" && i == 1 && before != "" && !strings.HasPrefix(before, "-") {
				before = "-" + before // tar xf FILE
			}
		}
		last := ""
		if strings.HasPrefix(before, "-") && !strings.HasPrefix(before, "--") && len(before) > 1 {
			last = before[len(before)-1:]
		}
		opt, _, hasValue := strings.Cut(a.s, "=")
		cluster := ""
		if strings.HasPrefix(a.s, "-") && !strings.HasPrefix(a.s, "--") {
			cluster = strings.SplitN(a.s[1:], value, 2)[0]
		}
		prose := last == "s" && (name == "mail" || name == "mailx" || name == "mutt") || last == "m" && (name == "svn" || name == "hg")
		switch {
		case prose:
		case ended && !strings.HasPrefix(a.s, value) || ended && name != "mail" && name != "mailx":
			if !a.by.own && a.looksLikeProgram() {
				j.program(a.by, name)
			}
		case last != "" && strings.Contains(letters, last), strings.HasPrefix(before, "--") && !strings.Contains(before, "=") && is(before), before != "" && strings.HasPrefix(before, "-") && len(before) > 2 && is(before),
			cluster != "" && strings.ContainsAny(cluster, letters) && letters != "", strings.HasPrefix(a.s, "-") && hasValue && is(opt), strings.HasPrefix(a.s, "-"+value), strings.HasPrefix(a.s, "--"+value):
			j.program(a.by, name)
		case strings.HasPrefix(a.s, value):
			if last != "" && strings.Contains(takes, last) || strings.HasPrefix(before, "--") && takesNext[before[2:]] || name == "openssl" && opensslTakes[before] {
				break
			}
			if (name == "nc" || name == "netcat") && slices.ContainsFunc(rest, func(a arg) bool {
				return a.literal() && strings.HasPrefix(a.s, "-") && strings.Contains(a.s, "z")
			}) {
				break // without the host nothing is reached
			}
			j.refuse(a.by, "begins an argument of "+name+", where it could be an option that runs a program", `put -- or ./ before it`)
		case !a.by.own && a.looksLikeProgram():
			j.program(a.by, name)
		}
	}
}

// quietOf are what some of these are told to do in which no option runs anything.
var quietOf = map[string]map[string]bool{"helm": set("rollback status uninstall delete history get list ls test")}

// opensslTakes are options of openssl that are followed by an address or a file.
var opensslTakes = set("-connect -servername -host -port -in -out -CAfile -CApath -cert -key -verify_hostname -starttls -subj -days -checkend")

// takesNext are long options that are followed by their argument.
var takesNext = set("branch depth namespace env version set values kube-context file directory tag exclude timeout user host port name region profile origin")

var gitQuiet = set("checkout switch tag add commit log show branch reset status rev-parse describe stash rm mv cat-file merge cherry-pick revert diff restore")
var gitReads = set("config bisect submodule filter-branch difftool mergetool rebase daemon upload-pack receive-pack instaweb send-email am apply")

func (j *judge) git(rest []arg) {
	i := 0
	for ; i < len(rest) && strings.HasPrefix(rest[i].s, "-"); i++ {
		if rest[i].by != nil {
			j.program(rest[i].by, "git")
		}
		if rest[i].s == "-c" && i+1 < len(rest) {
			j.program(rest[i+1].by, "git -c")
		}
		if i+1 < len(rest) {
			j.spread(rest[i+1:i+2], "git") // #nosec G602 -- the length was looked at before
		}
		if rest[i].s == "-c" || rest[i].s == "-C" || rest[i].s == "--git-dir" || rest[i].s == "--work-tree" || rest[i].s == "--namespace" {
			i++
		}
	}
	if i >= len(rest) {
		return
	}
	sub := rest[i]
	rest = rest[i+1:] // #nosec G602 -- the length was looked at before
	switch {
	case sub.by != nil:
		j.program(sub.by, "git")
	case gitQuiet[sub.s]:
		for k, a := range rest {
			message := k > 0 && (rest[k-1].s == "-m" || rest[k-1].s == "-am" || rest[k-1].s == "--message") || strings.HasPrefix(a.s, "--message=")
			if a.by != nil && !a.by.own && !message && a.looksLikeProgram() {
				j.other("git", []arg{a}, nil)
			}
		}
	case gitReads[sub.s]:
		j.program(of(rest), "git "+sub.s)
	default:
		for _, a := range rest {
			if sub.s == "clone" && a.by != nil && hostOpen.MatchString(a.s) {
				j.place = either(j.place, a.by) // what lies there is of the caller's choice
			}
		}
		j.armed("git", "cxuO", "exec upload-pack receive-pack config template open-files-in-pager extcmd", "bojmo", rest)
	}
}

// remote: what stands behind a colon is read by the shell of another machine.
func (j *judge) remote(name string, rest []arg, in *taint) {
	j.spread(rest, name)
	if name == "sftp" && in != nil {
		j.fedTo(in, name) // !command
	}
	for i, a := range rest {
		if a.by == nil {
			if name == "sftp" && i > 0 && rest[i-1].s == "-b" {
				j.started(a, name)
			}
			continue
		}
		if name == "sftp" && i > 0 && rest[i-1].s == "-b" {
			j.program(a.by, name)
			continue
		}
		before := strings.SplitN(a.s, value, 2)[0]
		opt, _, hasValue := strings.Cut(before, "=")
		switch {
		case i > 0 && slices.Contains([]string{"-P", "-p", "-i", "-l", "--exclude", "--include", "--bwlimit", "--timeout"}, rest[i-1].s):
		case strings.HasPrefix(before, "--") && hasValue && !strings.HasPrefix("--rsh", opt) && !strings.HasPrefix("--rsync-path", opt) && !a.looksLikeProgram():
		case strings.Contains(before, "/") && !strings.Contains(before, ":") && !strings.HasPrefix(before, "-") && !a.looksLikeProgram():
		case name == "sftp" && strings.HasSuffix(before, "@") && !a.looksLikeProgram(): // a host, which has no shell to read it
		default:
			j.refuse(a.by, "stands in an argument of "+name+", which another machine's shell may read", "put ./ or the whole path before it, if it is a file here")
		}
	}
}

// container finds the command that is run in one.
func (j *judge) container(name string, rest []arg, in *taint) *taint {
	j.spreadBefore(name, rest)
	j.settings(rest)
	for i, a := range rest {
		if a.literal() && a.s == "exec" {
			before := rest[:i] // #nosec G602 -- an index of it
			if of(before) == nil {
				return j.runNext(name, from(rest, i+1), in)
			}
		}
		with, ok := strings.CutPrefix(a.s, "--entrypoint=")
		if !ok && i > 0 && rest[i-1].s == "--entrypoint" {
			with, ok = a.s, true
		}
		if ok && rest[i].by != nil {
			j.program(a.by, name+" --entrypoint")
		}
		if a.literal() && (a.s == "build" || a.s == "bud") {
			j.started(arg{s: "Dockerfile"}, name+" "+a.s)
		}
		if ok && takesProgram(base(with)) {
			j.program(either(of(rest[i:]), in), name+" --entrypoint "+base(with)) // #nosec G602 -- the length was looked at before
			return in
		}
	}
	j.other(name, rest, in)
	return in
}
