#!/usr/bin/env bash
# Elastic's ecs-logging for Python writes no record at all when an exception is logged beside a field named `error`.
#
# One would expect: log.exception("denied", extra={"error": "E42"}) writes a record with both, or with one of them under another
# name; the same call without an exception works.
# What is so: ecs-logging 2.3.0 (StdlibFormatter) cannot merge the text with error.type, error.message and error.stack_trace of ECS and
# raises inside the handler; logging prints a traceback to standard error and the record is gone. The field `log` does it always.
# Source: seen; ECS 9 "error" is an object, and nothing says that a caller's key may not be its name.
# Why it matters: of all records it is the one of the failure that is missing, and only when the failure happens. A log that
# is compared by counts alone shows nothing.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

pypi ecs-logging==2.3.0
cat > emit.py <<'X'
import logging, sys, ecs_logging
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(ecs_logging.StdlibFormatter())
log = logging.getLogger("app"); log.addHandler(handler)
log.error("refused", extra={"error": "E42"})
try: raise PermissionError("denied")
except PermissionError:
    log.exception("failed", extra={"error": "E42"})
    log.exception("failed again", extra={"code": "E42"})
log.error("moved", extra={"log": "archive"})
X
python3 emit.py > out 2> err
saw "records asked for" 4 "$(grep -c '^ *log\.e' emit.py)"
saw "records written" 'refused,failed again' "$(python3 -c 'import json; print(",".join(json.loads(l)["message"] for l in open("out")))')"
saw "tracebacks on standard error" 2 "$(grep -c '^--- Logging error' err)"
