#!/usr/bin/env bash
# Five JSON Schema validators give three verdicts on the same four times, and Python's lets a line feed through at the end of an id.
#
# One would expect: "format": "date-time" is RFC 3339 everywhere once formats are checked: the leap second of 2016 is valid, 30 February
# and an offset without colon are not; and the pattern ^[a-z]+$ holds no line feed (ECMA-262, which JSON Schema names for patterns).
# What is so: PyPI jsonschema 4.26.0 with rfc3339-validator 0.1.4 refuses the leap second and takes a time with a line feed behind it; it
# also takes "abc" with a line feed for that pattern. fastjsonschema 2.22.3 and ajv 8.20.0 with ajv-formats 3.0.1 take +0100.
# npm is-my-json-valid 2.20.6 and jsonschema 1.5.0 take 30 February.
# Source: seen.
# Why it matters: an event that passed the sender's check is refused by the receiver's, and an actor "alice" with a line feed is a
# second alice.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

pypi jsonschema==4.26.0 rfc3339-validator==0.1.4 fastjsonschema==2.22.3
npm_packages ajv@8.20.0 ajv-formats@3.0.1 is-my-json-valid@2.20.6 jsonschema@1.5.0
cat > check.py <<'Y'
import jsonschema, fastjsonschema
schema = {"type": "string", "format": "date-time"}
checked = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
fast = fastjsonschema.compile(schema)
def passes(text):
    try: fast(text); return True
    except fastjsonschema.JsonSchemaValueException: return False
times = ["2016-12-31T23:59:60Z", "2026-02-30T12:00:00Z", "2026-11-29T12:00:00+0100", "2026-11-29T12:00:00Z\n"]
print("jsonschema", *(int(checked.is_valid(t)) for t in times))
print("fastjsonschema", *(int(passes(t)) for t in times))
print("pattern", int(jsonschema.Draft202012Validator({"pattern": "^[a-z]+$"}).is_valid("abc\n")))
Y
cat > check.mjs <<'Y'
import { createRequire } from "module"; const require = createRequire(import.meta.url);
const schema = { type: "string", format: "date-time" }, ajv = new (require("ajv").default)();
require("ajv-formats").default(ajv);
const other = new (require("jsonschema").Validator)(), judges = { ajv: ajv.compile(schema), "is-my-json-valid": require("is-my-json-valid")(schema), "npm-jsonschema": t => other.validate(t, schema).valid };
const times = ["2016-12-31T23:59:60Z", "2026-02-30T12:00:00Z", "2026-11-29T12:00:00+0100", "2026-11-29T12:00:00Z\n"];
for (const [name, judge] of Object.entries(judges)) console.log(name, ...times.map(t => +judge(t)));
console.log("pattern", +ajv.validate({ type: "string", pattern: "^[a-z]+$" }, "abc\n"));
Y
python3 check.py > python; node check.mjs > node
seen() { sed -n "s/^$2 //p" "$1"; }
order="leap second, 30 February, +0100, line feed"
saw "PyPI jsonschema: $order" '0 0 0 1' "$(seen python jsonschema)"
saw "fastjsonschema: $order" '1 0 1 0' "$(seen python fastjsonschema)"
saw "ajv: $order" '1 0 1 0' "$(seen node ajv)"
saw "is-my-json-valid: $order" '1 1 0 0' "$(seen node is-my-json-valid)"
saw "npm jsonschema: $order" '1 1 0 0' "$(seen node npm-jsonschema)"
saw "pattern without a line feed, PyPI jsonschema and ajv" '1 0' "$(seen python pattern) $(seen node pattern)"
