#!/usr/bin/env bash
# A log compressed by pzstd, the parallel tool of the zstd project itself, is empty or damaged to several zstd libraries.
#
# One would expect: pzstd writes RFC 8878 (frames, with a skippable frame of four bytes before each), the tool zstd reads it, and
# a library gives the 6,000,000 bytes.
# What is so: zstandard 0.25.0 (PyPI) takes the skippable frame for the content: decompress() complains of "expected 4", and
# decompressobj() and read_to_iter() give nothing and no error; its stream_reader gives all. Of npm, zstd-codec 0.1.5 (Simple) gives
# null, zstddec 0.3.4 gives some 17 MB that are not the content, fzstd 0.1.1 reads it.
# Source: seen; RFC 8878 3.1.2 allows skippable frames anywhere.
# Why it matters: an empty stream without an error is what a day without events looks like.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

pypi zstandard==0.25.0
npm_packages zstd-codec@0.1.5 zstddec@0.3.4 fzstd@0.1.1
debs zstd
debian zstd 1.5.4+dfsg2
yes "an event" | head -c 6000000 > log || true
LD_LIBRARY_PATH=$LIBS root/usr/bin/pzstd -q -p 2 log -o log.zst
saw "first bytes" 502a4d1804000000 "$(head -c 8 log.zst | od -An -tx1 | tr -d ' \n')"
saw "zstd reads" 6000000 "$(LD_LIBRARY_PATH=$LIBS root/usr/bin/zstd -dcq log.zst | wc -c)"
cat > read.py <<'Y'
import io, zstandard as z
data = open("log.zst", "rb").read()
def size(read):
    try: return len(read())
    except z.ZstdError as error: return str(error)
d = z.ZstdDecompressor()
print(size(lambda: d.decompress(data)))
print(size(lambda: d.decompressobj().decompress(data)))
print(size(lambda: b"".join(d.read_to_iter(io.BytesIO(data)))))
print(size(lambda: d.stream_reader(io.BytesIO(data)).read()))
Y
python3 read.py > out
saw "zstandard, decompress" "decompression error: decompressed 0 bytes; expected 4" "$(sed -n 1p out)"
saw "zstandard, decompressobj" 0 "$(sed -n 2p out)"
saw "zstandard, read_to_iter" 0 "$(sed -n 3p out)"
saw "zstandard, stream_reader" 6000000 "$(sed -n 4p out)"
cat > read.mjs <<'Y'
import fs from "fs";
import codec from "zstd-codec";
import { ZSTDDecoder } from "zstddec";
import { decompress } from "fzstd";
const data = new Uint8Array(fs.readFileSync("log.zst")), decoder = new ZSTDDecoder();
await decoder.init();
await new Promise(done => codec.ZstdCodec.run(zstd => { console.log(String(new zstd.Simple().decompress(data))); done(); }));
const found = decoder.decode(data);
console.log(found.length > 6000000, found[0]);
console.log(decompress(data).length);
Y
node read.mjs > out
saw "zstd-codec, Simple" null "$(sed -n 1p out)"
saw "zstddec gives more than there is; its first byte" "true 0" "$(sed -n 2p out)"
saw "fzstd" 6000000 "$(sed -n 3p out)"
