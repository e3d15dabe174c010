#!/usr/bin/env bash
# Three syslog senders put nothing between two messages on TCP, and a fourth ends each with a carriage return.
#
# One would expect: octet counting or a line feed behind every message (RFC 6587 3.4.1 and 3.4.2); without one of them a receiver
# cannot tell where an event ends.
# What is so: npm winston-syslog 2.7.1 (tcp4, RFC 5424), npm pino-syslog 4.0.0 with its default settings and the crate syslog 7.0.0 (tcp)
# write one message directly behind the other. rsyslog 8.2302 stores two events of each sender as one. The crate fasyslog 1.0.1 ends
# messages with CR LF; rsyslog takes the LF and stores the CR as the four characters #015 at the end of every event.
# Source: seen; winston-syslog and the crate leave framing to the caller, pino-syslog has an option `newline` that is off.
# Why it matters: an audit trail of single events becomes one growing line per connection; only the first event has a time, a
# severity and an origin that anything can search. A digest of the fourth sender's text differs from the stored one.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

npm_packages winston-syslog@2.7.1 winston@3.19.0 pino-syslog@4.0.0
crates 'syslog = "=7.0.0"' 'fasyslog = "=1.0.1"' <<'X'
use syslog::{Facility, Formatter3164};
fn main() {
    let to = std::env::args().nth(1).unwrap();
    let format = Formatter3164 { facility: Facility::LOG_USER, hostname: Some("crate".into()), process: "app".into(), pid: 1 };
    let mut one = syslog::tcp(format, &to).unwrap();
    one.notice("first").unwrap();
    one.notice("second").unwrap();
    let mut two = fasyslog::sender::tcp(&to).unwrap();
    two.send_rfc5424(fasyslog::Severity::NOTICE, Some("fast"), Vec::new(), "first").unwrap();
    two.send_rfc5424(fasyslog::Severity::NOTICE, Some("fast"), Vec::new(), "second").unwrap();
    two.flush().unwrap();
}
X
cat > winston.js <<'X'
const winston = require("winston"), { Syslog } = require("winston-syslog");
const log = winston.createLogger({ levels: winston.config.syslog.levels, transports: [new Syslog({ host: "127.0.0.1", port: +process.argv[2], protocol: "tcp4", type: "RFC5424", localhost: "winston", app_name: "app" })] });
log.notice("first"); log.notice("second");
setTimeout(() => process.exit(), 1000);
X
rsyslog_begin <<X
template(name="parts" type="string" string="%hostname% %msgid% %msg%\n")
*.* action(type="omfile" file="$T/stored" template="parts")
X
node winston.js "$PORT"
printf '%s\n' '{"level":30,"time":1700000000123,"hostname":"pino","msg":"first"}' '{"level":30,"time":1700000000124,"hostname":"pino","msg":"second"}' |
    node node_modules/pino-syslog/psyslog.js | send "$PORT"
./program "127.0.0.1:$PORT"
rsyslog_end
events() { grep -c "^$1 " stored || true; }
saw "winston-syslog: sent 2, stored" 1 "$(events winston)"
saw "pino-syslog: sent 2, stored" 1 "$(events pino)"
saw "crate syslog: sent 2, stored" 1 "$(events crate)"
saw "the crate's one event, without its times" 'crate - first<13>DATE crate app[1]: second' "$(grep '^crate ' stored | sed -E 's/  / /g; s/[A-Z][a-z]{2} [0-9]{2} [0-9:]{8}/DATE/')"
saw "crate fasyslog: text stored of first and second" 'first#015 second#015' "$(grep ' fast ' stored | awk '{print $NF}' | paste -sd' ')"
