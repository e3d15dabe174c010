#!/usr/bin/env bash
# The PyPI package uuid7 makes version 7 UUIDs that other readers date to the year 2190 and later.
#
# One would expect: the first 48 bits of a version 7 UUID are milliseconds since 1970 (RFC 9562 5.7), for every package of that name.
# What is so: uuid7 0.1.0 follows an early draft with 36 bits of seconds and a fraction. Version and variant bits are the same, so
# that nothing refuses it: uuid_extensions' id of 2023-11-14 has 48 bits that say 2190, and lastuuid 0.5.0 and edwh-uuid7 0.2.3 read
# such a date out of it without a word. It sorts behind every id that a conforming package makes in this century.
# Source: seen.
# Why it matters: a log that takes the event's time or order from its id puts these events at the end for good, and a range by id
# leaves them out.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

pypi uuid7==0.1.0 uuid6==2025.0.1 lastuuid==0.5.0 edwh-uuid7==0.2.3
cat > read.py <<'Y'
import uuid, lastuuid, edwh_uuid7, uuid6, datetime, warnings
from uuid_extensions import uuid7
warnings.simplefilter("ignore")
old = uuid7(1700000000 * 10**9)
print("version", old.version, old.variant == uuid.RFC_4122)
print("milliseconds", datetime.datetime.fromtimestamp((old.int >> 80) / 1000, datetime.timezone.utc).year)
print("lastuuid", lastuuid.uuid7_to_datetime(lastuuid.UUID(str(old)) if hasattr(lastuuid, "UUID") else old).year)
print("edwh", edwh_uuid7.uuid7_to_datetime(old).year)
print("sorts", str(old) > str(uuid6.uuid7()))
Y
python3 read.py > out
saw "version 7 and the variant of RFC 9562" '7 True' "$(sed -n 's/^version //p' out)"
saw "year in the 48 bits of an id made for 2023-11-14" 2190 "$(sed -n 's/^milliseconds //p' out)"
saw "the same by lastuuid" 2190 "$(sed -n 's/^lastuuid //p' out)"
saw "the same by edwh-uuid7" 2190 "$(sed -n 's/^edwh //p' out)"
saw "the id of 2023 sorts behind one that uuid6 makes now" True "$(sed -n 's/^sorts //p' out)"
