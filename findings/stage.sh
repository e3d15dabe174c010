# Sets the stage for one finding: a folder that goes away, packages in it, and a way to say what is so.
#
#   findings/NAME.sh --sources--> stage.sh --> $T (temporary) --> root/ (Debian), py/ (PyPI), node_modules/ (npm), target/ (cargo)
#
# Nothing is installed outside $T and nothing of Indelible is run. `saw` ends the script with 1 as soon as the behaviour is not
# what the script states any more; 2 means that the stage could not be set (no registry, a tool missing), which says nothing.

set -euo pipefail
T=$(mktemp -d)
RUNNING=()
leave() {
    for p in "${RUNNING[@]:-}"; do [ -z "$p" ] || kill "$p" 2>/dev/null || true; done
    rm -rf "$T"
}
trap leave EXIT
cd "$T"
export LC_ALL=C.UTF-8 TZ=UTC

cannot() { echo "cannot set the stage: $*" >&2; exit 2; }

# saw WHAT EXPECTED ACTUAL: prints what was seen, fails if it is something else than the script states.
saw() {
    if [ "$2" = "$3" ]; then printf '  %s: %s\n' "$1" "$3"; return; fi
    printf 'no longer so: %s\n  stated: %s\n  seen:   %s\n' "$1" "$2" "$3" >&2
    exit 1
}

# debs NAME...: unpacks Debian packages into $T/root without installing them; `debian NAME PREFIX` asserts an upstream version.
debs() {
    (mkdir -p debs && cd debs && apt-get -qq -o APT::Sandbox::User=root download "$@") || cannot "apt-get download (apt-get update first?)"
    for d in debs/*.deb; do dpkg -x "$d" root; done
    LIBS=$T/root/lib/$(uname -m)-linux-gnu:$T/root/usr/lib/$(uname -m)-linux-gnu
}
debian() { # NAME UPSTREAM
    local v; v=$(dpkg-deb -f debs/"$1"_*.deb Version)
    case "${v#*:}" in "$2"-*) echo "$1 $2 (Debian $v)" ;; *) cannot "the script is about $1 $2, Debian has $v" ;; esac
}

pypi() { # NAME==VERSION...
    python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --target "$T/py" "$@" 2>pip.log || { cat pip.log >&2; cannot "pip install $*"; }
    export PYTHONPATH=$T/py
    echo "PyPI $*"
}

npm_packages() { # NAME@VERSION...
    echo '{"name":"finding","version":"1.0.0","private":true}' > package.json
    npm install --silent --no-audit --no-fund --ignore-scripts "$@" >/dev/null || cannot "npm install $*"
    echo "npm $*"
}

# crates 'name = "=1.2.3"'...: builds main.rs (standard input) with these dependencies and leaves ./program.
crates() {
    mkdir -p rust/src && cat > rust/src/main.rs
    { printf '[package]\nname = "program"\nversion = "0.1.0"\nedition = "2021"\n[profile.dev]\ndebug = false\n[dependencies]\n'; printf '%s\n' "$@"; } > rust/Cargo.toml
    (cd rust && CARGO_TARGET_DIR=$T/target cargo build -q -j1 2>cargo.log) || { cat rust/cargo.log >&2; cannot "cargo build"; }
    cp target/debug/program program
    echo "crates.io $*"
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

await_port() {
    for _ in $(seq 100); do (: < "/dev/tcp/127.0.0.1/$1") 2>/dev/null && return; sleep 0.1; done
    cannot "nothing listens on port $1"
}

# Debian's rsyslog on $PORT, newline framing, with the rules of standard input; `rsyslog_end` waits until all is written.
rsyslog_begin() {
    debs rsyslog libestr0 libfastjson4 liblognorm5
    debian rsyslog 8.2302.0
    PORT=$(free_port)
    { printf 'module(load="imtcp")\ninput(type="imtcp" address="127.0.0.1" port="%s")\n' "$PORT"; cat; } > rsyslog.conf
    LD_LIBRARY_PATH=$LIBS root/usr/sbin/rsyslogd -n -f "$T/rsyslog.conf" -M "${LIBS#*:}/rsyslog" -i "$T/rsyslog.pid" 2>rsyslog.err &
    RSYSLOG=$!; RUNNING+=("$RSYSLOG")
    await_port "$PORT"
}
rsyslog_end() { sleep 1; kill "$RSYSLOG"; wait "$RSYSLOG" || true; }

# send PORT: standard input as bytes over one TCP connection.
send() { python3 -c 'import socket, sys; s = socket.create_connection(("127.0.0.1", int(sys.argv[1]))); s.sendall(sys.stdin.buffer.read()); s.close()' "$1"; }

# Debian's syslog-ng with the configuration of standard input (behind its version and modules); `syslog_ng_end` stops it.
syslog_ng_begin() {
    debs syslog-ng-core libivykis0 libnet1 libpcre3 libwrap0
    debian syslog-ng-core 3.38.1
    { printf '@version: 3.38\n'; printf '@module %s\n' json-plugin affile afsocket basicfuncs syslogformat linux-kmsg-format kvformat
      printf 'options { stats-freq(0); keep-hostname(yes); };\n'; cat; } > ng.conf
    LD_LIBRARY_PATH=$LIBS:$T/root/usr/lib/syslog-ng root/usr/sbin/syslog-ng -F -e --no-caps -f "$T/ng.conf" \
        --module-path="$T/root/usr/lib/syslog-ng/3.38" -p "$T/ng.pid" -c "$T/ng.ctl" -R "$T/ng.persist" 2>ng.err &
    SYSLOG_NG=$!; RUNNING+=("$SYSLOG_NG")
}
syslog_ng_end() { sleep 1.5; kill "$SYSLOG_NG"; wait "$SYSLOG_NG" || true; }
