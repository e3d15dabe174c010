#!/usr/bin/env bash
# `ausearch --format csv` writes commas and quotation marks of file names as they are, so that columns move.
#
# One would expect: fields with a comma or a quotation mark are put in quotation marks (RFC 4180 2.6 and 2.7); ausearch(8) offers
# the format "for importing into spreadsheets or analytical programs".
# What is so: ausearch of auditd 3.0.9 quotes nothing. The header has 16 columns; an event on the file `a,b` has 17, and the number
# of the inode, the kind and the program stand one column to the right. A quotation mark inside the name stays single, and a reader
# of CSV takes it for the end or the beginning of a quoted text, or refuses the file.
# Source: seen.
# Why it matters: file names belong to whoever makes the file. An importer of this output must count columns from both ends or
# refuse rows that do not have 16.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

debs auditd libauparse0 libaudit1
debian auditd 3.0.9
event() { # SERIAL NAME-FIELD
    echo "type=SYSCALL msg=audit(1700000000.123:$1): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=0 a2=0 a3=0 items=1 ppid=1 pid=2 auid=0 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=1 comm=\"cat\" exe=\"/usr/bin/cat\" key=\"k\""
    echo "type=CWD msg=audit(1700000000.123:$1): cwd=\"/\""
    echo "type=PATH msg=audit(1700000000.123:$1): item=0 name=$2 inode=7 dev=08:01 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL"
}
{ event 45 '"/srv/plain"'; event 46 '"/srv/a,b"'; event 47 2F7372762F6120222C2262; } > audit.log
LD_LIBRARY_PATH=$LIBS root/sbin/ausearch -if audit.log --format csv 2>/dev/null > rows.csv
columns() { python3 -c 'import csv, sys; print(len(list(csv.reader(open("rows.csv")))[int(sys.argv[1])]))' "$1"; }
saw "columns of the header" 16 "$(columns 0)"
saw "columns for /srv/plain" 16 "$(columns 1)"
saw "columns for /srv/a,b" 17 "$(columns 2)"
saw "its row from the object on" '/srv/a,b,7,file,/usr/bin/cat' "$(sed -n 3p rows.csv | cut -d, -f13-)"
saw "the row of a name with quotation marks" '/srv/a ","b,7,file,/usr/bin/cat' "$(sed -n 4p rows.csv | cut -d, -f13-)"
