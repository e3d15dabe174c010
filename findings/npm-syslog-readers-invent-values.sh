#!/usr/bin/env bash
# Two npm syslog readers hand out values that the line does not have: one swaps severity and facility, one adds milliseconds.
#
# One would expect: PRI 13 is facility 1 (user) and severity 5 (notice), since PRI = facility * 8 + severity (RFC 3164 4.1.1), and
# a time of whole seconds is read as whole seconds, the same at every reading.
# What is so: syslogd 1.1.2 reads PRI 13 as facility 5 and severity 1 (alert), PRI 38 (auth, info) as severity 4 and facility 6.
# syslog-parse 2.0.0 puts the milliseconds of the reader's own clock into the time: one stored line read twice gives two times.
# Source: seen.
# Why it matters: an ordinary login arrives as an alert and an emergency of the kernel as nothing; and whoever takes time and text
# as the key against duplicates imports every line again.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

npm_packages syslogd@1.1.2 syslog-parse@2.0.0
cat > read.js <<'X'
const { parser } = require("syslogd"), parse = require("syslog-parse").default, from = { address: "", family: "", port: 0, size: 0 };
for (const pri of [13, 38]) { const e = parser(Buffer.from(`<${pri}>Nov 29 23:00:00 web01 app: text`), from); console.log(`facility ${e.facility} severity ${e.severity}`); }
const line = "<13>Nov 29 23:00:00 web01 app[1]: text", seen = new Set();
const again = n => { seen.add(+new Date(parse(line).time) % 1000); n ? setTimeout(again, 7, n - 1) : console.log(seen.size > 10 ? "many" : seen.size); };
again(40);
X
node read.js > out
saw "syslogd, PRI 13" 'facility 5 severity 1' "$(sed -n 1p out)"
saw "syslogd, PRI 38" 'facility 6 severity 4' "$(sed -n 2p out)"
saw "syslog-parse, different times of one line" many "$(sed -n 3p out)"
