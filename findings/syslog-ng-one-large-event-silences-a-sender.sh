#!/usr/bin/env bash
# syslog-ng closes the connection at an event over 64 KiB, and the events behind it on that connection are lost with it.
#
# One would expect: the event is cut (RFC 5424 6.1 lets a receiver do so) or dropped, and the next one is stored: with octet
# counting (RFC 6587 3.4.1) the receiver knows exactly where it begins.
# What is so: syslog-ng 3.38.1, syslog(transport("tcp")) with default settings, logs "Incoming frame larger than log_msg_size()",
# closes, and throws away what had already arrived. The sender sees all its writes succeed; plain TCP syslog has no answer.
# Source: seen; the option trim-large-messages(yes) exists and is off by default.
# Why it matters: one large but valid event removes an unknown number of others, on both sides without a trace in the stored log.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

PORT=$(free_port)
syslog_ng_begin <<X
log { source { syslog(ip(127.0.0.1) port($PORT) transport("tcp")); }; destination { file("$T/stored" template("\$MSG\n")); }; };
X
await_port "$PORT"
python3 - "$PORT" <<'X'
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def send(text):
    line = b"<13>1 2026-11-29T23:00:00Z web01 app - - - " + text
    s.sendall(b"%d %s" % (len(line), line))
send(b"before")
send(b"x" * 70000)
for n in range(20):
    send(b"after %d" % n)
s.close()
print("  the sender: 22 events written, no error")
X
syslog_ng_end
saw "stored" before "$(cat stored)"
saw "what syslog-ng says to its own log" 1 "$(grep -c 'Incoming frame larger than log_msg_size' ng.err)"
