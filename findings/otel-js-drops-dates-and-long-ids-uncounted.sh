#!/usr/bin/env bash
# OpenTelemetry for JavaScript leaves out log attributes that are a Date or a BigInt, and counts none of them as dropped.
#
# One would expect: a value that OTLP cannot hold is turned into text or counted in dropped_attributes_count (OTLP logs.proto: the
# number of attributes that were discarded), and one such value inside an object does not cost the object.
# What is so: @opentelemetry/sdk-logs 0.223.1 stores no attribute for a BigInt, a Date or an Error, an object that holds one is left
# out as a whole, and droppedAttributesCount is 0. In a body they stay as empty values: a time becomes an empty list. 1e20 is sent as
# intValue, past 64 bits, in JSON and as a double in protobuf.
# Source: seen.
# Why it matters: ids over 2^53 are BigInt in every database client, and times are Dates: the event arrives without them and says that
# nothing is missing.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

npm_packages @opentelemetry/sdk-logs@0.223.1 @opentelemetry/otlp-transformer@0.223.1
cat > emit.mjs <<'Y'
import { JsonLogsSerializer, ProtobufLogsSerializer } from "@opentelemetry/otlp-transformer";
import { LoggerProvider, SimpleLogRecordProcessor, InMemoryLogRecordExporter } from "@opentelemetry/sdk-logs";
const exporter = new InMemoryLogRecordExporter(), provider = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter })] });
const values = { id: 9007199254740993n, at: new Date(1700000000123), cause: new Error("denied") };
provider.getLogger("x").emit({ body: values, attributes: { ...values, target: { id: 1n, name: "alice" }, actor: "u-7" } });
provider.getLogger("x").emit({ body: "b", attributes: { large: 1e20 } });
const sent = exporter.getFinishedLogRecords();
const [first, second] = JSON.parse(new TextDecoder().decode(JsonLogsSerializer.serializeRequest(sent))).resourceLogs[0].scopeLogs[0].logRecords;
console.log("attributes", first.attributes.map(a => a.key).join());
console.log("dropped", first.droppedAttributesCount);
console.log("body", JSON.stringify(first.body.kvlistValue.values));
console.log("json", JSON.stringify(second.attributes[0].value));
console.log("protobuf", Buffer.from(ProtobufLogsSerializer.serializeRequest(sent)).toString("hex").includes("21408cb5781daf1544") ? "double" : "other");
Y
node emit.mjs > out
saw "attributes that arrive of id, at, cause, target, actor" actor "$(sed -n 's/^attributes //p' out)"
saw "dropped attributes by the record's own count" 0 "$(sed -n 's/^dropped //p' out)"
saw "the same three in a body" '[{"key":"id","value":{}},{"key":"at","value":{"kvlistValue":{"values":[]}}},{"key":"cause","value":{"kvlistValue":{"values":[]}}}]' "$(sed -n 's/^body //p' out)"
saw "1e20 in JSON" '{"intValue":100000000000000000000}' "$(sed -n 's/^json //p' out)"
saw "1e20 in protobuf" double "$(sed -n 's/^protobuf //p' out)"
