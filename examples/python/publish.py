"""Publishes membership events, a refresh and an erasure for Rollcall, with NATS' own client for Python.

    pip install nats-py
    NATS_URL=nats://127.0.0.1:4222 python3 publish.py

docs/publishing.md explains the rules that the comments name.
"""

import asyncio
import hashlib
import json
import os
import re
import time
import uuid
from datetime import datetime, timezone

import nats
import nats.errors
import nats.js.errors

STREAM = "SEGMENT_EVENTS"
SOURCE = "/segmentation/example-python"
ACK_WAIT = 2  # seconds, for one acknowledgement
PATIENCE = 30  # seconds; rule 2: at least 15, which a leader's election may take
WINDOW = 256  # rows of a refresh on their way at once


def profile_key(profile):
    """The profile's id where it can stand in a subject, else a hash of it."""
    if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", profile):
        return profile
    return "~" + hashlib.sha256(profile.encode()).hexdigest()[:32]


class Publisher:
    def __init__(self, js, keyed):
        self.js = js
        self.keyed = keyed  # the stream's form: a membership's subject names the profile

    @classmethod
    async def open(cls, nc):
        js = nc.jetstream()
        info = await js.stream_info(STREAM)
        return cls(js, "segments.membership.*.*" in info.config.subjects)

    async def publish(self, subject, kind, data):
        """Returns the event's sequence once the stream has it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            event_id = str(uuid.uuid4())  # rule 1: new for each publication
            event = {
                "specversion": "1.0", "id": event_id, "source": SOURCE, "type": kind,
                "time": datetime.now(timezone.utc).isoformat(), "datacontenttype": "application/json", "data": data,
            }
            ack, first = await self.store(subject, event, deadline)
            if ack.duplicate and first:
                continue  # rule 3: somebody used that id before, so this event is not there
            return ack.seq

    async def store(self, subject, event, deadline):
        """Tries with one id until there is an answer, and says whether the first try got it."""
        body = json.dumps(event, ensure_ascii=False).encode()
        first = True
        while True:
            # Made for each try: the client adds to what it is given.
            headers = {"Nats-Msg-Id": f"{SOURCE}#{event['id']}", "content-type": "application/cloudevents+json"}
            try:
                return await self.js.publish(subject, body, timeout=ACK_WAIT, stream=STREAM, headers=headers), first
            except nats.js.errors.APIError as refused:
                if refused.code < 500 or time.monotonic() > deadline:
                    raise  # no later try heals it
            except (nats.errors.Error, asyncio.TimeoutError):  # rule 2: no answer means unknown
                if time.monotonic() > deadline:
                    raise
            first = False
            await asyncio.sleep(0.25)

    async def change(self, segment, profile, change, attributes):
        """Says that a profile is in a segment ("entered") or not in it any more ("exited")."""
        subject = f"segments.membership.{segment}"
        if self.keyed:
            subject += "." + profile_key(profile)
        data = {"segment_id": segment, "profile_id": profile, "change": change, "attributes": attributes}
        return await self.publish(subject, "rollcall.membership.changed.v1", data)

    async def refresh(self, segment, members):
        """Publishes a segment as a whole. Where a row fails there is no refreshed, and nobody leaves."""
        free = asyncio.Semaphore(WINDOW)

        async def row(profile, attributes):
            async with free:
                return await self.change(segment, profile, "entered", attributes)

        # Each row is a profile of its own, so that they need not wait for each other.
        sequences = await asyncio.gather(*(row(*member) for member in members.items()))
        if sequences:
            first = min(sequences)  # rule 6: the lowest, when all are acknowledged
        else:
            first = (await self.js.stream_info(STREAM)).state.last_seq + 1
        data = {"segment_id": segment, "first_sequence": first, "count": len(members)}
        await self.publish(f"segments.refreshed.{segment}.{first}", "rollcall.segment.refreshed.v1", data)

    async def erase(self, profile, *emails):
        """Says that the person is to be forgotten, with the addresses that you know of."""
        data = {"profile_id": profile, "emails": emails}
        await self.publish(f"segments.erased.{profile_key(profile)}", "rollcall.profile.erased.v1", data)


async def main():
    nc = await nats.connect(os.environ.get("NATS_URL", "nats://127.0.0.1:4222"))
    p = await Publisher.open(nc)
    ada = {"email": "ada@example.com", "first_name": "Ada", "country": "GB"}
    zoe = {"email": "zoe@example.com", "first_name": "Zoë", "city": "{{Count}} {{Time}}"}  # arrives as it is
    grace = {"email": "grace@example.com", "first_name": "Grace"}
    linus = {"email": "linus@example.com", "first_name": "Linus"}

    # A segment that has no members yet.
    await p.refresh("newsletter-optin", {})

    # Rule 4: the next event of a profile follows the acknowledgement of the one before. An exit carries current
    # attributes.
    await p.change("high-value", "c0ffee", "entered", ada)
    await p.change("high-value", "zoë/7", "entered", zoe)  # an id that can't stand in a subject
    await p.change("high-value", "grace", "entered", grace)
    await p.change("high-value", "grace", "exited", grace)
    await p.change("newsletter-optin", "bob", "entered", {"email": "bob@example.com"})
    await p.change("high-value", "linus", "entered", linus)

    # Rule 5: nobody else publishes changes of the segment meanwhile. Bob is not in it any more.
    await p.refresh("newsletter-optin", {"c0ffee": ada, "zoë/7": zoe})

    await p.erase("linus", "linus@example.com")
    await nc.close()


if __name__ == "__main__":
    asyncio.run(main())
