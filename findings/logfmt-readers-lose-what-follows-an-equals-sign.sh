#!/usr/bin/env bash
# Two logfmt readers change a value that holds an equals sign, and do not read back what their own writers wrote.
#
# One would expect: in `url=http://x/?a=b user=u-7` the value of url runs to the space; and what a package writes it reads.
# What is so: PyPI logfmt 0.4 gives url=http://x/?a and drops the rest; if the text behind = is the name of another key, that key's
# value is lost as well. npm logfmt 1.4.0 gives http://x/?ab: the sign is gone. Both write a line feed inside a value as a line feed, so
# that one event is two lines; npm does so without quotation marks.
# Source: seen; logfmt has no standard, each package's README shows such lines.
# Why it matters: request lines are what a web audit holds, and the changed address still looks like one.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

pypi logfmt==0.4
npm_packages logfmt@1.4.0
LINE='b="x y" url=http://x/?a=b user=u-7'
python3 -c 'import io, logfmt, sys; print(dict(next(logfmt.parse(io.StringIO(sys.argv[1])))))' "$LINE" > py.out
node -e 'console.log(JSON.stringify(require("logfmt").parse(process.argv[1])))' "$LINE" > js.out
saw "line" 'b="x y" url=http://x/?a=b user=u-7' "$LINE"
saw "PyPI" "{'b': True, 'url': 'http://x/?a', 'user': 'u-7'}" "$(cat py.out)"
saw "npm" '{"b":"x y","url":"http://x/?ab","user":"u-7"}' "$(cat js.out)"
saw "lines that PyPI writes for one event" 2 "$(python3 -c 'import logfmt; print(*logfmt.format({"note": "one\ntwo", "user": "u-7"}))' | wc -l)"
saw "lines that npm writes for one event" 2 "$(node -e 'console.log(require("logfmt").stringify({note: "one\ntwo", user: "u-7"}))' | wc -l)"
