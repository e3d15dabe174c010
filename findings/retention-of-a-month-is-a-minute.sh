#!/usr/bin/env bash
# Four duration parsers that take ISO 8601 years, weeks and days read the month in P1M as something else: a minute, or twenty years.
#
# One would expect: P1M is one month and PT1M one minute (ISO 8601-1, the T tells them apart), or the text is refused.
# What is so: npm parse-duration 2.1.9, timestring 7.0.0 and enhanced-ms 5.0.0 read P1Y as a year and P1W as a week, but P1M as 60
# seconds. PyPI timelength 3.0.4 reads P1M2D as 7330.5 days and PT1M as a month. npm tinyduration 3.4.1, which reads nothing else, is right. None of the wrong ones raises an error.
# Source: seen.
# Why it matters: a retention of P1M ends a minute after the event, and the purge that follows cannot be undone.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

npm_packages parse-duration@2.1.9 timestring@7.0.0 enhanced-ms@5.0.0 tinyduration@3.4.1
pypi timelength==3.0.4
cat > read.mjs <<'Y'
import parse from "parse-duration"; import timestring from "timestring"; import { ms } from "enhanced-ms"; import { parse as tiny } from "tinyduration";
for (const [name, read] of [["parse-duration", parse], ["timestring", s => timestring(s, "ms")], ["enhanced-ms", ms]])
    console.log(name, ...["P1Y", "P1W", "P1M"].map(s => Math.round(read(s) / 1000)));
console.log("tinyduration", JSON.stringify(tiny("P1M")), JSON.stringify(tiny("PT1M")));
Y
node read.mjs > out
saw "parse-duration, seconds of P1Y P1W P1M" '31557600 604800 60' "$(sed -n 's/^parse-duration //p' out)"
saw "timestring, seconds of P1Y P1W P1M" '31557600 604800 60' "$(sed -n 's/^timestring //p' out)"
saw "enhanced-ms, seconds of P1Y P1W P1M" '31536000 604800 60' "$(sed -n 's/^enhanced-ms //p' out)"
saw "tinyduration, P1M and PT1M" '{"months":1} {"minutes":1}' "$(sed -n 's/^tinyduration //p' out)"
days() { python3 -c 'import sys; from timelength import TimeLength; print(TimeLength(sys.argv[1]).result.delta.total_seconds() / 86400)' "$1"; }
saw "timelength, days of P1Y" 365.0 "$(days P1Y)"
saw "timelength, days of P1M2D" 7330.5 "$(days P1M2D)"
saw "timelength, days of PT1M" 30.5 "$(days PT1M)"
