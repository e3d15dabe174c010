#!/usr/bin/env bash
# An enriched audit record that passes rsyslog changes its actor: ausearch then says root where the log said alice.
#
# One would expect: audisp's syslog plugin and rsyslog carry a record as it is, and ausearch reads the collected file like the
# original (auditd.conf(5): log_format ENRICHED resolves uids at the source "so that logs can be analysed elsewhere").
# What is so: the names stand behind a byte 0x1D. rsyslog 8.2302 writes control characters as # and three octal digits on receipt, so
# that 0x1D is the four characters #035. ausearch 3.0.9 no longer sees an enrichment: the last field before it (often key=) takes
# the text of the first one, and names are looked up in the machine that reads: uid 0 is root there. Nothing is reported.
# Source: seen; rsyslog's global escapeControlCharactersOnReceive is on by default, and #035 in the text could also have been sent.
# Why it matters: who did it is the one thing an audit log is for, and a search by the rule's key still finds the event, which
# makes it look whole.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

SEP=$(printf '\035')
cat > audit.log <<X
type=SYSCALL msg=audit(1700000000.123:45): arch=c000003e syscall=87 success=yes exit=0 a0=0 a1=0 a2=0 a3=0 items=0 ppid=1 pid=2 auid=0 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=1 comm="rm" exe="/usr/bin/rm" key="purge"${SEP}ARCH=x86_64 SYSCALL=unlink AUID="alice" UID="alice"
X
rsyslog_begin <<X
template(name="record" type="string" string="%msg:2:\$%\n")
*.* action(type="omfile" file="$T/collected.log" template="record")
X
sed 's/^/<13>Nov 29 23:00:00 web01 audispd: /' audit.log | send "$PORT"
rsyslog_end
debs auditd libauparse0 libaudit1
debian auditd 3.0.9
interpreted() { LD_LIBRARY_PATH=$LIBS root/sbin/ausearch -if "$1" -k purge -i 2>/dev/null | grep -o " $2=[^=]*$3" | head -1; }
saw "bytes between key and names, original" '"purge"\035ARCH' "$(grep -o '"purge".ARCH' audit.log | sed "s/$SEP/\\\\035/")"
saw "the same, collected" '"purge"#035ARCH' "$(grep -o '"purge".*ARCH' collected.log)"
saw "actor by ausearch, original" ' auid=alice' "$(interpreted audit.log auid ' ' | sed 's/ uid.*//; s/ $//')"
saw "actor by ausearch, collected" ' auid=root' "$(interpreted collected.log auid ' ' | sed 's/ uid.*//; s/ $//')"
