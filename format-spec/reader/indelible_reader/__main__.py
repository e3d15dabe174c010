"""Command line of the independent reader. Exit: 0 right, 1 operational error, 2 usage, 3 a mismatch."""

import argparse
import json
import sys

from .bits import Damage
from .log import Log, NotALog
from .vectors import run_vectors


def arguments(argv):
    parser = argparse.ArgumentParser(prog="indelible_reader", description="Reads an Indelible log and recomputes what it commits to.")
    parser.add_argument("log", nargs="?", metavar="LOG", help="log directory")
    parser.add_argument("--records", action="store_true", help="one JSON object a record on stdout; the summary goes to stderr")
    parser.add_argument("--json", action="store_true", help="the summary as one JSON object")
    parser.add_argument("--key", metavar="VKEY", help="verifier key to trust instead of log.pub's")
    parser.add_argument("--vectors", metavar="DIR", help="check the test vectors of a directory instead of a log")
    options = parser.parse_args(argv)
    if (options.log is None) == (options.vectors is None):
        parser.error("name either LOG or --vectors DIR")
    return options


def print_summary(summary, options):
    out = sys.stderr if options.records else sys.stdout
    if options.json:
        print(json.dumps(summary, ensure_ascii=False), file=out)
        return
    for name, value in summary.items():
        if name != "notes":
            print(f"{name:16} {value}", file=out)
    for note in summary["notes"]:
        print(f"note: {note}", file=out)


def main(argv=None):
    options = arguments(argv)
    # ASCII escapes keep control characters of a record from reaching a terminal.
    emit = (lambda record: sys.stdout.write(json.dumps(record) + "\n")) if options.records else None
    try:
        if options.vectors:
            failures = run_vectors(options.vectors)
            return 3 if failures else 0
        print_summary(Log(options.log, emit, options.key).run(), options)
        return 0
    except Damage as damage:
        print(f"mismatch: {damage}", file=sys.stderr)
        return 3
    except (NotALog, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
