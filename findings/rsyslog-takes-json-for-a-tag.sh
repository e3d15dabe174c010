#!/usr/bin/env bash
# A JSON event sent as the text of an old-style syslog line loses its beginning, and the stored line gets a space of rsyslog's own.
#
# One would expect: RFC 3164 4.1.3 lets a message have no tag, so text that begins with `{` is all content and is kept as it is.
# What is so: rsyslog 8.2302 reads everything up to the first space or colon as the tag: `{"event":` is the "program", the rest is
# the message, and the JSON parser behind it finds no JSON. The default file format then puts one space between the two, so that the
# bytes on disk are not the bytes sent. A CEF line meets the same fate: `CEF:` becomes the tag and `CEF:0|` is stored as `CEF: 0|`.
# Source: seen with Debian's rsyslog; template RSYSLOG_FileFormat ends in %syslogtag%%msg:::sp-if-no-1st-sp%%msg%.
# Why it matters: a hash over the stored line proves a text nobody sent, and a reader that looks for `{` or `CEF:0` at the start of
# the message finds neither.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

rsyslog_begin <<X
module(load="mmjsonparse")
template(name="parts" type="string" string="tag=%syslogtag% msg=%msg%\n")
template(name="tree" type="string" string="%\$!all-json%\n")
*.* action(type="omfile" file="$T/stored")
*.* action(type="omfile" file="$T/parts" template="parts")
*.* action(type="mmjsonparse" cookie="")
*.* action(type="omfile" file="$T/tree" template="tree")
X
send "$PORT" <<'X'
<13>Nov 29 23:00:00 web01 {"event":"login","user":"u-7"}
<13>Nov 29 23:00:00 web01 CEF:0|Vendor|Product|1.0|100|login|5|suser=u-7
X
rsyslog_end

saw "tag and message of the JSON event" 'tag={"event": msg="login","user":"u-7"}' "$(sed -n 1p parts)"
saw "what the JSON parser makes of it" '{ "msg": "\"login\",\"user\":\"u-7\"}" }' "$(sed -n 1p tree)"
saw "stored, with a space that was not sent" 'web01 {"event": "login","user":"u-7"}' "$(sed -n '1s/^[^ ]* //p' stored)"
saw "the CEF line, stored" 'web01 CEF: 0|Vendor|Product|1.0|100|login|5|suser=u-7' "$(sed -n '2s/^[^ ]* //p' stored)"
