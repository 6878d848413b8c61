import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { AppError } from "../../core/errors.ts";
import { EventStreamReader, type ServerSentEvent } from "./event-stream.ts";

function readAll(parts: readonly Uint8Array[]): ServerSentEvent[] {
  const reader = new EventStreamReader();
  return [...parts.flatMap((part) => reader.push(part)), ...reader.end()];
}

describe("EventStreamReader", () => {
  it("reads the same events wherever the bytes are cut, and whatever ends the lines", () => {
    for (const newline of ["\n", "\r\n"]) {
      const text = [": a comment", "", "event: ping", 'data: {"type":"ping"}', "", "data: zwölf 日本 🎈", "data: second line", "", "id: 7", "retry: 10", "data:[DONE]", ""].join(newline) + newline;
      const bytes = Buffer.from(text);
      const expected = [{ name: "ping", data: '{"type":"ping"}' }, { name: "", data: "zwölf 日本 🎈\nsecond line" }, { name: "", data: "[DONE]" }];
      for (let cut = 0; cut <= bytes.length; cut++) assert.deepEqual(readAll([bytes.subarray(0, cut), bytes.subarray(cut)]), expected, `${JSON.stringify(newline)} ${cut}`);
      assert.deepEqual(readAll(Array.from(bytes, (byte) => Uint8Array.of(byte))), expected);
    }
  });

  it("gives the event that has no empty line behind it at the end", () => {
    assert.deepEqual(readAll([Buffer.from("data: 1\n\ndata: 2")]), [{ name: "", data: "1" }, { name: "", data: "2" }]);
  });

  it("takes an event of 8 million characters, and none of more", () => {
    const reader = new EventStreamReader();
    const whole = `data: ${"x".repeat((8 << 20) - 8)}\n\n`;
    assert.equal(reader.push(Buffer.from(whole)).length, 1);
    assert.deepEqual(reader.push(Buffer.alloc(8 << 20, "x")), []);
    assert.throws(() => reader.push(Buffer.from("x")), { code: "PROVIDER_STREAM_FAILED" });
  });

  it("survives any bytes, and ends what never ends", () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }), (parts) => void readAll(parts)));
    const reader = new EventStreamReader();
    const part = Buffer.alloc(1 << 20, "x");
    assert.throws(() => {
      reader.push(Buffer.from("data: "));
      for (let count = 0; count < 10; count++) reader.push(part);
    }, (error) => error instanceof AppError && error.code === "PROVIDER_STREAM_FAILED");
  });
});
