#!/usr/bin/env bash
# Three npm GELF senders cut a large event into more chunks than a receiver may take, and report success.
#
# One would expect: an event that needs over 128 chunks is refused with an error, since "a message MUST NOT consist of more than 128
# chunks" (GELF documentation, chunking), as npm gelf-pro 1.4.0 does.
# What is so: gelf 2.0.1, gelfling 0.3.1 and graygelf 2.0.0 send 300 kB of text that does not compress as 160 to 183 datagrams for
# one event. gelfling calls back without an error; the other two emit none.
# Source: seen.
# Why it matters: a receiver that keeps the rule throws every part away, so that the largest events (a request body, a stack trace)
# are the ones missing, and nobody is told.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

npm_packages gelf@2.0.1 gelfling@0.3.1 graygelf@2.0.0 gelf-pro@1.4.0
cat > send.mjs <<'Y'
import { createRequire } from "module"; import crypto from "crypto"; import dgram from "dgram"; const require = createRequire(import.meta.url);
const socket = dgram.createSocket("udp4"); await new Promise(r => socket.bind(0, "127.0.0.1", r));
socket.setRecvBufferSize(4 << 20);
const port = socket.address().port, text = crypto.randomBytes(225000).toString("base64"); let count = 0, errors = [];
socket.on("message", () => { count++; });
const seen = async (name, send) => { count = 0; errors = []; send(e => { if (e) errors.push("error"); }); await new Promise(r => setTimeout(r, 1500)); console.log(name, count > 128 ? "over 128" : count, errors[0] ?? "no error"); };
await seen("gelf-pro", done => { const g = require("gelf-pro"); g.setConfig({ adapterName: "udp", adapterOptions: { host: "127.0.0.1", port } }); g.info(text, {}, done); });
await seen("gelf", done => { const g = new (require("gelf"))({ graylogPort: port, graylogHostname: "127.0.0.1", connection: "wan", maxChunkSizeWan: 1420, maxChunkSizeLan: 8154 }); g.on("error", done); g.emit("gelf.log", text); });
await seen("gelfling", done => require("gelfling")("127.0.0.1", port).send({ short_message: text }, done));
await seen("graygelf", done => { const g = require("graygelf")({ host: "127.0.0.1", port }); g.on("error", done); g.info(text); });
process.exit(0);
Y
node send.mjs > out
saw "gelf-pro, datagrams" '0 error' "$(sed -n 's/^gelf-pro //p' out)"
for name in gelf gelfling graygelf; do saw "$name, datagrams" 'over 128 no error' "$(sed -n "s/^$name //p" out)"; done
