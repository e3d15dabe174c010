#!/usr/bin/env bash
# Two npm CSV writers do not quote a carriage return, so that one event is two rows; a third escapes quotation marks its own way.
#
# One would expect: a field with CR, LF, comma or quotation mark is put in quotation marks, a quotation mark is doubled (RFC 4180 2.6, 2.7).
# What is so: csv-writer 1.6.0 and objects-to-csv 1.3.6 quote a line feed but not a lone CR: Python's csv module sees a second
# row. to-csv 0.1.1 writes backslash and quotation mark, so that the comma behind it begins a new column for every other reader. And
# objects-to-csv writes true as 1 and false as nothing, the same as null and the empty text.
# Source: seen.
# Why it matters: a user agent or file name with a CR writes the first columns of a row of its own, and "allowed: false" is blank.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

npm_packages csv-writer@1.6.0 objects-to-csv@1.3.6 to-csv@0.1.1
cat > write.mjs <<'Y'
import { createRequire } from "module"; import fs from "fs"; const require = createRequire(import.meta.url);
const cr = [{ id: "1", agent: "a\r2,b", who: "alice" }], lf = [{ id: "1", agent: "a\n2,b", who: "alice" }];
const writer = require("csv-writer").createObjectCsvStringifier({ header: ["id", "agent", "who"] });
const Objects = require("objects-to-csv"), objects = async rows => (await new Objects(rows).toString()).split("\n").slice(1).join("\n");
fs.writeFileSync("writer-cr", writer.stringifyRecords([{ ...cr[0], agent: "a\r2" }]));
fs.writeFileSync("writer-lf", writer.stringifyRecords([{ ...lf[0], agent: "a\n2" }]));
fs.writeFileSync("objects-cr", await objects([{ ...cr[0], agent: "a\r2" }]));
fs.writeFileSync("objects-false", await objects([{ id: "1", allowed: true }, { id: "2", allowed: false }, { id: "3", allowed: null }]));
fs.writeFileSync("to-csv", require("to-csv")([{ id: "1", text: 'said "no", left', who: "x" }]).split("\n").slice(1).join("\n"));
Y
node write.mjs
rows() { python3 -c 'import csv, json, sys; print(json.dumps([r for r in csv.reader(open(sys.argv[1], newline=""))]))' "$1"; }
saw "csv-writer, line feed in a field" '[["1", "a\n2", "alice"]]' "$(rows writer-lf)"
saw "csv-writer, carriage return in a field" '[["1", "a"], ["2", "alice"]]' "$(rows writer-cr)"
saw "objects-to-csv, carriage return in a field" '[["1", "a"], ["2", "alice"]]' "$(rows objects-cr)"
saw "objects-to-csv, true, false and null" '[["1", "1"], ["2", ""], ["3", ""]]' "$(rows objects-false)"
saw "to-csv, quotation marks and a comma" '[["1", "said \\no\\\"", " left\"", "x"]]' "$(rows to-csv)"
