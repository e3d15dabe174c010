#!/usr/bin/env bash
# In syslog-ng's JSON a dot inside an RFC 5424 name becomes a level of the tree, so that two different senders' data merge.
#
# One would expect: SD-ID and PARAM-NAME are opaque (RFC 5424 6.3.2: any printable ASCII but =, ], quote and space) and come out
# of `format-json --scope rfc5424` as keys, character for character.
# What is so: with syslog-ng 3.38.1 `[ops.audit@32473 user.id="u-7"]` comes out as _SDATA > ops > audit@32473 > user > id. The elements
# `[a.b@1 c="first"]` and `[a b@1.c="second"]` of one message are both _SDATA > a > b@1 > c, and the first value is gone.
# An element without parameters becomes an empty text.
# Source: seen; dots separate levels in syslog-ng's own name space, and nothing escapes one in a name that came from outside.
# Why it matters: an importer of such JSON cannot rebuild the element it names in evidence, and a value is lost without a word.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

PORT=$(free_port)
syslog_ng_begin <<X
log { source { syslog(ip(127.0.0.1) port($PORT) transport("tcp")); };
      destination { file("$T/stored" template("\$(format-json --key .SDATA.*)\n")); }; };
X
await_port "$PORT"
python3 - "$PORT" <<'X'
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
for data in (b'[ops.audit@32473 user.id="u-7"]', b'[a.b@1 c="first"][a b@1.c="second"]', b'[mark@32473]'):
    line = b"<13>1 2026-11-29T23:00:00Z web01 app - - " + data + b" text"
    s.sendall(b"%d %s" % (len(line), line))
s.close()
X
syslog_ng_end
saw "one element" '{"_SDATA":{"ops":{"audit@32473":{"user":{"id":"u-7"}}}}}' "$(sed -n 1p stored)"
saw "two elements with a value each" '{"_SDATA":{"a":{"b@1":{"c":"second"}}}}' "$(sed -n 2p stored)"
saw "an element without parameters" '{"_SDATA":{"mark@32473":""}}' "$(sed -n 3p stored)"
