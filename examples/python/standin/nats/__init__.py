"""A stand-in for nats-py, for tests on machines that can't install it: the few calls that ../../publish.py makes, with
the same names and errors, over NATS' own protocol. It neither reconnects nor knows TLS or credentials: use the real
client."""

import asyncio
import json
import uuid
from types import SimpleNamespace
from urllib.parse import urlsplit

from nats import errors
from nats.js.client import JetStreamContext


async def connect(servers):
    url = urlsplit(servers)
    reader, writer = await asyncio.open_connection(url.hostname, url.port or 4222)
    return await NATS(reader, writer)._start()


class NATS:
    def __init__(self, reader, writer):
        self._reader, self._writer = reader, writer
        self._inbox = f"_INBOX.{uuid.uuid4().hex}"
        self._waiting = {}

    async def _start(self):
        await self._reader.readline()  # INFO
        options = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True, "lang": "python3"}
        self._writer.write(f"CONNECT {json.dumps(options)}\r\nSUB {self._inbox}.* 1\r\n".encode())
        self._reading = asyncio.create_task(self._read())
        return self

    def jetstream(self):
        return JetStreamContext(self)

    async def request(self, subject, payload=b"", timeout=0.5, headers=None):
        token = uuid.uuid4().hex
        answer = self._waiting[token] = asyncio.get_running_loop().create_future()
        head = b""
        if headers:
            head = b"NATS/1.0\r\n" + b"".join(f"{k}: {v}\r\n".encode() for k, v in headers.items()) + b"\r\n"
        size = f"{len(head)} {len(head) + len(payload)}" if head else f"{len(payload)}"
        verb = "HPUB" if head else "PUB"
        self._writer.write(f"{verb} {subject} {self._inbox}.{token} {size}\r\n".encode() + head + payload + b"\r\n")
        try:
            msg = await asyncio.wait_for(answer, timeout)
        except asyncio.TimeoutError:
            raise errors.TimeoutError from None
        finally:
            del self._waiting[token]
        if msg.head.startswith(b"NATS/1.0 503"):
            raise errors.NoRespondersError
        return msg

    async def _read(self):
        while line := await self._reader.readline():
            verb, *rest = line.decode().split()
            if verb == "PING":
                self._writer.write(b"PONG\r\n")
            elif verb in ("MSG", "HMSG"):
                size, split = int(rest[-1]), int(rest[-2]) if verb == "HMSG" else 0
                body = (await self._reader.readexactly(size + 2))[:-2]
                answer = self._waiting.get(rest[0].rpartition(".")[2])
                if answer is not None and not answer.done():
                    answer.set_result(SimpleNamespace(head=body[:split], data=body[split:]))

    async def close(self):
        self._reading.cancel()
        self._writer.close()
        await self._writer.wait_closed()
