#!/usr/bin/env bash
# Four readers of one .evtx file write four different times for one record, two of them a microsecond too early.
#
# One would expect: SystemTime is a 64-bit count of 100 ns, so that a reader with six digits shows the first six of seven, or rounds.
# What is so: the record's time is 15:45:44.6638803. libevtx 20260705 writes .663880300Z, evtx 0.14.0 (PyPI) .663880Z, but python-evtx
# 0.8.1 and dissect.eventlog 3.11 give .663879: they divide in floating point and cut. Neither cutting nor rounding explains it, so
# equality of the first six digits does not hold between readers. python-evtx also writes a space for the T (no RFC 3339), Keywords
# are 0x0080000000000000 for two and 0x80000000000000 for the others, and a list of one text in Data is for python-evtx the
# text "<string>...</string>", markup included.
# Source: seen on the record in dissect.eventlog's own test file.
# Why it matters: two exports of one Windows log, made with different tools, hold the same events and compare as different ones.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

pypi python-evtx==0.8.1 evtx==0.14.0 dissect.eventlog==3.11 libevtx-python==20260705
python3 -m pip download -q --disable-pip-version-check --no-deps --no-binary :all: dissect.eventlog==3.11 || cannot "pip download"
tar xzf dissect_eventlog-3.11.tar.gz
cat > read.py <<'X'
import re, evtx, pyevtx, Evtx.Evtx
from dissect.eventlog.evtx import Evtx as Dissect
path = "dissect_eventlog-3.11/tests/_data/TestLogX.evtx"
def show(name, xml):
    one = lambda pattern: re.search(pattern, xml, re.S).group(1)
    print(name, one('SystemTime="([^"]*)"'), one("<Keywords>([^<]*)"), one("<Data>(.*?)</Data>").strip(), sep="|")
with Evtx.Evtx.Evtx(path) as log:
    show("python-evtx", [r.xml() for r in log.records()][1])
show("evtx", [r["data"] for r in evtx.PyEvtxParser(path).records()][1])
f = pyevtx.file(); f.open(path)
show("libevtx", f.get_record(1).xml_string)
d = next(r for r in map(dict, Dissect(open(path, "rb"))) if str(r["EventRecordID"]) == "2")
print("dissect", d["TimeCreated_SystemTime"], d["Keywords"], d["Data"], sep="|")
X
python3 read.py > out
saw libevtx 'libevtx|2021-07-22T15:45:44.663880300Z|0x0080000000000000|Test log message, error' "$(grep ^libevtx out)"
saw evtx 'evtx|2021-07-22T15:45:44.663880Z|0x80000000000000|Test log message, error' "$(grep ^evtx out)"
saw python-evtx 'python-evtx|2021-07-22 15:45:44.663879+00:00|0x0080000000000000|&lt;string&gt;Test log message, error&lt;/string&gt;' "$(grep ^python-evtx out)"
saw dissect "dissect|2021-07-22 15:45:44.663879+00:00|0x80000000000000|['Test log message, error']" "$(grep ^dissect out)"
