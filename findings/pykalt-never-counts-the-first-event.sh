#!/usr/bin/env bash
# kalt, a toolkit for Kubernetes audit logs, leaves out the first event of the file, and a search for a status code finds nothing.
#
# One would expect: of three events three are counted, and `-f responseStatus.code=403` keeps the refused one.
# What is so: pykalt 1.5 reads the first line for the start of the period and does not hand it on: it is in no count, no filter and no
# dump, and the total says "of 2". A filter compares its text with the JSON value, so that a number is never equal to it: the same 403
# that `-k responseStatus.code` lists is not found. verb=get, a text, is.
# Source: seen.
# Why it matters: "nobody was refused" is the answer to a question about refusals. Compare totals with a count of lines.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

pypi pykalt==1.5
event() { # NAME VERB CODE
    printf '{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"%s","stage":"ResponseComplete","requestURI":"/","verb":"%s","user":{"username":"%s"},"responseStatus":{"metadata":{},"code":%s},"requestReceivedTimestamp":"2026-11-29T10:00:00.000000Z","stageTimestamp":"2026-11-29T10:00:00.100000Z"}\n' "$1" "$2" "$1" "$3"
}
{ event first delete 200; event second get 403; event third get 200; } > audit.log
kalt() { py/bin/kalt "$@" audit.log; }
saw "events in the file" 3 "$(wc -l < audit.log)"
saw "users counted" 'second third' "$(kalt -k user.username | awk '/^ *(first|second|third) /{print $1}' | sort | paste -sd' ')"
saw "its total" 'Events count: 2 (100.00% of 2 events)' "$(kalt | grep '^Events')"
saw "403 when counted" 1 "$(kalt -k responseStatus.code | awk '$1 == 403 {print $2}')"
saw "403 when searched for" 'Events count: 0 (0.00% of 2 events)' "$(kalt -f responseStatus.code=403 | grep '^Events')"
