import type { MsgHdrs, NatsConnection } from "@nats-io/transport-node";

export interface PubAck { stream: string; seq: number; duplicate: boolean }
export interface JetStreamPublishOptions {
  msgID: string;
  timeout: number;
  headers: MsgHdrs;
  expect: Partial<{ streamName: string }>;
}
export interface JetStreamClient {
  publish(subject: string, payload?: string, options?: Partial<JetStreamPublishOptions>): Promise<PubAck>;
}
export interface StreamInfo { config: { subjects: string[] }; state: { last_seq: number } }
export interface JetStreamManager { streams: { info(name: string): Promise<StreamInfo> } }
export class JetStreamApiError extends Error {
  get code(): number;
  get status(): number;
}
export class JetStreamNotEnabled extends Error {}
export function jetstream(nc: NatsConnection): JetStreamClient;
export function jetstreamManager(nc: NatsConnection, opts?: { checkAPI?: boolean }): Promise<JetStreamManager>;
