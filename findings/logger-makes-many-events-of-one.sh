#!/usr/bin/env bash
# logger(1) sends a 4 kB event as four messages, each with a header of its own, and says nothing.
#
# One would expect: one line in, one message out; --size ("maximum permitted message size", default 1 KiB) cuts it or refuses it.
# What is so: util-linux 2.38.1 reads a line from a file or standard input into a buffer of that size and sends every bufferful as a
# complete message with priority, time and tag. Given as arguments, the same event is cut after 1 KiB instead. The exit code is 0.
# Source: seen over UDP with --rfc5424.
# Why it matters: scripts send JSON events with logger. The first piece is no JSON, the others do not even begin like one, nothing marks
# that they belong together, and other senders' messages come between them.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

saw "logger" 'logger from util-linux 2.38.1' "$(logger --version)"
PORT=$(free_port)
cat > receive.py <<'X'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", int(sys.argv[1]))); s.settimeout(1.5)
print("ready", flush=True)
try:
    while True:
        m = s.recv(65536).decode()
        print(m.split(" ", 5)[3], len(m.split("] ", 1)[1]), m[-6:], flush=True)
except TimeoutError: pass
X
received() { # COMMAND...: what arrives while it runs
    rm -f "$T/received"; touch "$T/received"
    python3 receive.py "$PORT" > "$T/received" & local reader=$!
    until grep -q ready "$T/received"; do sleep 0.1; done
    "$@"; wait "$reader"; sed 1d "$T/received"
}
python3 -c 'print("{\"event\":\"export\",\"note\":\"" + "x" * 4000 + "\",\"n\":1}")' > event
received logger --rfc5424 -d -n 127.0.0.1 -P "$PORT" -t app -f event > from-file
received logger --rfc5424 -d -n 127.0.0.1 -P "$PORT" -t app -- "$(cat event)" > from-argument
saw "events given, messages sent" '1 4' "1 $(wc -l < from-file)"
saw "the last message ends with" '"n":1}' "$(tail -1 from-file | cut -d' ' -f3-)"
saw "as an argument, messages sent" 1 "$(wc -l < from-argument)"
saw "and it ends with" xxxxxx "$(cut -d' ' -f3- from-argument)"
