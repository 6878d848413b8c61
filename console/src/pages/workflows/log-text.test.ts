import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { clockText, plainLine } from "./log-text.ts";

describe("plainLine", () => {
  it("drops colours and other orders to a terminal, and keeps tabs and every letter", () => {
    assert.equal(plainLine("\u001b[31mred\u001b[0m\tcell \u001b[2Jänd ✓\u0007"), "red\tcell änd ✓");
  });
});

describe("clockText", () => {
  it("shows the milliseconds, by which lines of one second differ", () => {
    assert.match(clockText(1_700_000_000_123), /^\d\d:\d\d:\d\d\.123$/);
  });
});
