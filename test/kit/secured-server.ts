import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { startSlipway, type Slipway } from "../../src/compose.ts";
import { Config } from "../../src/config/index.ts";
import type { Logger } from "../../src/core/logger.ts";
import { seedDataDirectory } from "./empty-database.ts";

/** However slow the machine, what takes longer hangs. */
const hangMs = 60_000;

export interface RawReply {
  status: number;
  /** In lower case; of repeated ones all, in order. */
  headers: Record<string, string[]>;
  body: string;
}

/** A server in this process that asks for keys, with its first admin key, and raw connections to it. */
export interface SecuredServer {
  slipway: Slipway;
  directory: string;
  adminKey: string;
  /** Everything that was logged, as JSON. */
  logged: string[];
  /** Writes bytes to a connection of their own, and answers with all that comes back until it is closed. */
  raw(bytes: string | Uint8Array): Promise<string>;
  /** One request, written by hand: nothing is normalised, and no header is there but these (and a length). */
  send(method: string, target: string, headers?: readonly string[], body?: string): Promise<RawReply>;
  /** `send` with the right Host and the admin's key. */
  asAdmin(method: string, target: string, body?: unknown, more?: readonly string[]): Promise<RawReply>;
  host: string;
  stop(): Promise<void>;
}

export async function startSecuredServer(settings: Record<string, unknown> = {}, options: { directory?: string } = {}): Promise<SecuredServer> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), "slipway-secured-"));
  const logged: string[] = [];
  const log = (level: string) => (event: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    const cause = fields.cause instanceof Error ? { cause: String(fields.cause.stack), deeper: String((fields.cause as { cause?: unknown }).cause) } : {};
    logged.push(JSON.stringify({ level, event, ...fields, ...cause }));
  };
  const logger: Logger = { info: log("info"), warn: log("warn"), error: log("error") };
  const config = Config.parse({ port: 0, grpcPort: 0, data: join(directory, "data"), access: "keys", drainMs: 0, ...settings });
  seedDataDirectory(config.data);
  const slipway = await startSlipway(config, { logger });
  const secure = config.tlsCertificate !== undefined;
  const host = `localhost:${slipway.httpPort}`;

  const raw = (bytes: string | Uint8Array): Promise<string> =>
    new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      const socket: Socket = secure
        ? connectTls({ host: "127.0.0.1", port: slipway.httpPort, servername: "localhost", rejectUnauthorized: false }, () => socket.write(bytes))
        : connect({ host: "127.0.0.1", port: slipway.httpPort }, () => socket.write(bytes));
      const timer = setTimeout(() => socket.destroy(new Error(`the connection still stood after ${hangMs} ms`)), hangMs);
      socket.on("data", (chunk: Buffer) => chunks.push(chunk));
      socket.on("error", (error) => (chunks.length > 0 ? undefined : reject(error)));
      socket.on("close", () => {
        clearTimeout(timer);
        resolve(Buffer.concat(chunks).toString());
      });
    });

  const send = async (method: string, target: string, headers: readonly string[] = [`Host: ${host}`], body = ""): Promise<RawReply> => {
    const length = body === "" && method === "GET" ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
    return parseReply(await raw(`${[`${method} ${target} HTTP/1.1`, ...headers, ...length, "Connection: close"].join("\r\n")}\r\n\r\n${body}`));
  };
  const server: SecuredServer = {
    slipway, directory, logged, raw, send, host, adminKey: "",
    asAdmin: (method, target, body, more = []) =>
      send(method, target, [`Host: ${host}`, `Authorization: Bearer ${server.adminKey}`, "Content-Type: application/json", ...more], body === undefined ? "" : JSON.stringify(body)),
    stop: async () => {
      await slipway.stop();
      if (options.directory === undefined) rmSync(directory, { recursive: true, force: true });
    },
  };
  if (slipway.setupToken !== null && settings.access !== "open") {
    const made = await send("POST", "/api/setup", [`Host: ${host}`, "Content-Type: application/json"], JSON.stringify({ token: slipway.setupToken, name: "admin of the test" }));
    server.adminKey = (JSON.parse(made.body) as { key: { key: string } }).key.key;
  }
  return server;
}

export function parseReply(text: string): RawReply {
  const end = text.indexOf("\r\n\r\n");
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]);
  if (Number.isNaN(status)) throw new Error(`no answer of HTTP: ${JSON.stringify(text.slice(0, 200))}`);
  const headers: Record<string, string[]> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    (headers[line.slice(0, colon).toLowerCase()] ??= []).push(line.slice(colon + 1).trim());
  }
  const rest = text.slice(end + 4);
  return { status, headers, body: headers["transfer-encoding"]?.[0] === "chunked" ? unchunked(rest) : rest };
}

function unchunked(text: string): string {
  let body = "";
  let at = 0;
  for (;;) {
    const lineEnd = text.indexOf("\r\n", at);
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (lineEnd < 0 || !(size > 0)) return body;
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 4 + size;
  }
}

/** Code of an error in Slipway's own shape. */
export function codeOf(reply: RawReply): string {
  return (JSON.parse(reply.body) as { error: { code: string } }).error.code;
}
