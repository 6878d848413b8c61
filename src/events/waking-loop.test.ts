import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualAlarm } from "./manual-alarm.fixture.ts";
import { OwnEvents } from "./own-events.ts";
import { WakingLoop } from "./waking-loop.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function open() {
  const alarms = new ManualAlarm();
  const turns: { end: (pause: number) => Promise<void>; fail: () => Promise<void> }[] = [];
  const troubles: string[] = [];
  const loop = new WakingLoop({
    alarm: alarms.alarm,
    onTrouble: (error) => void troubles.push(error === null ? "over" : (error as Error).message),
    turn: () =>
      new Promise((resolve, reject) => {
        turns.push({ end: (pause) => (resolve(pause), turn()), fail: () => (reject(new Error("planted")), turn()) });
      }),
  });
  return { loop, alarms, turns, troubles };
}

describe("WakingLoop", () => {
  it("does nothing before its start, then a turn whenever the last one said", async () => {
    const { loop, alarms, turns } = open();
    loop.wake();
    assert.equal(turns.length, 0);
    loop.start();
    loop.start();
    assert.equal(turns.length, 1);
    await turns[0]!.end(700);
    assert.deepEqual(alarms.waits, [700]);
    alarms.advance(700);
    assert.equal(turns.length, 2);
    await turns[1]!.end(0);
    assert.deepEqual([turns.length, alarms.waits], [3, []]);
  });

  it("takes a turn at once when it is woken, one after the turn under way for all wake-ups in it, and never two at a time", async () => {
    const { loop, alarms, turns } = open();
    loop.start();
    await turns[0]!.end(700);
    loop.wake();
    assert.deepEqual([turns.length, alarms.waits], [2, []]);
    loop.wake();
    loop.wake();
    assert.equal(turns.length, 2);
    await turns[1]!.end(700);
    assert.equal(turns.length, 3);
    await turns[2]!.end(700);
    assert.deepEqual([turns.length, alarms.waits], [3, [700]]);
  });

  it("waits after failures, also when it is woken during one, and tells of the first and of the end", async () => {
    const { loop, alarms, turns, troubles } = open();
    loop.start();
    loop.wake();
    await turns[0]!.fail();
    assert.deepEqual([turns.length, alarms.waits], [1, [500]]);
    alarms.advance(500);
    await turns[1]!.fail();
    assert.deepEqual(alarms.waits, [1000]);
    alarms.advance(1000);
    await turns[2]!.end(700);
    assert.deepEqual([troubles, alarms.waits], [["planted", "over"], [700]]);
  });

  it("waits at its end for the turn under way, and takes none after it", async () => {
    const { loop, alarms, turns } = open();
    loop.start();
    let stopped = false;
    const stopping = loop.stop().then(() => { stopped = true; });
    await turn();
    assert.equal(stopped, false);
    loop.wake();
    await turns[0]!.end(0);
    await stopping;
    loop.wake();
    assert.deepEqual([turns.length, alarms.waits], [1, []]);
  });
});

describe("OwnEvents", () => {
  it("knows what this process wrote until it is asked, and nothing of what failed", () => {
    let woken = 0;
    const own = new OwnEvents(() => void woken++);
    own.writing(["evt_1", "evt_2", "evt_3"]);
    own.failed(["evt_2"]);
    own.written();
    assert.deepEqual(["evt_1", "evt_1", "evt_2", "evt_3", "evt_4"].map((id) => own.take(id)), [true, false, false, true, false]);
    assert.equal(woken, 1);
  });

  it("forgets the oldest beyond ten thousand", () => {
    const own = new OwnEvents(() => undefined);
    own.writing(Array.from({ length: 10_002 }, (_, index) => `evt_${index}`));
    assert.deepEqual([0, 1, 2, 10_001].map((index) => own.take(`evt_${index}`)), [false, false, true, true]);
  });
});
