import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";
import type { EgressRequest } from "../../core/egress.ts";
import { AppError } from "../../core/errors.ts";
import { NodeEgressClient } from "./node-egress-client.ts";

describe("NodeEgressClient that keeps connections", () => {
  const sockets: Socket[] = [];
  const bodies: string[] = [];
  let answer: (response: ServerResponse, count: number) => void;
  let server: Server;
  let url = "";
  let client: NodeEgressClient;
  let addresses = ["127.0.0.1"];
  before(async () => {
    server = createServer((incoming, response) => {
      let body = "";
      incoming.on("data", (chunk: Buffer) => (body += chunk.toString()));
      incoming.on("end", () => answer(response, bodies.push(body)));
    }).listen(0, "127.0.0.1");
    // Kept connections end here only when a test says so.
    server.keepAliveTimeout = 0;
    server.on("connection", (socket: Socket) => sockets.push(socket));
    await once(server, "listening");
    url = `http://upstream.example:${(server.address() as AddressInfo).port}/`;
  });
  after(() => {
    client.close();
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    client?.close();
    client = new NodeEgressClient({ allowed: ["127.0.0.1"], resolve: () => Promise.resolve(addresses), keepConnections: true });
    addresses = ["127.0.0.1"];
    answer = (response) => response.end("thanks");
    sockets.length = 0;
    bodies.length = 0;
  });
  const send = async (more: Partial<EgressRequest> = {}): Promise<string> => {
    const { status, body } = await client.send({ method: "POST", url, headers: {}, body: "hello", timeoutMs: 30_000, maxResponseBytes: 100, ...more });
    return `${status} ${Buffer.from(body).toString()}`;
  };

  it("sends one request after the other over one connection, also when the time of a finished one ends", async () => {
    const finished = new AbortController();
    assert.equal(await send({ signal: finished.signal }), "200 thanks");
    finished.abort();
    for (let count = 0; count < 3; count++) assert.equal(await send(), "200 thanks");
    assert.equal(sockets.length, 1);
  });

  it("judges the addresses of every request anew", async () => {
    assert.equal(await send(), "200 thanks");
    addresses = ["10.0.0.1"];
    await assert.rejects(send(), (error: unknown) => error instanceof AppError && error.code === "EGRESS_REFUSED");
    assert.equal(bodies.length, 1);
  });

  it("sends again over a new connection what met one that was closed meanwhile", async () => {
    assert.equal(await send(), "200 thanks");
    answer = (response, count) => (count === 2 ? response.socket!.resetAndDestroy() : response.end("again"));
    assert.equal(await send(), "200 again");
    assert.deepEqual([sockets.length, bodies.length], [2, 3]);
    answer = (response) => response.socket!.resetAndDestroy();
    await assert.rejects(send(), (error: unknown) => error instanceof AppError && error.code === "EGRESS_FAILED");
  });

  it("closes a connection whose answer it did not read to its end", async () => {
    answer = (response) => response.end("x".repeat(1_000_000));
    assert.equal(await send(), `200 ${"x".repeat(100)}`);
    answer = (response) => response.end("thanks");
    assert.equal(await send(), "200 thanks");
    assert.equal(sockets.length, 2);
  });
});
