#!/usr/bin/env bash
# A burst of 10,000 log records loses thousands of them in OpenTelemetry's batch processors, and the flush reports success.
#
# One would expect: emit blocks, fails or says so, or the flush does (the specification's queue of 2048 "after which logs are
# dropped" leaves open how one learns of it).
# What is so: opentelemetry-sdk 1.45.2 (Python) and @opentelemetry/sdk-logs 0.223.1 (JavaScript) drop what does not fit. emit returns
# nothing, force_flush gives True, forceFlush resolves. Python says "Queue full, dropping Log." once for all of them, JavaScript
# says nothing by default. How many are lost depends on the machine's speed.
# Source: seen with exporters that succeed and keep everything in memory.
# Why it matters: a sign-in storm is such a burst. A receiver cannot see the gap either, as OTLP records have no number: put a
# sequence number into every record, or do not take this way for audit events.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

pypi opentelemetry-sdk==1.45.2
npm_packages @opentelemetry/sdk-logs@0.223.1 @opentelemetry/api-logs@0.223.1
cat > emit.py <<'X'
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, InMemoryLogRecordExporter
memory, provider = InMemoryLogRecordExporter(), LoggerProvider()
slow, export = 0.05, memory.export
def delayed(batch):
    import time; time.sleep(slow)
    return export(batch)
memory.export = delayed
provider.add_log_record_processor(BatchLogRecordProcessor(memory))
log = provider.get_logger("t")
for n in range(10000): log.emit(LogRecord(body=str(n)))
flushed = provider.force_flush()
print(flushed, "lost" if len(memory.get_finished_logs()) < 10000 else "all there")
X
cat > emit.js <<'X'
const { LoggerProvider, BatchLogRecordProcessor, InMemoryLogRecordExporter } = require("@opentelemetry/sdk-logs");
const exporter = new InMemoryLogRecordExporter(), provider = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter })] });
const log = provider.getLogger("t");
for (let n = 0; n < 10000; n++) log.emit({ body: String(n) });
provider.forceFlush().then(() => console.log("resolved", exporter.getFinishedLogRecords().length < 10000 ? "lost" : "all there"));
X
python3 emit.py > py.out 2> py.err; node emit.js > js.out 2> js.err
saw "Python" 'True lost' "$(cat py.out)"
saw "Python, lines about it" 1 "$(grep -c 'Queue full' py.err)"
saw "JavaScript" 'resolved lost' "$(cat js.out)"
saw "JavaScript, lines about it" 0 "$(wc -l < js.err)"
