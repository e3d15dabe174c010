#!/usr/bin/env bash
# When a clock was set back, `journalctl --since` on a collected journal finds nothing, though the entries are in the file.
#
# One would expect: --since and --until show the entries of that span (journalctl(1): "entries on or newer than the specified date").
# What is so: systemd 252 searches by bisection, as if a file were in the order of wall time; systemd-journal-remote stores entries
# in the order of arrival. With three entries at 22:13:20, 21:43:20 and 21:45:00 (the clock was set back by half an hour)
# `--since 22:13:00` gives none and `--until 22:00:00` gives none, without an error. All three are shown without a span.
# Source: seen with Debian's systemd-journal-remote writing the file and journalctl reading it; journald itself begins a new file at
# a step backwards, files made from the export format and from several machines are not so lucky.
# Why it matters: an importer that asks journalctl for "what came since the last run" loses events for good. Read by cursor or by
# file order, and filter times oneself.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

debs systemd-journal-remote systemd libsystemd-shared libsystemd0 libmicrohttpd12
debian systemd-journal-remote 252.39
run() { LD_LIBRARY_PATH=$LIBS:$T/root/lib/$(uname -m)-linux-gnu/systemd "$@"; }
entry() { # TIME MONOTONIC MESSAGE
    printf '__REALTIME_TIMESTAMP=%s\n__MONOTONIC_TIMESTAMP=%s\n_BOOT_ID=%032d\n_MACHINE_ID=%032d\nMESSAGE=%s\n\n' "$1" "$2" 1 2 "$3"
}
{ entry 1700000000000000 1000000 login; entry 1699998200000000 2000000 'clock set back'; entry 1699998300000000 102000000 logout; } > in.export
run root/lib/systemd/systemd-journal-remote -o "$T/out.journal" in.export 2>/dev/null
shown() { run root/bin/journalctl --file out.journal --utc -q -o cat --no-pager "$@" | paste -sd, ; }
saw "the whole file" 'login,clock set back,logout' "$(shown)"
saw "times" '22:13:20 21:43:20 21:45:00' "$(run root/bin/journalctl --file out.journal --utc -q -o short-iso | cut -c12-19 | paste -sd' ')"
saw "since 22:13:00" '' "$(shown --since '2023-11-14 22:13:00')"
saw "until 22:00:00" '' "$(shown --until '2023-11-14 22:00:00')"
