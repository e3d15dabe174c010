#!/usr/bin/env bash
# s6-log and svlogd throw away the last line of a program that ends without a line feed; s6-log makes two lines of one at a NUL.
#
# One would expect: what a program wrote is logged to its last byte, as multilog (daemontools 0.76) does.
# What is so: s6-log of s6 2.11.3 and svlogd of runit 2.1.2 exit with 0 and store only the lines that ended. For s6-log a NUL ends a line
# as a line feed does, so that one line becomes two with a time each, and a line over 8 KiB is broken in pieces.
# Source: seen.
# Why it matters: the words without a line feed are the ones a killed or crashing program managed to write, and a JSON event that is
# cut at 8 KiB is two lines neither of which can be read.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

debs s6 libs6-2.11 libskarnet2.13 libexecline2.9 daemontools runit
debian s6 2.11.3.2
debian daemontools 0.76
debian runit 2.1.2
export LD_LIBRARY_PATH=$LIBS
mkdir s6 multilog svlogd
printf 'one\ntwo\0half\n%9000s\nlast words' "" | tr ' ' x | sed 's/lastxwords/last words/' > written
root/usr/bin/s6-log T ./s6 < written
root/usr/bin/multilog t ./multilog < written
root/usr/bin/svlogd svlogd < written
ends() { # the last word of each line of a file, at most five letters of it
    python3 -c 'import sys
for line in open(sys.argv[1]).read().rstrip("\n").split("\n"): print(line.replace("\0", "0").split()[-1][-5:])' "$1" | paste -sd' '
}
saw "written, ends of lines" 'one 0half xxxxx words' "$(ends written)"
saw "multilog" 'one 0half xxxxx words' "$(ends multilog/current)"
saw "s6-log" 'one two half xxxxx xxxxx' "$(ends s6/current)"
saw "svlogd, last line" xxxxx "$(ends svlogd/current | awk '{print $NF}')"
