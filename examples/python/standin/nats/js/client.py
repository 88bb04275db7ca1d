import json
from types import SimpleNamespace

import nats.errors
import nats.js.errors


class JetStreamContext:
    def __init__(self, conn):
        self._nc = conn

    async def publish(self, subject, payload=b"", timeout=5, stream=None, headers=None):
        if stream is not None:
            headers = headers or {}
            headers["Nats-Expected-Stream"] = stream  # the real one writes into its caller's headers too
        try:
            msg = await self._nc.request(subject, payload, timeout, headers)
        except nats.errors.NoRespondersError:
            raise nats.js.errors.NoStreamResponseError from None
        answer = _checked(msg)
        return SimpleNamespace(stream=answer["stream"], seq=answer["seq"], duplicate=answer.get("duplicate"))

    async def stream_info(self, name):
        answer = _checked(await self._nc.request(f"$JS.API.STREAM.INFO.{name}", timeout=5))
        config = SimpleNamespace(subjects=answer["config"]["subjects"])
        return SimpleNamespace(config=config, state=SimpleNamespace(last_seq=answer["state"]["last_seq"]))


def _checked(msg):
    answer = json.loads(msg.data)
    if "error" in answer:
        raise nats.js.errors.APIError(**answer["error"])
    return answer
