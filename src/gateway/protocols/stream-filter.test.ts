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

  it("does so with any events, ends of lines and cuts, and gives each event with the bytes that end it", () => {
    const event = fc.tuple(fc.constantFrom(usage, ...others), fc.constantFrom("\n\n", "\r\n\r\n", "\r\r", "\n\r\n", "\r\n\n"));
    fc.assert(fc.property(fc.array(event, { maxLength: 6 }), fc.array(fc.nat(600), { maxLength: 12 }), (events, places) => {
      const bytes = Buffer.from(events.map((pair) => pair.join("")).join(""));
      const cuts = [0, ...places.filter((place) => place < bytes.length).sort((one, other) => one - other), bytes.length];
      const expected = events.filter(([text]) => text !== usage).map((pair) => pair.join("")).join("");
      const filter = new UsageChunkFilter();
      const written: string[] = [];
      for (const [index, cut] of cuts.slice(1).entries()) {
        written.push(Buffer.from(filter.push(bytes.subarray(cuts[index], cut))).toString("latin1"));
        // What has ended by now is there.
        let ended = 0;
        let due = "";
        for (const [text, end] of events) {
          ended += Buffer.byteLength(text + end);
          if (ended > cut) break;
          if (text !== usage) due += text + end;
        }
        assert.ok(written.join("").length >= Buffer.byteLength(due));
      }
      assert.equal(Buffer.from(written.join("") + Buffer.from(filter.end()).toString("latin1"), "latin1").toString(), expected);
    }));
  });

  it("passes an event that is too long for a usage chunk, whole and in pieces, whatever its last lines look like", () => {
    const long = `data: {"choices":[],"usage":{"note":"${"x".repeat(64 * 1024)}"}}\n\n`;
    assert.equal(filtered([Buffer.from(long)]), long);
    assert.equal(filtered([Buffer.from(`${long.slice(0, -2)}\r\n\r\n`)]), `${long.slice(0, -2)}\r\n\r\n`);
    assert.equal(filtered([Buffer.from(long.slice(0, 40)), Buffer.from(long.slice(40))]), long);
    const [first, last] = [`: ${"x".repeat(64 * 1024)}\n`, `${usage}\n\n`];
    assert.equal(filtered([Buffer.from(first), Buffer.from(last), Buffer.from(`data: 1\n\n${usage}\n\n`)]), `${first}${last}data: 1\n\n`);
    assert.equal(filtered([first, "data: b\n\n", last, "data: 1\n\n"].map((part) => Buffer.from(part))), `${first}data: b\n\ndata: 1\n\n`);
    // One that is as long as one may be is left out.
    const fits = `data: {"choices":[],"usage":{"note":"`;
    const most = `${fits}${"x".repeat(64 * 1024 - fits.length - 5)}"}}\n\n`;
    assert.equal(most.length, 64 * 1024);
    assert.equal(filtered([Buffer.from(most)]), "");
    assert.equal(filtered([Buffer.from(most.replace("x", "xx"))]), most.replace("x", "xx"));
  });

  it("keeps the lines of an event together that come one by one", () => {
    // The first bytes of the usage chunk come with the event before it.
    for (const first of ["d", "data: "]) assert.equal(filtered([Buffer.from(`data: 1\n\n${first}`), Buffer.from(`${usage.slice(first.length)}\n\n`)]), "data: 1\n\n");
    for (const parts of [["data: a\n", "data: b\n\n"], ["data: a\r\n", "data: b\n\n"], ["data: a\r", "\ndata: b\n\n"], ["data: a", "b\n\n"]]) assert.equal(filtered(parts.map((part) => Buffer.from(part))), parts.join(""));
    assert.equal(filtered(['data: {"choices":[],\n', 'data: "usage":{}}\n', "\n"].map((part) => Buffer.from(part))), "");
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
