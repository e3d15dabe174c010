#!/usr/bin/env bash
# The CloudEvents SDK for Python sends a Boolean attribute over HTTP as `True`, which no other reader takes for a Boolean.
#
# One would expect: true is written "true" in a header (CloudEvents 1.0.2, type system: canonical text form of Boolean is a
# case-sensitive value of "true" or "false"; HTTP binding 3.1.3.2).
# What is so: cloudevents 2.2.0 writes `ce-approved: True`. In structured mode the same event has the JSON value true. Also, `"data":null`,
# which JSON events may have, is gone after reading and writing.
# Source: seen.
# Why it matters: one event, two ways of sending, two values; a filter on approved = true, or a digest over the attributes, sees two events.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

pypi cloudevents==2.2.0
cat > send.py <<'X'
import cloudevents.core.bindings.http as http
event = http.from_http_event(http.HTTPMessage({"content-type": "application/cloudevents+json"},
    b'{"specversion":"1.0","id":"1","source":"/a","type":"t","time":"2026-11-29T23:00:00Z","approved":true,"data":null}'))
print(http.to_binary_event(event).headers["ce-approved"])
structured = http.to_structured_event(event).body
print('"approved": true' in structured.decode(), '"data"' in structured.decode())
X
python3 send.py > out
saw "binary mode" True "$(sed -n 1p out)"
saw "structured mode has JSON true, and still has data" 'True False' "$(sed -n 2p out)"
