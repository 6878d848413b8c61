import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { betweenLooks } from "../../test/kit/between-looks.ts";
import { ManualClock } from "../core/clock.ts";
import { TimeOrderedIds } from "../core/ids.ts";
import { silentLogger } from "../core/logger.ts";
import { openGate } from "../core/request-gate.ts";
import { HttpAnswer, route } from "../core/route.ts";
import { loadConsoleFiles } from "./console-files.ts";
import { HttpServer } from "./http-server.ts";
import { RouteTable } from "./route-table.ts";
import { StalledReaders, type CarryingSocket } from "./stalled-readers.ts";

/** A connection that holds `waiting` of the bytes that were given to it. */
class Connection implements CarryingSocket {
  bytesWritten = 0;
  writableLength = 0;

  give(bytes: number): void {
    this.bytesWritten += bytes;
    this.writableLength += bytes;
  }

  take(bytes: number): void {
    this.writableLength -= Math.min(bytes, this.writableLength);
  }
}

describe("StalledReaders", () => {
  it("finds who takes nothing while bytes wait, once, and nobody for whom there is nothing", () => {
    const readers = new StalledReaders(1000);
    const found: string[] = [];
    const [stuck, idle, left] = [new Connection(), new Connection(), new Connection()];
    for (const [name, connection] of Object.entries({ stuck, idle })) readers.add(connection, 0, () => found.push(name));
    const leave = readers.add(left, 0, () => found.push("left"));
    for (const connection of [stuck, left]) connection.give(10);
    readers.sweep(0);
    readers.sweep(999);
    leave();
    assert.deepEqual(found, []);
    // More of the answer is no sign that anybody reads.
    stuck.give(10);
    for (const at of [1000, 2000, 9000]) readers.sweep(at);
    assert.deepEqual(found, ["stuck"]);
  });

  it("waits for who takes a little each time, however long it takes them", () => {
    const readers = new StalledReaders(1000);
    const slow = new Connection();
    readers.add(slow, 0, () => assert.fail("It reads."));
    slow.give(1000);
    for (let at = 0; at < 900_000; at += 900) {
      readers.sweep(at);
      slow.take(1);
    }
    assert.equal(slow.writableLength, 0);
  });

  it("ends whoever has taken nothing for the limit between two looks, and nobody else", () => {
    const step = fc.record({ ms: fc.integer({ min: 1, max: 700 }), give: fc.integer({ min: 0, max: 3 }), take: fc.integer({ min: 0, max: 3 }) });
    fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const readers = new StalledReaders(1000);
      const connection = new Connection();
      let [at, foundAt, expectedAt] = [0, -1, -1];
      readers.add(connection, 0, () => (foundAt = at));
      /** Since when bytes have waited, none of them taken, as looks can tell. */
      let [since, takenBefore] = [0, -1];
      for (const { ms, give, take } of steps) {
        at += ms;
        connection.give(give);
        connection.take(take);
        const taken = connection.bytesWritten - connection.writableLength;
        if (connection.writableLength === 0 || taken > takenBefore) [since, takenBefore] = [at, taken];
        else if (expectedAt < 0 && at - since >= 1000) expectedAt = at;
        readers.sweep(at);
      }
      assert.equal(foundAt, expectedAt);
    }));
  });

  it("ends the connection of a caller who reads nothing, its signal with the reason, and what is streamed; not that of one for whom there is nothing", async () => {
    const clock = new ManualClock();
    const [pieces, bytes] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const reasons: unknown[] = [];
    const piece = Buffer.alloc(64 << 10);
    const endless: AsyncIterableIterator<Uint8Array> = {
      next: () => Promise.resolve({ done: false, value: piece }),
      return: () => {
        pieces.resolve();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => endless,
    };
    const source = { read(this: Readable) { this.push(piece); }, destroy: (_error: unknown, done: (error: null) => void) => { bytes.resolve(); done(null); } };
    const answers = { pieces: () => endless, bytes: () => new Readable(source), silent: () => new Readable({ read() {} }) };
    const routes = Object.entries(answers).map(([name, body]) => route({
      method: "GET", path: `/${name}`, access: "public", operationId: name, summary: "", tag: "", response: { mediaType: "text/plain", description: "" },
      handle: ({ signal }) => {
        signal.addEventListener("abort", () => reasons.push((signal.reason as { code?: string }).code));
        return new HttpAnswer(200, {}, body());
      },
    }));
    const options = { host: "127.0.0.1", port: 0, allowedHosts: [], maxInferenceBytes: 1 << 20, bodyTimeoutMs: 30_000, maxConnections: 100, readerTimeoutMs: 60_000 };
    const server = new HttpServer(options, { table: new RouteTable(routes), console: loadConsoleFiles("no such folder"), access: openGate, clock, ids: new TimeOrderedIds(clock), logger: silentLogger });
    const port = await server.listen();
    const sockets = Object.keys(answers).map((name) => {
      const socket = connect(port, "127.0.0.1").on("error", () => undefined).pause();
      socket.write(`GET /${name} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
      return socket;
    });
    try {
      let ended = false;
      void Promise.all([pieces.promise, bytes.promise]).then(() => (ended = true));
      for (; !ended; await betweenLooks()) clock.advance(1000);
      assert.deepEqual(reasons, ["CALLER_STALLED", "CALLER_STALLED"]);
      // What the system had taken for them comes, and then the cut.
      const cut = sockets.slice(0, 2).map((socket) => once(socket.resume(), "close"));
      await Promise.all(cut);
      assert.equal(sockets[2]!.destroyed, false);
    } finally {
      for (const socket of sockets) socket.destroy();
      server.destroy();
    }
  });
});
