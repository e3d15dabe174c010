#!/usr/bin/env bash
# aiosyslogd dates an event of a sender whose clock is seconds ahead to the year before.
#
# One would expect: an RFC 3164 time has no year; a reader that must choose takes the year that puts the event closest to now.
# What is so: aiosyslogd 1.5.0 takes this year, and the year before as soon as the result lies in the future by any amount. A line stamped some
# seconds ahead of the receiver (no rare thing without NTP) is stored 365 days back. The RFC 5424 reader beside it ends structured
# data at an escaped bracket, which 6.3.3 allows in a value, and puts the rest in front of the text.
# Source: seen with the package's own normalising function and pattern.
# Why it matters: the newest events of some machines are filed a year away, outside of every search and perhaps past their
# retention. Only a result more than a day ahead may be taken for last year's.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

pypi aiosyslogd==1.5.0
cat > read.py <<'X'
from datetime import datetime, timedelta
from aiosyslogd.rfc5424 import RFC5424_PATTERN, normalize_to_rfc5424
ahead = datetime.now() + timedelta(seconds=20)
for at in (datetime.now() - timedelta(seconds=20), ahead):
    year = normalize_to_rfc5424(at.strftime("<13>%b %d %H:%M:%S web01 app: text")).split()[1][:4]
    print(int(year) - at.year)
m = RFC5424_PATTERN.match('<13>1 2026-11-29T23:00:00Z web01 app - - [x@1 note="a\\]b"] text')
print(m["sd"], "|", m["msg"])
X
python3 read.py > out 2>err || { cat err >&2; exit 1; }
saw "20 seconds ago, years off" 0 "$(sed -n 1p out)"
saw "20 seconds ahead, years off" -1 "$(sed -n 2p out)"
saw "structured data and text" '[x@1 note="a\] | b"] text' "$(sed -n 3p out)"
