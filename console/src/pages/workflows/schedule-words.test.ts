import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { timeInZone, untilWords } from "./schedule-words.ts";

describe("timeInZone", () => {
  it("shows the zone's own clock, before and after its change", () => {
    assert.equal(timeInZone(Date.UTC(2026, 2, 28, 2), "Europe/Paris"), "Sat 28 Mar 03:00 CET");
    assert.equal(timeInZone(Date.UTC(2026, 2, 29, 1), "Europe/Paris"), "Sun 29 Mar 03:00 CEST");
  });

  it("falls back to UTC for a zone that it does not know", () => {
    assert.equal(timeInZone(Date.UTC(2026, 2, 28, 2), "Mars/Olympus"), "Sat 28 Mar 02:00 UTC");
  });
});

describe("untilWords", () => {
  it("counts down, and then says that it is due", () => {
    assert.equal(untilWords(3_600_000, 0), "in 1 h");
    assert.equal(untilWords(5, 5), "due");
  });
});
