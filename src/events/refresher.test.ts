import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../core/errors.ts";
import { silentLogger } from "../core/logger.ts";
import { ManualAlarm } from "./manual-alarm.fixture.ts";
import { Refresher } from "./refresher.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function open() {
  const alarms = new ManualAlarm();
  const started: { key: string; succeed: () => Promise<void>; fail: (why?: Error) => Promise<void> }[] = [];
  const refresher = new Refresher({
    alarm: alarms.alarm,
    logger: silentLogger,
    refresh: (key) =>
      new Promise((resolve, reject) => {
        const then = (settle: (why?: Error) => void) => (why?: Error): Promise<void> => {
          settle(why);
          return turn();
        };
        started.push({ key, succeed: then(() => resolve()), fail: then((why = new Error("planted")) => reject(why)) });
      }),
  });
  return { alarms, started, refresher, keys: () => started.map(({ key }) => key) };
}

describe("Refresher", () => {
  it("refreshes keys side by side, and one key once more for all that was asked meanwhile", async () => {
    const { refresher, started, keys } = open();
    for (const key of ["a", "b", "a", "a"]) refresher.request(key);
    assert.deepEqual(keys(), ["a", "b"]);
    await started[0]!.succeed();
    assert.deepEqual(keys(), ["a", "b", "a"]);
    await started[2]!.succeed();
    await started[1]!.succeed();
    assert.deepEqual(keys(), ["a", "b", "a"]);
    refresher.request("b");
    assert.deepEqual(keys(), ["a", "b", "a", "b"]);
  });

  it("tries again what failed, after growing pauses, until it succeeds", async () => {
    const { refresher, started, alarms, keys } = open();
    refresher.request("a");
    const pauses: number[] = [];
    for (let round = 0; round < 8; round++) {
      await started.at(-1)!.fail();
      pauses.push(...alarms.waits);
      alarms.advance(alarms.waits[0]!);
      await turn();
    }
    assert.deepEqual(pauses, [2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    await started.at(-1)!.succeed();
    assert.deepEqual([keys().length, alarms.waits], [9, []]);
  });

  it("tries at once when the key changes again, gives up in the end, and begins anew with the next change", async () => {
    const { refresher, started, alarms, keys } = open();
    refresher.request("a");
    await started.at(-1)!.fail();
    refresher.request("a");
    await turn();
    assert.deepEqual([keys().length, alarms.waits], [2, []]);
    while (keys().length < 40) {
      await started.at(-1)!.fail();
      if (alarms.waits.length === 0) break;
      alarms.advance(60_000);
      await turn();
    }
    const tried = keys().length;
    assert.ok(tried >= 15 && tried < 20, `${tried} attempts`);
    refresher.request("a");
    assert.equal(keys().length, tried + 1);
  });

  it("goes on for as long as the database is away: nobody tells of the change again", async () => {
    const { refresher, started, alarms, keys } = open();
    refresher.request("a");
    for (let minute = 0; minute < 120; minute++) {
      await started.at(-1)!.fail(new AppError("DATABASE_UNAVAILABLE", "planted"));
      alarms.advance(60_000);
      await turn();
    }
    assert.equal(keys().length, 121);
    await started.at(-1)!.succeed();
    assert.deepEqual([keys().length, alarms.waits], [121, []]);
  });

  it("tries nothing after it was stopped", async () => {
    const { refresher, started, alarms, keys } = open();
    refresher.request("a");
    await started[0]!.fail();
    refresher.stop();
    await turn();
    refresher.request("b");
    assert.deepEqual([keys(), alarms.waits], [["a"], []]);
  });
});
