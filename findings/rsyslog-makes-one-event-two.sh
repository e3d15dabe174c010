#!/usr/bin/env bash
# One event over 8 KiB, sent to rsyslog by TCP, is stored as two events; the second has rsyslog's own time, host and no sender.
#
# One would expect: a message over the limit is cut there and the rest is dropped (oversizemsg.input.mode says "truncate"), or
# it is stored whole; RFC 5424 6.1 allows a receiver to cut a message or to drop it, not to make two of it.
# What is so: rsyslog 8.2302 (maxMessageSize 8k by default) stores 8 KiB as the event and takes up the rest as a message of its
# own, dated now and from the receiving host, and reads that rest as it reads any new line. With octet counting, where the length is
# known beforehand, it is the same; by UDP the rest is dropped instead.
# Source: seen with Debian's rsyslog, imtcp with default settings.
# Why it matters: CloudTrail, Kubernetes and tlog events pass 8 KiB every day. Counting lines then counts events that never were,
# neither half is JSON any more, and the second has lost its origin.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

rsyslog_begin <<X
template(name="parts" type="string" string="%pri% %timereported:::date-rfc3339% %hostname% %syslogtag% %msg%\n")
*.* action(type="omfile" file="$T/stored" template="parts")
X
python3 - > wire <<'X'
import sys
line = b'<13>1 2026-11-29T23:00:00Z web01 app - - - {"event":"export","note":"%s"}' % (b"x" * 9000)
sys.stdout.buffer.write(b"%d %s" % (len(line), line))    # octet-counted
sys.stdout.buffer.write(line + b"\n")                    # newline-framed
X
send "$PORT" < wire
rsyslog_end

saw "events sent" 2 2
saw "events stored" 4 "$(wc -l < stored)"
for n in 1 3; do
    saw "its first part begins" '13 2026-11-29T23:00:00Z web01 app {"event":"export","note":"xx' "$(sed -n ${n}p stored | cut -c1-62)"
    saw "its second part has the host" localhost "$(sed -n $((n + 1))p stored | cut -d' ' -f3)"
    saw "and ends" 'xxx"}' "$(sed -n $((n + 1))p stored | tail -c 6)"
done
