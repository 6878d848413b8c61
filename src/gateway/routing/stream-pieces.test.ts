import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { AppError } from "../../core/errors.ts";
import type { ChatEvent } from "../conversation/chat-event.ts";
import { AnswerMemory } from "../../core/answer-memory.ts";
import { CallStop } from "../../core/call-stop.ts";
import { StreamPieces } from "./stream-pieces.ts";

const noRoom = { roomFor: () => assert.fail("It is small."), leaveRoom: () => undefined };

describe("the rest of a stream", () => {
  it("breaks off when it is longer than any answer, and ends its source", async () => {
    const piece = new Uint8Array(1 << 20);
    let given = 0;
    let ended = 0;
    const body: AsyncIterator<Uint8Array> = {
      next: () => Promise.resolve({ done: false, value: (given++, piece) }),
      return: () => Promise.resolve({ done: true, value: (ended++, undefined) }),
    };
    const failures: unknown[] = [];
    const pieces = new StreamPieces({ first: { bytes: piece, events: [] }, body, reader: { push: () => [], end: () => [] }, alarm: () => assert.fail("It waits for no end."), room: noRoom, failureOf: (thrown) => thrown as AppError, ended: (failure) => void failures.push(failure) });
    await assert.rejects(async () => {
      for await (const { bytes } of pieces) assert.equal(bytes, piece);
    }, { code: "PROVIDER_STREAM_FAILED" });
    assert.deepEqual([given, ended, failures.length], [129, 1, 1]);
  });

  it("waits for memory of its texts with the eldest ahead, and gives it back at its end", async () => {
    const memory = new AnswerMemory(5 << 20, 16 << 20);
    const text = "x".repeat(1 << 20);
    const stream = () => {
      const stop = new CallStop();
      const arriving = memory.begin(stop);
      const room = { roomFor: (bytes: number) => arriving.grow(bytes), leaveRoom: () => void arriving.end(undefined) };
      const body: AsyncIterator<Uint8Array> = { next: () => Promise.resolve({ done: false, value: new Uint8Array(1) }), return: () => Promise.resolve({ done: true, value: undefined }) };
      const push = (): ChatEvent[] => [{ type: "text", text }];
      return new StreamPieces({
        first: { bytes: new Uint8Array(), events: push() }, body, reader: { push, end: () => [] }, alarm: () => assert.fail("It waits for no end."), room, failureOf: (thrown) => thrown as AppError, ended: () => stop.abort("over"),
      });
    };
    const stateOf = (read: Promise<unknown>) => Promise.race([read.then(() => "came", (error: AppError) => error.code), new Promise<string>((resolve) => void setImmediate(() => resolve("waits")))]);
    const [eldest, other] = [stream(), stream()];
    for (const pieces of [eldest, other, eldest, other]) assert.equal(await stateOf(pieces.next()), "came");
    // Each has two MiB and a little.
    const waiting = other.next();
    assert.equal(await stateOf(waiting), "waits");
    for (let more = 0; more < 3; more++) assert.equal(await stateOf(eldest.next()), "came");
    await eldest.return();
    assert.equal(await stateOf(waiting), "came");
    const third = stream();
    await third.next();
    const last = third.next();
    assert.equal(await stateOf(last), "waits");
    // Its caller goes while it waits.
    await third.return();
    assert.equal(await stateOf(last), "GATEWAY_OVERLOADED");
    await other.return();
    assert.equal(memory.takenBytes, 0);
  });

  describe("whose provider has said that it is over", () => {
    const [first, junk] = [new Uint8Array([1]), new Uint8Array([2])];
    const never = new Promise<never>(() => undefined);
    /** Answers with what a caller got, how often the source was left, and how long was waited for at most. */
    const readAll = async (next: () => Promise<IteratorResult<Uint8Array>>, ringAtOnce = false) => {
      let left = 0;
      const waits: number[] = [];
      const failures: unknown[] = [];
      let calledOff = 0;
      const alarm = (ms: number, ring: () => void) => {
        waits.push(ms);
        if (ringAtOnce) queueMicrotask(ring);
        return () => void calledOff++;
      };
      const pieces = new StreamPieces({
        first: { bytes: first, events: [] }, body: { next, return: () => Promise.resolve({ done: true, value: (left++, undefined) }) }, reader: { push: () => assert.fail("It is read on."), end: () => [], isOver: true }, alarm, room: noRoom,
        failureOf: (thrown) => thrown as AppError, ended: (failure) => void failures.push(failure),
      });
      const got: Uint8Array[] = [];
      for await (const { bytes } of pieces) got.push(bytes);
      assert.deepEqual([got, waits, calledOff, failures], [[first], [1000], 1, [null]]);
      return left;
    };

    it("leaves the connection where it ends at once, or breaks", async () => {
      assert.equal(await readAll(() => Promise.resolve({ done: true, value: undefined })), 0);
      assert.equal(await readAll(() => Promise.reject(new Error("reset"))), 0);
    });

    it("ends it where more comes, or nothing for a second", async () => {
      assert.equal(await readAll(() => Promise.resolve({ done: false, value: junk })), 1);
      assert.equal(await readAll(() => never, true), 1);
    });
  });
});
