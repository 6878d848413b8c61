import assert from "node:assert/strict";
import { it } from "node:test";
import { AppError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { ManualTimers } from "../workflows/manual-timers.fixture.ts";
import { RolloutRecovery } from "./rollout-recovery.ts";

it("RolloutRecovery looks at the start and every 15 seconds, one look at a time, and goes on after trouble until it is stopped", async () => {
  const timers = new ManualTimers();
  const warnings: unknown[] = [];
  const logger: Logger = { info: () => undefined, warn: (event, fields) => void warnings.push([event, fields?.code]), error: () => undefined };
  let looks = 0;
  let goOn = Promise.resolve();
  let failsWith: Error | null = null;
  const recover = async (): Promise<void> => {
    looks++;
    await goOn;
    if (failsWith !== null) throw failsWith;
  };
  const recovery = new RolloutRecovery({ recover, timers, logger });
  await recovery.start();
  await recovery.start();
  assert.equal(looks, 1);
  const settled = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
  const pass = async (milliseconds: number): Promise<number> => {
    timers.advance(milliseconds);
    await settled();
    return looks;
  };
  assert.deepEqual([await pass(14_999), await pass(1)], [1, 2]);
  failsWith = new AppError("INTERNAL", "no");
  assert.deepEqual([await pass(15_000), await pass(15_000)], [3, 4]);
  assert.deepEqual(warnings, [["rollouts.not_recovered", "INTERNAL"]]);
  failsWith = null;
  const gate = Promise.withResolvers<void>();
  goOn = gate.promise;
  assert.deepEqual([await pass(15_000), await pass(60_000)], [5, 5]);
  const stopped = recovery.stop();
  gate.resolve();
  await stopped;
  assert.equal(await pass(60_000), 5);
  assert.equal(timers.size, 0);
});
