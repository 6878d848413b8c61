import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { UsageChunkFilter } from "./stream-filter.ts";

const usage = 'data: {"id":"1","choices": [ ],"usage":{"prompt_tokens":3}}';
const others = [
  'data: {"id":"1","choices":[{"delta":{"content":"Hé 🎈"}}],"usage":null}',
  ": a comment",
  'data: {"choices":[],"prompt_filter_results":[{}]}',
  'data: {"choices":[{"delta":{"content":"\\"choices\\":[],\\"usage\\":{}"}}]}',
  'data: {"choices":[],"usage":null}',
  "data: [DONE]",
  'event: x\ndata: {"choices":[]\ndata: ,"usage":3}',
];

function filtered(parts: readonly Uint8Array[]): string {
  const filter = new UsageChunkFilter();
  return Buffer.concat([...parts.map((part) => filter.push(part)), filter.end()]).toString("utf8");
}

describe("UsageChunkFilter", () => {
  it("leaves the usage chunk out and passes every other byte, wherever the bytes are cut", () => {
    for (const newline of ["\n", "\r\n", "\r"]) {
      const stream = (events: readonly string[]) => events.map((event) => event.replaceAll("\n", newline) + newline + newline).join("");
      const bytes = Buffer.from(stream([...others.slice(0, 3), usage, ...others.slice(3), usage]));
      const expected = stream(others);
      for (let cut = 0; cut <= bytes.length; cut++) assert.equal(filtered([bytes.subarray(0, cut), bytes.subarray(cut)]), expected, `${JSON.stringify(newline)} ${cut}`);
      assert.equal(filtered(Array.from(bytes, (byte) => Uint8Array.of(byte))), expected);
    }
  });

  it("gives an event as soon as it is whole", () => {
    const filter = new UsageChunkFilter();
    const text = (part: string) => Buffer.from(filter.push(Buffer.from(part))).toString();
    assert.equal(text("data: 1\n\ndata: 2\n"), "data: 1\n\n");
    assert.equal(text("\n"), "data: 2\n\n");
    assert.equal(text(`${usage}\n`), "");
    assert.equal(text("\n"), "");
    assert.equal(text("data: 3"), "");
    assert.equal(Buffer.from(filter.end()).toString(), "data: 3");
  });

  it("leaves a usage chunk out that the end of the stream cuts off its empty line", () => {
    assert.equal(filtered([Buffer.from(`data: 1\n\n${usage}\n`)]), "data: 1\n\n");
  });

  it("passes any bytes that are no usage chunk, and holds no long event back", () => {
    fc.assert(fc.property(fc.array(fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.constantFrom(Buffer.from("\n\n"), Buffer.from("\r"), Buffer.from("\r\n"))), { maxLength: 20 }), (parts) => {
      assert.equal(filtered(parts), Buffer.concat(parts).toString("utf8"));
    }));
    const filter = new UsageChunkFilter();
    const long = Buffer.alloc(1 << 20, "x");
    assert.equal(filter.push(long).length, long.length);
    assert.equal(Buffer.from(filter.push(Buffer.from(`\n\n${usage}\n\ndata: 1\n\n`))).toString(), "\n\ndata: 1\n\n");
  });
});
