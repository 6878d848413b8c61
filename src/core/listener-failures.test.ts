import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { it } from "node:test";
import { epochMs, ManualClock } from "./clock.ts";
import { surviveFailures } from "./listener-failures.ts";
import { silentLogger } from "./logger.ts";

it("tells the failures of a listener every ten seconds, with how many there were", () => {
  const [listener, clock, told] = [new EventEmitter(), new ManualClock(epochMs(0)), [] as unknown[]];
  surviveFailures(listener, "HTTP", { clock, logger: { ...silentLogger, error: (event, fields) => told.push([event, fields?.listener, fields?.failures]) } });
  for (let second = 0; second < 25; second++) {
    listener.emit("error", new Error("accept ENFILE"));
    clock.advance(1000);
  }
  assert.deepEqual(told, [["listener.failed", "HTTP", 1], ["listener.failed", "HTTP", 10], ["listener.failed", "HTTP", 10]]);
});
