#!/usr/bin/env bash
# The JSON parsers inside rsyslog, liblognorm and syslog-ng turn different ids into one id and end a text at its first NUL.
#
# One would expect: a parser that cannot hold a value refuses the message or keeps the number's text (RFC 8259 6 and 7 allow any
# integer and the escape backslash-u-0000).
# What is so: integers above 2^63-1 become 9223372036854775807, all of them the same one, and what follows U+0000 in a string is gone.
# rsyslog 8.2302 (mmjsonparse) and liblognorm 2.0.6 (type json) do both, syslog-ng 3.38.1 (json-parser) too, and the last also
# prints 1.10 as 1.100000, turns null into an empty text, and joins the keys "a.b" and "a": {"b"}, of which the second wins.
# None of them says a word.
# Source: seen; libfastjson and json-c keep integers as int64 and hand strings on as C texts.
# Why it matters: unsigned 64-bit ids are common, and a terminal recording in JSON (tlog's out_txt) has a NUL wherever the
# program printed one: all output behind it is missing from the record while its timing column still counts it.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

rsyslog_begin <<X
module(load="mmjsonparse")
template(name="tree" type="string" string="%\$!all-json%\n")
*.* action(type="mmjsonparse" cookie="")
*.* action(type="omfile" file="$T/rsyslog.out" template="tree")
X
cat > events <<'X'
{"id":18446744073709551615,"cost":1.10,"out_txt":"ls\u0000 -la /srv","none":null}
{"id":9223372036854775809,"a.b":1,"a":{"b":2}}
X
sed 's/^/<13>Nov 29 23:00:00 web01 app: /' events | send "$PORT"
rsyslog_end
saw "rsyslog" '{ "id": 9223372036854775807, "cost": 1.10, "out_txt": "ls", "none": null }' "$(sed -n 1p rsyslog.out)"
saw "rsyslog, another id" '{ "id": 9223372036854775807, "a.b": 1, "a": { "b": 2 } }' "$(sed -n 2p rsyslog.out)"

debs liblognorm-utils
debian liblognorm-utils 2.0.6
printf 'version=2\nrule=:%%.:json%%\n' > json.rulebase
LD_LIBRARY_PATH=$LIBS root/usr/bin/lognormalizer -r json.rulebase -e json < events > lognorm.out
saw "liblognorm" '{ "id": 9223372036854775807, "cost": 1.10, "out_txt": "ls", "none": null }' "$(sed -n 1p lognorm.out)"

syslog_ng_begin <<X
source s { file("$T/events" flags(no-parse) follow-freq(0.1)); };
log { source(s); parser { json-parser(prefix("J.")); }; destination { file("$T/ng.out" template("\$(format-json --key J.*)\n")); }; };
X
syslog_ng_end
saw "syslog-ng" '{"J":{"out_txt":"ls","none":"","id":"9223372036854775807","cost":"1.100000"}}' "$(sed -n 1p ng.out)"
saw "syslog-ng, another id" '{"J":{"id":"9223372036854775807","a":{"b":"2"}}}' "$(sed -n 2p ng.out)"
