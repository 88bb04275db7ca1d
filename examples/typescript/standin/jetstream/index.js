// A stand-in for @nats-io/jetstream: see ../transport-node/index.js.
import { headers as newHeaders, RequestError } from "@nats-io/transport-node";

export class JetStreamNotEnabled extends Error {}
export class JetStreamApiError extends Error {
  #answer;
  constructor(answer) {
    super(answer.description);
    this.#answer = answer;
  }
  get code() { return this.#answer.err_code; }
  get status() { return this.#answer.code; }
}

function checked(msg) {
  const answer = msg.json();
  if (answer.error) throw new JetStreamApiError(answer.error);
  return answer;
}

export function jetstream(nc) {
  return {
    async publish(subject, payload, { msgID, timeout = 5000, headers = newHeaders(), expect = {} } = {}) {
      if (msgID) headers.set("Nats-Msg-Id", msgID);
      if (expect.streamName) headers.set("Nats-Expected-Stream", expect.streamName);
      let msg;
      try {
        msg = await nc.request(subject, payload, { timeout, headers });
      } catch (err) {
        throw err instanceof RequestError ? new JetStreamNotEnabled("jetstream is not enabled", { cause: err }) : err;
      }
      const ack = checked(msg);
      return { ...ack, duplicate: ack.duplicate ?? false };
    },
  };
}

export async function jetstreamManager(nc) {
  const info = async (name) => checked(await nc.request(`$JS.API.STREAM.INFO.${name}`, "", { timeout: 5000 }));
  return { streams: { info } };
}
