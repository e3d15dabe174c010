#!/usr/bin/env bash
# With winston-gelf one Error among the fields of an event makes all other fields vanish; gelf-pro writes lists of objects as text without content.
#
# One would expect: logger.info("export denied", { user, document, cause: error }) reaches Graylog with user and document and
# something of the error; a list of changes arrives as JSON or as several fields.
# What is so: winston-gelf 1.7.0 sends message and stack of the Error alone: user and document are gone. gelf-pro 1.4.0 beneath it
# writes [{"field":"role"}] as "[object Object]", a Map the same, and a Date in words without its milliseconds; and a field named
# host, level or timestamp replaces what the protocol has under that name.
# Source: seen.
# Why it matters: the event of a failure is the one that loses who and what, and an audit's list of changes says nothing.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

npm_packages winston-gelf@1.7.0 gelf-pro@1.4.0 winston@3.19.0
cat > emit.js <<'Y'
const net = require("net"), winston = require("winston"), Gelf = require("winston-gelf"), seen = [];
const own = m => Object.keys(m).filter(k => k[0] === "_" && k !== "_error_stack").sort().map(k => k + "=" + m[k]).join(" ");
const server = net.createServer(socket => {
  let text = "";
  const take = () => {
    for (let end; (end = text.indexOf("\0")) >= 0; text = text.slice(end + 1)) seen.push(JSON.parse(text.slice(0, end)));
    if (seen.length < 3) return;
    seen.sort((a, b) => a.short_message < b.short_message ? -1 : 1).forEach(m => console.log(own(m)));
    console.log(seen[2].host, seen[2].level);
    process.exit(0);
  };
  socket.on("data", data => { text += data; take(); });
}).listen(0, "127.0.0.1", () => {
  const log = winston.createLogger({ transports: [new Gelf({ gelfPro: { adapterName: "tcp", adapterOptions: { host: "127.0.0.1", port: server.address().port } } })] });
  log.info("1 allowed", { user: "u-7", document: "d-1" });
  log.info("2 denied", { user: "u-7", document: "d-1", cause: new RangeError("quota") });
  log.info("3 changed", { user: "u-7", changes: [{ field: "role" }], when: new Date(1700000000123), host: "db-1" });
});
setTimeout(() => process.exit(1), 20000);
Y
node emit.js > out
saw "an event without an Error" '_document=d-1 _user=u-7' "$(sed -n 1p out)"
saw "the same with one" '_error_message=quota' "$(sed -n 2p out)"
saw "list and date" '_changes=[object Object] _user=u-7 _when=Tue Nov 14 2023 22:13:20 GMT+0000 (Coordinated Universal Time)' "$(sed -n 3p out)"
saw "host of the sender" 'db-1 6' "$(sed -n 4p out)"
