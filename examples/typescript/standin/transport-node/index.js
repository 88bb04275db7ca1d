// A stand-in for @nats-io/transport-node, for tests on machines that can't install it: the few calls that
// ../../publish.ts makes, with the same names and errors, over NATS' own protocol. It neither reconnects nor knows TLS
// or credentials: use the real client.
import { randomUUID } from "node:crypto";
import { createConnection } from "node:net";

export class TimeoutError extends Error {}
export class RequestError extends Error {
  isNoResponders() { return true; }
}

class Headers {
  lines = new Map();
  set(key, value) { this.lines.set(key, value); }
  encoded() {
    const lines = [...this.lines].map(([key, value]) => `${key}: ${value}\r\n`);
    return Buffer.from(`NATS/1.0\r\n${lines.join("")}\r\n`);
  }
}

export function headers() { return new Headers(); }

export async function connect({ servers }) {
  const url = new URL(servers);
  const socket = createConnection({ host: url.hostname, port: Number(url.port || 4222) });
  await new Promise((connected, failed) => socket.once("connect", connected).once("error", failed));
  return new Connection(socket);
}

class Connection {
  inbox = `_INBOX.${randomUUID()}`;
  waiting = new Map();
  unread = Buffer.alloc(0);

  constructor(socket) {
    this.socket = socket;
    const options = { verbose: false, pedantic: false, headers: true, no_responders: true, lang: "nodejs" };
    socket.write(`CONNECT ${JSON.stringify(options)}\r\nSUB ${this.inbox}.* 1\r\n`);
    socket.on("error", () => {}); // whoever waits gets no answer
    socket.on("data", (more) => {
      this.unread = Buffer.concat([this.unread, more]);
      while (this.next());
    });
  }

  // Takes one operation off what came; false where it is not whole yet.
  next() {
    const end = this.unread.indexOf("\r\n");
    if (end < 0) return false;
    const [verb, ...rest] = this.unread.toString("utf8", 0, end).split(" ");
    let after = end + 2;
    if (verb === "MSG" || verb === "HMSG") {
      const size = Number(rest.at(-1));
      if (this.unread.length < after + size + 2) return false;
      const body = this.unread.subarray(after, after + size);
      const split = verb === "HMSG" ? Number(rest.at(-2)) : 0;
      this.waiting.get(rest[0])?.(body.toString("utf8", 0, split), Buffer.from(body.subarray(split)));
      after += size + 2;
    } else if (verb === "PING") {
      this.socket.write("PONG\r\n");
    }
    this.unread = this.unread.subarray(after);
    return true;
  }

  request(subject, payload = "", { timeout, headers: h } = { timeout: 1000 }) {
    const reply = `${this.inbox}.${randomUUID()}`;
    return new Promise((resolve, reject) => {
      const done = () => { clearTimeout(timer); this.waiting.delete(reply); };
      const timer = setTimeout(() => { done(); reject(new TimeoutError("timeout")); }, timeout);
      this.waiting.set(reply, (head, data) => {
        done();
        if (head.startsWith("NATS/1.0 503")) reject(new RequestError("no responders"));
        else resolve({ data, json: () => JSON.parse(data.toString("utf8")) });
      });
      const head = h ? h.encoded() : Buffer.alloc(0);
      const body = Buffer.from(payload);
      const sizes = h ? `${head.length} ${head.length + body.length}` : `${body.length}`;
      const operation = Buffer.from(`${h ? "HPUB" : "PUB"} ${subject} ${reply} ${sizes}\r\n`);
      this.socket.write(Buffer.concat([operation, head, body, Buffer.from("\r\n")]));
    });
  }

  async close() { this.socket.destroy(); }
}
