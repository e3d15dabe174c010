#!/usr/bin/env bash
# auditd-ripper has neither time nor serial of a login record, takes two logins for one, and cuts file names at a space.
#
# One would expect: a USER_LOGIN record keeps its audit(TIME:SERIAL), and two records of different serials are two events.
# What is so: such records name msg twice: msg=audit(1700000001.500:502): and msg='op=login ...'. auditd-ripper 0.1.3 splits at spaces
# and keeps what stands between the first and the second equals sign of the last msg, 'op. With that as the key, a failed login of
# alice and a later, successful one of bob are one event with the values of the first. A name "a b" is "a.
# Source: seen.
# Why it matters: the failed login has no time, and the other's record is gone; nothing says so.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

pypi auditd-ripper==0.1.3
cat > audit.log <<'Y'
type=USER_LOGIN msg=audit(1700000001.500:502): pid=800 uid=0 auid=4294967295 ses=4294967295 msg='op=login acct="alice" exe="/usr/sbin/sshd" addr=192.0.2.7 res=failed'
type=USER_LOGIN msg=audit(1700000961.600:577): pid=811 uid=0 auid=1000 ses=5 msg='op=login acct="bob" exe="/usr/sbin/sshd" addr=192.0.2.8 res=success'
type=PATH msg=audit(1700000962.000:578): item=0 name="/srv/pay roll.ods" inode=1 nametype=NORMAL
Y
py/bin/auditdr -p audit.log -o out.json > /dev/null
events() { python3 -c 'import json; e = json.load(open("out.json")); '"$1"; }
saw "events of three" 2 "$(events 'print(len(e))')"
saw "text 1700000001 in the output" False "$(events 'print("1700000001" in json.dumps(e))')"
saw "the key of the logins" "'op" "$(events 'print(e[0]["msg"])')"
saw "accounts that logged in, results" "\"alice\" failed'" "$(events 'print(e[0]["acct"], e[0]["res"].strip())')"
saw "file name of /srv/pay roll.ods" '"/srv/pay' "$(events 'print(e[1]["name"])')"
