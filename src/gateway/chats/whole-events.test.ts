import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { WholeEvents } from "./whole-events.ts";

describe("WholeEvents", () => {
  it("passes every byte, however the stream is cut, and at no time a part of an event", () => {
    const event = fc.record({ lines: fc.array(fc.constantFrom("data: a", "event: b", ": c", "data:", "d"), { minLength: 1, maxLength: 3 }), end: fc.constantFrom("\n", "\r\n", "\r") });
    fc.assert(fc.property(fc.array(event, { maxLength: 8 }), fc.array(fc.nat({ max: 200 }), { maxLength: 10 }), fc.constantFrom("", "data: cut"), (events, cuts, rest) => {
      const text = events.map(({ lines, end }) => lines.join(end) + end + end).join("") + rest;
      const bytes = Buffer.from(text);
      const filter = new WholeEvents();
      const places = [...new Set([0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length])].sort((one, other) => one - other);
      const passed: string[] = [];
      for (let index = 1; index < places.length; index++) {
        passed.push(Buffer.from(filter.push(bytes.subarray(places[index - 1], places[index]))).toString());
        assert.match(passed.join(""), /^$|(\n\n|\r\r|\r\n\r\n|\n\r\n|\r\n\n|\r\r\n)$/);
        // Nothing that is whole is kept back, but for the line feed that may follow a carriage return.
        const came = text.slice(0, places[index]);
        const whole = events.reduce(({ at, kept }, { lines, end }) => {
          const next = at + (lines.join(end) + end + end).length;
          return { at: next, kept: next <= came.length ? next : kept };
        }, { at: 0, kept: 0 }).kept;
        assert.ok(passed.join("").length >= whole);
      }
      assert.equal(passed.join("") + Buffer.from(filter.end()).toString(), text);
    }));
  });

  it("gives whole pieces as they are", () => {
    const piece = Buffer.from("data: a\n\n");
    assert.equal(new WholeEvents().push(piece), piece);
  });
});
