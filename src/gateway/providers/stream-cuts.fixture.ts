import assert from "node:assert/strict";
import fc from "../../../test/kit/fast-check.ts";
import { AppError } from "../../core/errors.ts";
import type { ChatAnswer } from "../conversation/chat-answer.ts";
import { AnswerCollector, type ChatEvent } from "../conversation/chat-event.ts";
import type { ChatStreamReader } from "./provider-mapping.ts";

/** All events of these bytes, read in these parts. */
export function readEvents(reader: ChatStreamReader, ...parts: readonly (Uint8Array | string)[]): ChatEvent[] {
  return [...parts.flatMap((part) => reader.push(typeof part === "string" ? Buffer.from(part) : part)), ...reader.end()];
}

/** The whole answer of a stream, and that it starts once, first. */
export function collectStream(reader: ChatStreamReader, bytes: Uint8Array | string): ChatAnswer {
  const collector = new AnswerCollector();
  const events = readEvents(reader, bytes);
  assert.deepEqual(events.flatMap(({ type }, index) => (type === "start" ? [index] : [])), [0], "a stream starts once, and first");
  for (const event of events) collector.add(event);
  assert.ok(collector.isFinished, "the stream finished");
  return collector.answer();
}

/** Reads a stream cut at every byte, and byte by byte: the events must be the same each time. */
export function assertSameEventsWhereverCut(open: () => ChatStreamReader, stream: Uint8Array | string): void {
  const bytes = Buffer.from(stream);
  const expected = readEvents(open(), bytes);
  assert.ok(expected.length > 0);
  const expectedText = JSON.stringify(expected);
  // Texts are quicker to compare, values are better to read where they differ.
  const same = (events: ChatEvent[], how: string) => JSON.stringify(events) === expectedText || assert.deepEqual(events, expected, how);
  for (let cut = 1; cut < bytes.length; cut++) same(readEvents(open(), bytes.subarray(0, cut), bytes.subarray(cut)), `cut at ${cut}`);
  same(readEvents(open(), ...Array.from(bytes, (byte) => Uint8Array.of(byte))), "byte by byte");
}

/** Whatever bytes come, also in the middle of a good stream: nothing but AppError is thrown. */
export function assertSurvivesJunk(open: () => ChatStreamReader, stream: Uint8Array | string): void {
  const bytes = Buffer.from(stream);
  const attempt = (...parts: readonly Uint8Array[]) => {
    try {
      readEvents(open(), ...parts);
    } catch (error) {
      assert.ok(error instanceof AppError, String((error as Error).stack));
    }
  };
  const json = fc.json({ maxDepth: 4 }).map((text) => Buffer.from(`data: ${text}\n\n`));
  fc.assert(fc.property(fc.array(fc.oneof(fc.uint8Array({ maxLength: 60 }), json), { maxLength: 6 }), (parts) => attempt(...parts)), { numRuns: 40 });
  fc.assert(fc.property(fc.nat(bytes.length), fc.nat(40), fc.uint8Array({ maxLength: 20 }), (at, skip, junk) => attempt(bytes.subarray(0, at), junk, bytes.subarray(at + skip))), { numRuns: 60 });
}
