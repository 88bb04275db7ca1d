export interface MsgHdrs { set(key: string, value: string): void }
export interface Msg { data: Uint8Array; json<T>(): T }
export interface NatsConnection {
  request(subject: string, payload?: string, opts?: { timeout: number; headers?: MsgHdrs }): Promise<Msg>;
  close(): Promise<void>;
}
export function connect(opts: { servers: string }): Promise<NatsConnection>;
export function headers(): MsgHdrs;
export class TimeoutError extends Error {}
export class RequestError extends Error { isNoResponders(): boolean }
