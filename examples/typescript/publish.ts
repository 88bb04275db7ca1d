// Publishes membership events, a refresh and an erasure for Rollcall, with NATS' own client for Node.js.
//
//   npm install
//   NATS_URL=nats://127.0.0.1:4222 node publish.ts     (Node.js 22.18 or later; before, compile it with tsc)
//
// docs/publishing.md explains the rules that the comments name.

import { createHash, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { jetstream, JetStreamApiError, jetstreamManager } from "@nats-io/jetstream";
import type { JetStreamClient, JetStreamManager, PubAck } from "@nats-io/jetstream";
import { connect, headers } from "@nats-io/transport-node";
import type { NatsConnection } from "@nats-io/transport-node";

const STREAM = "SEGMENT_EVENTS";
const SOURCE = "/segmentation/example-typescript";
const ACK_WAIT = 2_000; // milliseconds, for one acknowledgement
const PATIENCE = 30_000; // milliseconds; rule 2: at least 15 s, which a leader's election may take
const WINDOW = 256; // rows of a refresh on their way at once

type Attributes = Record<string, unknown>;
type Event = { id: string; [key: string]: unknown };

// The profile's id where it can stand in a subject, else a hash of it.
function profileKey(profile: string): string {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(profile)) return profile;
  return "~" + createHash("sha256").update(profile, "utf8").digest("hex").slice(0, 32);
}

class Publisher {
  private readonly js: JetStreamClient;
  private readonly jsm: JetStreamManager;
  private readonly keyed: boolean; // the stream's form: a membership's subject names the profile

  private constructor(js: JetStreamClient, jsm: JetStreamManager, keyed: boolean) {
    this.js = js;
    this.jsm = jsm;
    this.keyed = keyed;
  }

  static async open(nc: NatsConnection): Promise<Publisher> {
    const jsm = await jetstreamManager(nc, { checkAPI: false });
    const info = await jsm.streams.info(STREAM);
    return new Publisher(jetstream(nc), jsm, info.config.subjects.includes("segments.membership.*.*"));
  }

  // Returns the event's sequence once the stream has it.
  private async publish(subject: string, type: string, data: unknown): Promise<number> {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      const id = randomUUID(); // rule 1: new for each publication
      const event = {
        specversion: "1.0", id, source: SOURCE, type,
        time: new Date().toISOString(), datacontenttype: "application/json", data,
      };
      const { ack, first } = await this.store(subject, event, deadline);
      if (ack.duplicate && first) continue; // rule 3: somebody used that id before, so this event is not there
      return ack.seq;
    }
  }

  // Tries with one id until there is an answer, and says whether the first try got it.
  private async store(subject: string, event: Event, deadline: number): Promise<{ ack: PubAck; first: boolean }> {
    const body = JSON.stringify(event);
    for (let first = true; ; first = false) {
      const h = headers(); // made for each try: the client adds to what it is given
      h.set("content-type", "application/cloudevents+json");
      const options = { msgID: `${SOURCE}#${event.id}`, timeout: ACK_WAIT, expect: { streamName: STREAM }, headers: h };
      try {
        return { ack: await this.js.publish(subject, body, options), first };
      } catch (err) { // rule 2: no answer means unknown
        if (err instanceof JetStreamApiError && err.status < 500) throw err; // no later try heals it
        if (Date.now() > deadline) throw err;
      }
      await sleep(250);
    }
  }

  // Says that a profile is in a segment ("entered") or not in it any more ("exited").
  change(segment: string, profile: string, change: "entered" | "exited", attributes: Attributes): Promise<number> {
    let subject = `segments.membership.${segment}`;
    if (this.keyed) subject += "." + profileKey(profile);
    const data = { segment_id: segment, profile_id: profile, change, attributes };
    return this.publish(subject, "rollcall.membership.changed.v1", data);
  }

  // Publishes a segment as a whole. Where a row fails there is no refreshed, and nobody leaves.
  async refresh(segment: string, members: Map<string, Attributes>): Promise<void> {
    const rows = [...members];
    let first = Infinity;
    // Each row is a profile of its own, so that they need not wait for each other.
    for (let at = 0; at < rows.length; at += WINDOW) {
      const some = rows.slice(at, at + WINDOW);
      const sequences = await Promise.all(some.map(([profile, a]) => this.change(segment, profile, "entered", a)));
      first = Math.min(first, ...sequences); // rule 6: the lowest, when all are acknowledged
    }
    if (rows.length === 0) first = (await this.jsm.streams.info(STREAM)).state.last_seq + 1;
    const data = { segment_id: segment, first_sequence: first, count: rows.length };
    await this.publish(`segments.refreshed.${segment}.${first}`, "rollcall.segment.refreshed.v1", data);
  }

  // Says that the person is to be forgotten, with the addresses that you know of.
  async erase(profile: string, ...emails: string[]): Promise<void> {
    const data = { profile_id: profile, emails };
    await this.publish(`segments.erased.${profileKey(profile)}`, "rollcall.profile.erased.v1", data);
  }
}

const nc = await connect({ servers: process.env.NATS_URL ?? "nats://127.0.0.1:4222" });
const p = await Publisher.open(nc);
const ada = { email: "ada@example.com", first_name: "Ada", country: "GB" };
const zoe = { email: "zoe@example.com", first_name: "Zoë", city: "{{Count}} {{Time}}" }; // arrives as it is
const grace = { email: "grace@example.com", first_name: "Grace" };
const linus = { email: "linus@example.com", first_name: "Linus" };

// A segment that has no members yet.
await p.refresh("newsletter-optin", new Map());

// Rule 4: the next event of a profile follows the acknowledgement of the one before. An exit carries current
// attributes.
await p.change("high-value", "c0ffee", "entered", ada);
await p.change("high-value", "zoë/7", "entered", zoe); // an id that can't stand in a subject
await p.change("high-value", "grace", "entered", grace);
await p.change("high-value", "grace", "exited", grace);
await p.change("newsletter-optin", "bob", "entered", { email: "bob@example.com" });
await p.change("high-value", "linus", "entered", linus);

// Rule 5: nobody else publishes changes of the segment meanwhile. Bob is not in it any more.
await p.refresh("newsletter-optin", new Map<string, Attributes>([["c0ffee", ada], ["zoë/7", zoe]]));

await p.erase("linus", "linus@example.com");
await nc.close();
