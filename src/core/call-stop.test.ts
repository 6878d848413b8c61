import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CallStop } from "./call-stop.ts";

describe("CallStop", () => {
  it("tells each listener once, with the first reason", () => {
    const stop = new CallStop();
    const told: string[] = [];
    const listener = (): void => void told.push(String(stop.reason));
    stop.addEventListener("abort", listener);
    stop.addEventListener("abort", listener);
    stop.abort("first");
    stop.abort("second");
    assert.deepEqual([told, stop.aborted, stop.reason], [["first"], true, "first"]);
  });

  it("tells nobody who left, and nobody who comes after the end", () => {
    const stop = new CallStop();
    const told: string[] = [];
    const left = (): void => void told.push("left");
    stop.addEventListener("abort", left);
    stop.addEventListener("abort", () => { told.push("stayed"); stop.addEventListener("abort", () => void told.push("late")); });
    stop.removeEventListener("abort", left);
    stop.abort("over");
    stop.addEventListener("abort", () => void told.push("later"));
    assert.deepEqual(told, ["stayed"]);
  });
});
