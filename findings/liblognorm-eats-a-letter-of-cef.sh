#!/usr/bin/env bash
# liblognorm's CEF parser drops the first letter of the first extension key: `src` is stored as `rc`.
#
# One would expect: `CEF:0|...|5|src=192.0.2.7` has the key src (Micro Focus CEF guide, "Extension" begins right behind the last bar).
# What is so: liblognorm 2.0.6 (type cef, the one rsyslog's mmnormalize uses) takes the character behind the last bar for a
# separator: src becomes rc, suser becomes user, msg becomes sg. With a space there, which some senders write, keys are whole. A key
# with dots and brackets (`ad.user[0]`, allowed for device-specific keys) makes it refuse the event, and so does CEF:1.
# Source: seen with lognormalizer of Debian.
# Why it matters: `suser` (who did it) turns into the valid looking `user`, and `src` (from where) is not found at all.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

debs liblognorm-utils liblognorm5 libestr0 libfastjson4
debian liblognorm-utils 2.0.6
printf 'version=2\nrule=:%%e:cef%%\n' > cef.rulebase
extensions() { printf '%s\n' "$1" | LD_LIBRARY_PATH=$LIBS root/usr/bin/lognormalizer -r cef.rulebase -e json | grep -o '"Extensions.*\|"unparsed-data"' | sed 's/ } }$//'; }
saw "suser first" '"Extensions": { "user": "u-7", "src": "192.0.2.7" }' "$(extensions 'CEF:0|V|P|1|100|login|5|suser=u-7 src=192.0.2.7')"
saw "src first" '"Extensions": { "rc": "192.0.2.7", "suser": "u-7" }' "$(extensions 'CEF:0|V|P|1|100|login|5|src=192.0.2.7 suser=u-7')"
saw "a space behind the bar" '"Extensions": { "src": "192.0.2.7" }' "$(extensions 'CEF:0|V|P|1|100|login|5| src=192.0.2.7')"
saw "a key with brackets" '"unparsed-data"' "$(extensions 'CEF:0|V|P|1|100|login|5|ad.user[0]=u-7')"
saw "CEF:1" '"unparsed-data"' "$(extensions 'CEF:1|V|P|1|100|login|5|suser=u-7')"
