#!/usr/bin/env bash
# Editing a recording with asciinema-scene gives it today's date, and adds output that the session never printed.
#
# One would expect: `sciine copy` or `sciine maximum 2` (shorten pauses) changes the frames asked for and nothing else; the header's
# `timestamp` is "Unix timestamp of the beginning of the recording session" (asciicast v2 and v3 documents).
# What is so: asciinema-scene 1.3.0 writes the time of the edit into `timestamp`, moves the first frame to 0, and adds an output event
# with CR LF where the last one does not end in a line feed, as the last prompt of a shell does not. `sciine convert` keeps the date and
# adds the line all the same; to v3 it rounds times to a millisecond and drops header keys that it does not know.
# Source: seen.
# Why it matters: a shortened copy of a privileged session claims to have happened when somebody shortened it.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

pypi asciinema-scene==1.3.0
cat > session.cast <<'X'
{"version":2,"width":80,"height":24,"timestamp":1700000000,"ticket":"OPS-7"}
[1.5,"o","$ "]
[2.000400,"i","id\r"]
[2.500800,"o","uid=0(root)\r\n"]
[2.600000,"o","$ "]
X
before=$(date +%s)
py/bin/sciine copy -i session.cast -o copy.cast
py/bin/sciine convert -f v3 -i session.cast -o v3.cast
header() { python3 -c 'import json, sys; print(json.loads(open(sys.argv[1]).readline()).get(sys.argv[2]))' "$1" "$2"; }
saw "start of the session, recorded" 1700000000 "$(header session.cast timestamp)"
saw "start of the session in a plain copy is now" yes "$([ "$(header copy.cast timestamp)" -ge "$before" ] && echo yes)"
saw "first frame, recorded at 1.5" '[0.0, "o", "$ "]' "$(sed -n 2p copy.cast)"
saw "frames recorded, frames in the copy" '4 5' "$(($(wc -l < session.cast) - 1)) $(($(grep -c . copy.cast) - 1))"
saw "the frame that nobody printed" '"o", "\r\n"]' "$(tail -1 copy.cast | cut -d' ' -f2-)"
saw "converted to v3: own key" None "$(header v3.cast ticket)"
saw "converted to v3: second and third step of 0.5004 s" '0.5 0.5' "$(sed -n '3,4p' v3.cast | sed 's/^\[//; s/,.*//' | paste -sd' ')"
