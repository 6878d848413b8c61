import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { formatServerSentEvent, parseServerSentEvents, type ServerSentEvent } from "./server-sent-events.ts";

async function parse(bytes: Uint8Array, cuts: readonly number[] = []): Promise<ServerSentEvent[]> {
  const ends = [...new Set([...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((one, other) => one - other);
  async function* chunks(): AsyncGenerator<Uint8Array> {
    let start = 0;
    for (const end of ends) {
      yield bytes.subarray(start, end);
      start = end;
    }
  }
  const events: ServerSentEvent[] = [];
  for await (const event of parseServerSentEvents(chunks())) events.push(event);
  return events;
}

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

describe("server-sent events", () => {
  it("are read as they were written, wherever the chunks are cut", async () => {
    const events = fc.array(fc.record({ event: fc.constantFrom("line", "run", "end"), value: fc.jsonValue() }), { maxLength: 5 });
    await fc.assert(fc.asyncProperty(events, fc.array(fc.nat()), async (given, cuts) => {
      const written = given.map(({ event, value }, index) => formatServerSentEvent(event, value, index)).join("");
      const read = await parse(text(`retry: 1000\n\n: comment\n\n${written}`), cuts);
      assert.deepEqual(read, given.map(({ event, value }) => ({ event, data: JSON.stringify(value) })));
    }));
  });

  it("may end their lines in any way, have several data lines, and no name", async () => {
    assert.deepEqual(await parse(text("data: a\r\ndata:b\r\n\r\nevent: x\rdata\r\r\n"), [8, 9, 10]), [{ event: "message", data: "a\nb" }, { event: "x", data: "" }]);
  });

  it("are left out when the stream ends in their middle", async () => {
    assert.deepEqual(await parse(text("data: 1\n\ndata: 2\n")), [{ event: "message", data: "1" }]);
  });
});
