// The few types of Node.js that publish.ts needs, where @types/node is not installed.
declare module "node:crypto" {
  interface Hash { update(text: string, encoding: "utf8"): Hash; digest(encoding: "hex"): string }
  export function createHash(algorithm: "sha256"): Hash;
  export function randomUUID(): string;
}
declare module "node:timers/promises" {
  export function setTimeout(milliseconds: number): Promise<void>;
}
declare const process: { env: Record<string, string | undefined> };
