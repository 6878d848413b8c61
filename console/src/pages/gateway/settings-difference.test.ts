import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RouteSettings } from "./gateway-data.ts";
import { lineDifference, settingsDifference } from "./settings-difference.ts";

const signs = (before: string, after: string): string[] => lineDifference(before, after).map(({ before: left, after: right, same }) => `${left ?? "·"}${same ? "=" : "|"}${right ?? "·"}`);

describe("the difference of two prompts", () => {
  it("keeps lines of both beside each other, and those of one side at their place", () => {
    assert.deepEqual(signs("a\nb\nc", "a\nc"), ["a=a", "b|·", "c=c"]);
    assert.deepEqual(signs("a\nc", "a\nb\nc"), ["a=a", "·|b", "c=c"]);
    assert.deepEqual(signs("a\nold\nz", "a\nnew\nmore\nz"), ["a=a", "old|new", "·|more", "z=z"]);
    assert.deepEqual(signs("", "a"), ["·|a"]);
    assert.deepEqual(signs("a", "a"), ["a=a"]);
  });

  it("compares very long ones place by place", () => {
    const long = Array.from({ length: 2000 }, (_, line) => `line ${line}`);
    const lines = lineDifference(long.join("\n"), [...long.slice(0, 1999), "other"].join("\n"));
    assert.deepEqual([lines.length, lines.filter(({ same }) => !same)], [2000, [{ before: "line 1999", after: "other", same: false }]]);
  });
});

describe("the difference of a route's settings", () => {
  it("has what changed alone, the prompt first, and what only one of them has", () => {
    const settings = (own: object): RouteSettings => ({ targets: [], attempts: 2, ...own }) as unknown as RouteSettings;
    const changed = settingsDifference(settings({ systemPrompt: "Help." }), settings({ attempts: 3, cache: { exact: true }, systemPrompt: "Help.\nBriefly." }));
    assert.deepEqual(changed.map(({ name }) => name), ["systemPrompt", "attempts", "cache"]);
    assert.deepEqual(changed[0]!.lines, [{ before: "Help.", after: "Help.", same: true }, { before: null, after: "Briefly.", same: false }]);
    assert.deepEqual(changed[1]!.lines, [{ before: "2", after: "3", same: false }]);
    assert.deepEqual(changed[2]!.lines.map(({ before }) => before), [null, null, null]);
    assert.deepEqual(settingsDifference(settings({}), settings({})), []);
  });
});
