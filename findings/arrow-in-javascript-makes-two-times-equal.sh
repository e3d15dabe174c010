#!/usr/bin/env bash
# Arrow for JavaScript hands out nanosecond times as milliseconds in a double, so that times up to 244 ns apart are one.
#
# One would expect: Timestamp(NANOSECOND) is 64 bits and comes out as a BigInt, as Int64 does from the same library.
# What is so: apache-arrow 21.2.0 gives 1700000000123.4568 for 1700000000123456789 and for ...790 ns: equal, and neither can be told from
# the other; the raw values stand in data[0].values. npm hyparquet 1.33.0 cuts the same column of a Parquet file to whole milliseconds.
# pyarrow 26.0.1 keeps all nine digits in both files.
# Source: seen.
# Why it matters: a browser that sorts or pages by time mixes up events of a burst, and a filter "equal to this time" finds another one.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

pypi pyarrow==26.0.1
npm_packages apache-arrow@21.2.0 hyparquet@1.33.0
cat > write.py <<'Y'
import pyarrow as pa, pyarrow.parquet as pq
table = pa.table({"t": pa.array([1700000000123456789, 1700000000123456790], pa.timestamp("ns", "UTC")), "n": pa.array([9007199254740993, 1], pa.int64())})
with pa.OSFile("log.arrow", "wb") as file, pa.ipc.new_stream(file, table.schema) as stream: stream.write_table(table)
pq.write_table(table, "log.parquet")
print([v.value for v in pq.read_table("log.parquet")["t"]])
Y
saw "pyarrow, both times of the Parquet file" '[1700000000123456789, 1700000000123456790]' "$(python3 write.py)"
cat > read.mjs <<'Y'
import { tableFromIPC } from "apache-arrow"; import { asyncBufferFromFile, parquetReadObjects } from "hyparquet"; import fs from "fs";
const table = tableFromIPC(fs.readFileSync("log.arrow")), t = table.getChild("t");
console.log("arrow", t.get(0), t.get(0) === t.get(1));
console.log("int64", typeof table.getChild("n").get(0), String(table.getChild("n").get(0)));
const rows = await parquetReadObjects({ file: await asyncBufferFromFile("log.parquet") });
console.log("parquet", rows.map(r => r.t.toISOString()).join(" "));
Y
node read.mjs > out
saw "apache-arrow, first time, and whether the second is equal" '1700000000123.4568 true' "$(sed -n 's/^arrow //p' out)"
saw "apache-arrow, an Int64 of the same table" 'bigint 9007199254740993' "$(sed -n 's/^int64 //p' out)"
saw "hyparquet, both times" '2023-11-14T22:13:20.123Z 2023-11-14T22:13:20.123Z' "$(sed -n 's/^parquet //p' out)"
