#!/usr/bin/env bash
# Canonical JSON (RFC 8785) of two events with different 64-bit ids is the same text in four libraries; two others refuse both.
#
# One would expect: libraries of one canonical form give the same bytes, and different events give different bytes.
# What is so: RFC 8785 3.2.2.3 writes numbers as IEEE 754 doubles do. For ids 9007199254740992 and ...993 npm canonicalize 4.0.0, PyPI
# jcs 0.2.1 and the crates serde_jcs 0.2.0 and serde_json_canonicalizer 0.4.1 give one text, ending in 992, though Python and Rust hold
# the integers exactly; PyPI rfc8785 0.1.4 and the crate json-canon 0.1.3 refuse the event (RFC 8785 appendix D only advises texts).
# Source: seen.
# Why it matters: a hash or a signature over such a form covers the wrong id: sequence numbers, Windows keywords and snowflake ids pass
# 2^53. What one library signs the other cannot even check. Hash the original bytes, or carry such ids as texts.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

A='{"id":9007199254740992}' B='{"id":9007199254740993}'
pypi jcs==0.2.1 rfc8785==0.1.4
npm_packages canonicalize@4.0.0
crates 'serde_json = "1"' 'serde_jcs = "=0.2.0"' 'serde_json_canonicalizer = "=0.4.1"' 'json-canon = "=0.1.3"' <<'X'
fn main() {
    let v: serde_json::Value = serde_json::from_str(&std::env::args().nth(1).unwrap()).unwrap();
    println!("serde_jcs {}", serde_jcs::to_string(&v).unwrap_or("refused".into()));
    println!("serde_json_canonicalizer {}", serde_json_canonicalizer::to_string(&v).unwrap_or("refused".into()));
    println!("json-canon {}", json_canon::to_string(&v).unwrap_or("refused".into()));
}
X
cat > canon.py <<'X'
import json, sys, jcs, rfc8785
v = json.loads(sys.argv[1])
print("jcs", jcs.canonicalize(v).decode())
try: print("rfc8785", rfc8785.dumps(v).decode())
except rfc8785.IntegerDomainError: print("rfc8785 refused")
X
cat > canon.mjs <<'X'
import canonicalize from "canonicalize";
console.log("canonicalize", canonicalize(JSON.parse(process.argv[2])));
X
for e in "$A" "$B"; do
    { node canon.mjs "$e"; python3 canon.py "$e"; ./program "$e"; } > out
    for name in canonicalize jcs serde_jcs serde_json_canonicalizer; do saw "$e by $name" "$A" "$(sed -n "s/^$name //p" out)"; done
    for name in rfc8785 json-canon; do saw "$e by $name" refused "$(sed -n "s/^$name //p" out)"; done
done
