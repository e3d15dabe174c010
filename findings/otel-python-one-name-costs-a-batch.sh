#!/usr/bin/env bash
# In the OpenTelemetry Python SDK one log record with a file name that is no UTF-8 takes up to 511 other records with it.
#
# One would expect: a record that cannot be encoded is left out, or its text is replaced, and the others of the batch arrive; and
# force_flush says whether they did.
# What is so: opentelemetry-sdk 1.45.2 with the OTLP/HTTP exporter drops the whole batch when a body holds a lone surrogate, as Python
# itself makes one for a file name that is no UTF-8 (PEP 383, os.fsdecode), or an integer above 2^63-1. force_flush returns True; one
# line "Failed to encode logs batch" goes to the logging module. The same values in an attribute cost only that attribute, without
# dropped_attributes_count saying so.
# Source: seen against a local receiver that accepts everything.
# Why it matters: the events beside a strange one are missing at the receiver, and both sides count success.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

pypi opentelemetry-sdk==1.45.2 opentelemetry-exporter-otlp-proto-http==1.45.2
cat > emit.py <<'X'
import http.server, logging, os, threading
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
logging.disable()
arrived = []
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        request = ExportLogsServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
        arrived.extend(r for a in request.resource_logs for b in a.scope_logs for r in b.log_records)
        self.send_response(200); self.send_header("content-length", "0"); self.end_headers()
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
name = os.fsdecode(b"/srv/caf\xe9")
for title, record in (("plain", dict(body="open /srv/cafe")), ("name in body", dict(body="open " + name)), ("id in body", dict(body={"id": 2**63})),
                      ("name in attribute", dict(body="open", attributes={"actor": "u-7", "file": name}))):
    arrived.clear()
    provider = LoggerProvider()
    provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint=f"http://127.0.0.1:{server.server_port}/v1/logs")))
    log = provider.get_logger("t")
    for n in range(100): log.emit(LogRecord(body=str(n)))
    log.emit(LogRecord(**record))
    flushed = provider.force_flush()
    more = f", its attributes {[a.key for a in arrived[-1].attributes]}, dropped {arrived[-1].dropped_attributes_count}" if "attributes" in record else ""
    print(f"{title}: flushed {flushed}, arrived {len(arrived)} of 101{more}")
    provider.shutdown()
X
python3 emit.py 2>/dev/null > out
saw "1" 'plain: flushed True, arrived 101 of 101' "$(sed -n 1p out)"
saw "2" 'name in body: flushed True, arrived 0 of 101' "$(sed -n 2p out)"
saw "3" 'id in body: flushed True, arrived 0 of 101' "$(sed -n 3p out)"
saw "4" "name in attribute: flushed True, arrived 101 of 101, its attributes ['actor'], dropped 0" "$(sed -n 4p out)"
