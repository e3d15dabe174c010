#!/usr/bin/env bash
# asn1js, under PKI.js and other CMS and RFC 3161 readers of JavaScript, reads a GeneralizedTime with an offset into another day and hour.
#
# One would expect: 20261130101112+0130 is 10:11:12 at an hour and a half east of UTC, so 2026-11-30T08:41:12Z (X.680 46.3 c); or a
# refusal, since DER allows Z alone.
# What is so: asn1js 4.0.0 gives 2026-11-03T11:41:12Z: the last digit of the day is lost and the offset is added where it must be
# taken away. With -0130 it is 08:41:12 of the 3rd. Times in Z are right, but for what lies below a millisecond, which is cut off.
# Source: seen.
# Why it matters: BER from an older service may carry offsets, also in attributes of a signature that are no DER. The evidence then
# is dated four weeks early, without an error, and only from the 10th of a month on: a test with the 1st to 9th shows another fault.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

npm_packages asn1js@4.0.0
cat > read.js <<'Y'
const { fromBER } = require("asn1js");
for (const text of process.argv.slice(2)) {
  const der = Uint8Array.from([0x18, text.length, ...Buffer.from(text)]);
  console.log(fromBER(der.buffer).result.toDate().toISOString());
}
Y
node read.js 20261130101112Z 20261130101112+0130 20261130101112-0130 20261130101112.123987Z > out
saw "in Z" 2026-11-30T10:11:12.000Z "$(sed -n 1p out)"
saw "+0130, expected 2026-11-30T08:41:12" 2026-11-03T11:41:12.000Z "$(sed -n 2p out)"
saw "-0130, expected 2026-11-30T11:41:12" 2026-11-03T08:41:12.000Z "$(sed -n 3p out)"
saw "with .123987" 2026-11-30T10:11:12.123Z "$(sed -n 4p out)"
