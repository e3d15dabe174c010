#!/usr/bin/env bash
# syslog-ng's linux-audit-parser() turns the numeric arguments of a system call into letters whenever their hex digits allow it.
#
# One would expect: a0 to a3 of a SYSCALL record are numbers in hex (audit documentation, field dictionary: "the arguments to the
# syscall"), and only fields that the kernel writes by its untrusted-string rule (name, comm, cwd, EXECVE's aN, ...) are hex texts.
# What is so: syslog-ng 3.38.1 decodes by the look of the value: an unquoted even number of hex digits that contains a byte the
# kernel would have had to encode is a text. `a2=20` (a flag word) is stored as a space, `a1=612062` as `a b`, `a3=22` as a quote;
# `a2=21` and `a1=612063e0` stay as they are. ausearch 3.0.9 reads all of them as numbers.
# Source: seen on both.
# Why it matters: open flags, modes and addresses are what an audit rule is about. After this parser 0x20 cannot be found any
# more, and one argument is sometimes a number and sometimes a letter.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

H='type=SYSCALL msg=audit(1700000000.123:45): arch=c000003e syscall=257 success=yes exit=3'
T4='items=0 ppid=1 pid=2 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=1 comm="cat" exe="/usr/bin/cat" key="k"'
printf '%s\n' "$H a0=ffffff9c a1=612062 a2=20 a3=22 $T4" "${H/:45/:46} a0=ffffff9c a1=612063e0 a2=21 a3=0 $T4" > audit.log

syslog_ng_begin <<X
log { source { file("$T/audit.log" flags(no-parse) follow-freq(0.1)); }; parser { linux-audit-parser(prefix("A.")); };
      destination { file("$T/stored" template("a1=[\$(echo \${A.a1})] a2=[\$(echo \${A.a2})] a3=[\$(echo \${A.a3})]\n")); }; };
X
syslog_ng_end
saw "syslog-ng, first event" 'a1=[a b] a2=[ ] a3=["]' "$(sed -n 1p stored)"
saw "syslog-ng, second event" 'a1=[612063e0] a2=[21] a3=[0]' "$(sed -n 2p stored)"

debs auditd libauparse0 libaudit1
debian auditd 3.0.9
LD_LIBRARY_PATH=$LIBS root/sbin/ausearch -if audit.log -i 2>/dev/null | grep -o 'a1=[^ ]* a2=[^ ]* a3=[^ ]*' > ausearch.out
saw "ausearch, first event" 'a1=0x612062 a2=O_RDONLY a3=0x22' "$(sed -n 1p ausearch.out)"
