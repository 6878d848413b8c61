import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { once } from "node:events";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { OutputLines, ReadingPace } from "./output-lines.ts";

const plenty = { atOnce: Infinity, perSecond: Infinity };

describe("OutputLines", () => {
  it("gives the same lines however the bytes are cut", async () => {
    const line = fc.string({ unit: "grapheme", maxLength: 30 }).map((text) => text.replace(/[\r\n\0]/g, "").trimEnd());
    await fc.assert(fc.asyncProperty(fc.array(line, { maxLength: 20 }), fc.array(fc.nat(), { maxLength: 10 }), async (lines, cuts) => {
      const bytes = Buffer.from(lines.join("\n"));
      const ends = [...new Set([...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((one, other) => one - other);
      const chunks = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end)).filter(({ length }) => length > 0);
      const taken: string[] = [];
      const output = new OutputLines({ take: (text) => taken.push(text), pace: new ReadingPace(), allowance: plenty, monotonic: () => 0 });
      const stream = Readable.from(chunks);
      output.listen(stream);
      await once(stream, "end");
      output.end();
      assert.deepEqual(taken, lines.filter((text) => text !== ""));
    }));
  });

  it("takes so many lines at once and then so many in a second, tells how many were left out, and keeps the last words", () => {
    let now = 0;
    const taken: string[] = [];
    const output = new OutputLines({ take: (text) => taken.push(text), pace: new ReadingPace(), allowance: { atOnce: 3, perSecond: 2 }, monotonic: () => now });
    const stream = new Readable({ read() {} });
    output.listen(stream);
    const say = (text: string): void => void stream.emit("data", Buffer.from(`${text}\n`));
    for (const number of [1, 2, 3, 4, 5]) say(`line ${number}`);
    assert.deepEqual(taken, ["line 1", "line 2", "line 3"]);
    now = 500;
    say("line 6");
    say("line 7");
    assert.deepEqual(taken.slice(3), ["[2 lines were left out: they came faster than the log takes them]", "line 6"]);
    output.end();
    assert.equal(taken.at(-1), "[1 line was left out: they came faster than the log takes them]");
    assert.match(output.tail(), /line 6\nline 7$/);
  });
});

describe("ReadingPace", () => {
  it("leaves streams alone when a slice is used up, and reads on in the next one", async () => {
    const pace = new ReadingPace({ costPerSlice: 100, sliceMs: 1 });
    // Nothing else holds the process open while the pace waits.
    const hold = setInterval(() => {}, 1000);
    const [one, other] = [0, 1].map(() => {
      const stream = new Readable({ read() {} });
      stream.on("data", () => {});
      return stream;
    }) as [Readable, Readable];
    pace.spend(one, 60);
    assert.equal(one.isPaused(), false);
    pace.spend(other, 60);
    pace.spend(one, 1);
    assert.deepEqual([one.isPaused(), other.isPaused()], [true, true]);
    await Promise.all([once(one, "resume"), once(other, "resume")]);
    // What was used beyond a slice is paid for by the next ones.
    pace.spend(one, 1000);
    assert.equal(one.isPaused(), true);
    await once(one, "resume");
    clearInterval(hold);
  });
});
