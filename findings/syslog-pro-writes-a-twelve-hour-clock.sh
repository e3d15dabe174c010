#!/usr/bin/env bash
# npm syslog-pro stamps RFC 5424 messages with a twelve-hour clock, so that every event of the afternoon is dated in the morning.
#
# One would expect: TIMESTAMP is RFC 3339 with hours 00 to 23 (RFC 5424 6.2.3), and a byte order mark is the bytes EF BB BF (6.4).
# What is so: syslog-pro 1.0.0 formats the hour as 01 to 12 without am or pm: 23:15 UTC is written T11:15:00+00:00 and midnight T12:15.
# Seconds have no fraction. In front of the text stand the three letters B, O, M, and a line feed in the text is removed so
# that two words become one.
# Source: seen, at a fixed clock.
# Why it matters: the time is valid, so no parser objects, and half of all events are twelve hours early. Order, retention and any
# comparison with another log are wrong.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

npm_packages syslog-pro@1.0.0
cat > write.js <<'X'
const RealDate = Date, at = RealDate.parse(process.argv[2]);
global.Date = class extends RealDate { constructor(...a) { a.length ? super(...a) : super(at); } static now() { return at; } };
const { RFC5424 } = require("syslog-pro");
new RFC5424({ applicationName: "app", hostname: "web01" }).buildMessage("one\ntwo", { severity: 5 }).then(console.log);
X
written() { node write.js "$1" | sed 's/ *$//'; }
saw "at 23:15 UTC" 2026-11-29T11:15:30+00:00 "$(written 2026-11-29T23:15:30.250Z | cut -d' ' -f2)"
saw "at 00:15 UTC" 2026-11-29T12:15:30+00:00 "$(written 2026-11-29T00:15:30.250Z | cut -d' ' -f2)"
saw "at 09:15 UTC" 2026-11-29T09:15:30+00:00 "$(written 2026-11-29T09:15:30.250Z | cut -d' ' -f2)"
saw "text of one LF two" BOMonetwo "$(written 2026-11-29T09:15:30.250Z | grep -o '[^ ]*$')"
