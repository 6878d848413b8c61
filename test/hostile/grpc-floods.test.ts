import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { betweenLooks } from "../kit/between-looks.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

/** Of the server's process, in bytes: what a flood may leave there, with all that the collector has not come to. */
const mostGrowth = 128 << 20;

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const [headersFrame, resetFrame, settingsFrame, pingFrame, continuationFrame] = [1, 3, 4, 6, 9];
const [endStream, endHeaders] = [1, 4];

function frame(type: number, flags: number, stream: number, content: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(content.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, content]);
}

/** A text of HPACK, not compressed. */
function text(value: string): Buffer {
  const { length } = value;
  assert.ok(length < 127);
  return Buffer.concat([Buffer.of(length), Buffer.from(value)]);
}
/** A header that is not remembered. */
const header = (name: string, value: string): Buffer => Buffer.concat([Buffer.of(0), text(name), text(value)]);
/** One that the other side has to remember: it is number 62 afterwards. */
const rememberedHeader = (name: string, value: string): Buffer => Buffer.concat([Buffer.of(0x40), text(name), text(value)]);

describe("floods of HTTP/2 against the gRPC door", { timeout: 300_000 }, () => {
  let server: RunningServer;
  let client: Client;
  let call: Buffer;
  const sockets: Socket[] = [];
  before(async () => {
    server = await startServer();
    client = new Client(`127.0.0.1:${server.grpcPort}`, credentials.createInsecure());
    call = Buffer.concat([Buffer.of(0x83, 0x86, 0x04), text("/inference.GRPCInferenceService/ServerLive"), header("content-type", "application/grpc"), header("te", "trailers")]);
    await assertAnswers();
  });
  after(async () => {
    for (const socket of sockets) socket.destroy();
    client.close();
    await server.stop();
  });

  async function assertAnswers(): Promise<void> {
    const bytes = (buffer: Buffer): Buffer => buffer;
    await new Promise<void>((resolve, reject) => client.makeUnaryRequest("/inference.GRPCInferenceService/ServerLive", bytes, bytes, Buffer.alloc(0), new Metadata(), { deadline: Date.now() + 60_000 }, (error) => (error === null ? resolve() : reject(error))));
  }

  async function residentBytes(): Promise<number> {
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    return Number(/^process_resident_memory_bytes (\S+)$/m.exec(metrics)![1]);
  }

  /** Sends what is given, piece by piece, until that is all or the server has ended the connection; nothing of the answers is read where `reads` is not said. */
  async function flood(pieces: Iterable<Uint8Array>, { reads = false, ends = false } = {}): Promise<{ sent: number; isEnded: boolean }> {
    const socket = connect({ host: "127.0.0.1", port: server.grpcPort }).on("error", () => undefined);
    sockets.push(socket);
    if (reads) socket.resume();
    let sent = 0;
    const isStuck = (): boolean => socket.writableLength > 4 << 20;
    for (const piece of [preface, frame(settingsFrame, 0, 0), ...pieces]) {
      if (socket.destroyed) break;
      sent += piece.length;
      socket.write(piece);
      // A server that takes no more is well: it is not waited for.
      for (let looks = 0; isStuck() && !socket.destroyed && looks < 50; looks++) await betweenLooks();
      if (isStuck()) break;
    }
    // What is read ends where the server has ended it; what is not read is only waited for as long as it is taken.
    if (ends) for (; !socket.destroyed; await betweenLooks());
    else for (let looks = 0; socket.writableLength > 0 && !socket.destroyed && looks < 100; looks++) await betweenLooks();
    return { sent, isEnded: socket.destroyed };
  }

  const times = (count: number, make: (index: number) => Uint8Array): Uint8Array[] => Array.from({ length: count }, (_, index) => make(index));
  const block = Buffer.alloc(16_000, 0x61);
  const large = Buffer.concat(times(300, (index) => header(`x-${index}`, "v".repeat(100))));
  const floods: Readonly<Record<string, () => { pieces: Uint8Array[]; reads?: boolean; ends?: boolean }>> = {
    "streams that are reset at once": () => ({
      pieces: times(200, (batch) => Buffer.concat(times(200, (index) => {
        const stream = 1 + 2 * (200 * batch + index);
        return Buffer.concat([frame(headersFrame, endHeaders | (index % 2 === 0 ? endStream : 0), stream, call), frame(resetFrame, 0, stream, Buffer.of(0, 0, 0, 8))]);
      }))), reads: true,
    }),
    "streams that are never ended": () => ({ pieces: times(100, (batch) => Buffer.concat(times(100, (index) => frame(headersFrame, endHeaders, 1 + 2 * (100 * batch + index), call)))), reads: true }),
    "a head that goes on and on": () => ({ pieces: [frame(headersFrame, 0, 1, call), ...times(4000, () => frame(continuationFrame, 0, 1, block))], reads: true, ends: true }),
    "a head that goes on in empty frames": () => ({ pieces: [frame(headersFrame, 0, 1, call), ...times(200, () => Buffer.concat(times(500, () => frame(continuationFrame, 0, 1))))], reads: true, ends: true }),
    "heads with many headers": () => ({ pieces: times(500, (index) => Buffer.concat([frame(headersFrame, 0, 1 + 2 * index, call), frame(continuationFrame, 0, 1 + 2 * index, large.subarray(0, 16_000)), frame(continuationFrame, endHeaders, 1 + 2 * index, large.subarray(16_000))])) }),
    "headers that become a thousand times as large": () => ({
      pieces: [frame(headersFrame, endHeaders | endStream, 1, Buffer.concat([call, rememberedHeader("x", "v".repeat(120))])), ...times(500, (index) => frame(headersFrame, endHeaders, 3 + 2 * index, Buffer.concat([call, Buffer.alloc(15_000, 0x80 | 62)])))],
    }),
    "pings whose answers are not read": () => ({ pieces: times(1000, () => Buffer.concat(times(500, () => frame(pingFrame, 0, 0, Buffer.alloc(8))))) }),
    "settings whose answers are not read": () => ({ pieces: times(1000, () => Buffer.concat(times(500, () => frame(settingsFrame, 0, 0)))) }),
  };

  for (const [name, make] of Object.entries(floods)) {
    it(`leave it well and its memory bounded: ${name}`, async (context) => {
      const before = await residentBytes();
      const { pieces, reads = false, ends = false } = make();
      const { sent, isEnded } = await flood(pieces, { reads, ends });
      await assertAnswers();
      const held = await residentBytes() - before;
      context.diagnostic(`${(sent / (1 << 20)).toFixed(1)} MiB were sent, ${(held / (1 << 20)).toFixed(1)} are held, ${isEnded ? "ended" : "open"}`);
      assert.ok(held < mostGrowth, `${held >> 20} MiB are held`);
      if (ends) assert.ok(isEnded);
      for (const socket of sockets.splice(0)) socket.destroy();
      await assertAnswers();
    });
  }
});
