#!/usr/bin/env bash
# OpenTelemetry for JavaScript takes a time in seconds for milliseconds since the program began, so that the event lies weeks ahead.
#
# One would expect: `timestamp: 1700000000.123` is refused, or lands in January 1970 as milliseconds do: wrong, but visibly so.
# What is so: @opentelemetry/sdk-logs 0.223.1 reads a number smaller than the program's own start (in ms) as performance.now() and adds the
# start to it: 1.7e9 "ms" is 19.7 days, and an event of 2023 is dated 19.7 days after the program began. A Date and milliseconds are right.
# Source: seen; the type is TimeInput (hrtime, epoch ms, performance.now() or Date), told apart by size.
# Why it matters: the time looks recent and plausible, moves with every restart, and a log that accepts a day of clock skew takes it or not
# by chance. A receiver does well to warn of event times far ahead of the receipt.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

npm_packages @opentelemetry/sdk-logs@0.223.1 @opentelemetry/api-logs@0.223.1
cat > emit.js <<'X'
const { LoggerProvider, SimpleLogRecordProcessor, InMemoryLogRecordExporter } = require("@opentelemetry/sdk-logs");
const exporter = new InMemoryLogRecordExporter(), log = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter })] }).getLogger("t");
for (const timestamp of [new Date(1700000000123), 1700000000123, 1700000000.123]) log.emit({ body: "x", timestamp });
const [date, ms, s] = exporter.getFinishedLogRecords().map(r => r.hrTime);
console.log(date.join(), ms.join());
console.log(((s[0] - performance.timeOrigin / 1000) / 86400).toFixed(1));
X
node emit.js > out
saw "Date and milliseconds, as seconds and nanoseconds" '1700000000,123000000 1700000000,123000000' "$(sed -n 1p out)"
saw "seconds: days after the program began" 19.7 "$(sed -n 2p out)"
