#!/usr/bin/env bash
# The CEF writer cefevent leaves a value of 0 out where a field is named by its CEF key, and keeps it under the long name.
#
# One would expect: set_field("in", 0) and set_field("bytesIn", 0) are the same call, since "in" is the key of bytesIn.
# What is so: cefevent 0.5.6 drops 0 and 0.0 under every short key (in, out, cnt, spt, cn1, cfp1) and returns False; in strict mode
# it raises "Invalid value". The long names write in=0 and spt=0. An empty text is lost the same way.
# Source: seen; its README says that both names can be used.
# Why it matters: "0 bytes were sent" and "nothing is known" are different statements, and a rule on cnt=0 never fires.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

pypi cefevent==0.5.6
cat > write.py <<'Y'
from cefevent import CEFEvent
def line(*fields):
    event = CEFEvent()
    given = [event.set_field(name, value) for name, value in fields]
    return event.build_cef().split("|")[-1], given
print(*line(("in", 7), ("spt", 1)))
print(*line(("in", 0), ("spt", 0), ("cn1", 0), ("cfp1", 0.0)))
print(*line(("bytesIn", 0), ("sourcePort", 0), ("deviceCustomNumber1", 0)))
try: CEFEvent(strict=True).set_field("cnt", 0)
except ValueError as error: print(str(error).splitlines()[0])
Y
python3 write.py > out
saw "short keys, 7 and 1" 'in=7 spt=1 [7, 1]' "$(sed -n 1p out)"
saw "short keys, zeros" ' [False, False, False, False]' "$(sed -n 2p out)"
saw "long names, zeros" 'in=0 spt=0 cn1=0 [0, 0, 0]' "$(sed -n 3p out)"
saw "strict" 'Invalid value for field: baseEventCount' "$(sed -n 4p out)"
