#!/usr/bin/env bash
# The Python client of NATS hands out only the last value of a header that a message repeats; the JavaScript client has all.
#
# One would expect: a header name may stand several times, with a list of values (NATS ADR-4), and a client shows each.
# What is so: nats-py 2.16.0 makes a plain dict: of X-Actor: alice and X-Actor: bob it keeps bob and says nothing. @nats-io/nats-core
# 3.4.0 reads both. Both take spaces at the ends of a value away when sending.
# Source: seen, against a socket that speaks the four words of the protocol that the client needs; no NATS server.
# Why it matters: a chain of proxies or approvers that each add a header of one name is a single actor to the Python consumer, the last.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

pypi nats-py==2.16.0
npm_packages @nats-io/nats-core@3.4.0
cat > read.py <<'Y'
import asyncio, nats
block = b"NATS/1.0\r\nX-Actor: alice\r\nX-Actor: bob\r\n\r\n"
sent = []
async def server(reader, writer):
    writer.write(b'INFO {"server_id":"x","version":"2.10.0","headers":true,"max_payload":1048576,"proto":1}\r\n')
    while line := await reader.readline():
        if line.startswith(b"PING"): writer.write(b"PONG\r\n")
        if line.startswith(b"SUB"): writer.write(b"HMSG s %s %d %d\r\n" % (line.split()[-1], len(block), len(block) + 2) + block + b"ok\r\n")
        if line.startswith(b"HPUB"): sent.append(await reader.readexactly(int(line.split()[-1]) + 2))
        await writer.drain()
async def main():
    listening = await asyncio.start_server(server, "127.0.0.1", 0)
    client = await nats.connect("nats://127.0.0.1:%d" % listening.sockets[0].getsockname()[1], allow_reconnect=False)
    got = asyncio.Queue()
    await client.subscribe("s", cb=got.put)
    print("read", dict((await asyncio.wait_for(got.get(), 5)).headers))
    await client.publish("p", b"d", headers={"X-Text": " two "})
    await client.flush()
    print("sent", sent[0])
    await client.close(); listening.close()
asyncio.run(asyncio.wait_for(main(), 20))
Y
python3 read.py > out
saw "nats-py, of alice and bob" "{'X-Actor': 'bob'}" "$(sed -n 's/^read //p' out)"
saw "nats-py sends the value ' two ' as" "b'NATS/1.0\\r\\nX-Text: two\\r\\n\\r\\nd\\r\\n'" "$(sed -n 's/^sent //p' out)"
cat > read.mjs <<'Y'
import { MsgHdrsImpl } from "@nats-io/nats-core/internal";
const read = MsgHdrsImpl.decode(new TextEncoder().encode("NATS/1.0\r\nX-Actor: alice\r\nX-Actor: bob\r\n\r\n"));
console.log(JSON.stringify(read.values("X-Actor")));
Y
saw "nats-core, of alice and bob" '["alice","bob"]' "$(node read.mjs)"
