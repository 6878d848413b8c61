import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { Patience } from "./patience.ts";

/** Lets what was settled be heard. */
const heard = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("Patience", () => {
  let late = 0;
  const patience = (): Patience => new Patience(100, () => new Error(`late ${++late}`));
  const never = new Promise<never>(() => undefined);
  beforeEach(() => {
    late = 0;
    mock.timers.enable({ apis: ["setTimeout"] });
  });
  afterEach(() => mock.timers.reset());

  async function stateOf(answer: Promise<unknown>): Promise<unknown> {
    let state: unknown = "waits";
    answer.then((value) => (state = value), (error: Error) => (state = error.message));
    await heard();
    return state;
  }

  it("gives up within its time, and not before four fifths of it", async () => {
    const patient = patience();
    const first = patient.watch(never);
    mock.timers.tick(20);
    const second = patient.watch(never);
    for (let part = 0; part < 3; part++) mock.timers.tick(20);
    assert.equal(await stateOf(first), "waits");
    mock.timers.tick(20);
    assert.deepEqual([await stateOf(first), await stateOf(second)], ["late 1", "waits"]);
    mock.timers.tick(20);
    assert.equal(await stateOf(second), "late 2");
  });

  it("passes answers and failures on, and counts no time when nobody waits", async () => {
    const patient = patience();
    assert.deepEqual([await stateOf(patient.watch(Promise.resolve(7))), await stateOf(patient.watch(Promise.reject(new Error("refused"))))], [7, "refused"]);
    for (let part = 0; part < 10; part++) mock.timers.tick(20);
    const next = patient.watch(never);
    for (let part = 0; part < 4; part++) mock.timers.tick(20);
    assert.equal(await stateOf(next), "waits");
    mock.timers.tick(20);
    assert.deepEqual([await stateOf(next), late], ["late 1", 1]);
  });

  it("waits four times as long while others are answered, and as ever once nothing is", async () => {
    const patient = patience();
    const part = async (): Promise<void> => {
      mock.timers.tick(20);
      await heard();
    };
    const first = patient.watch(never);
    for (let count = 0; count < 19; count++) {
      await part();
      await patient.watch(Promise.resolve());
    }
    assert.equal(await stateOf(first), "waits");
    await part();
    assert.equal(await stateOf(first), "late 1");
    const second = patient.watch(never);
    await patient.watch(Promise.resolve());
    for (let count = 0; count < 4; count++) await part();
    assert.equal(await stateOf(second), "waits");
    await part();
    assert.equal(await stateOf(second), "late 2");
  });

  it("counts time in which nobody looked once", async () => {
    const patient = patience();
    let answer: (value: string) => void = () => undefined;
    const watched = patient.watch(new Promise<string>((resolve) => (answer = resolve)));
    // A timer that is late by any time rings once; the next is begun after it.
    for (let part = 0; part < 4; part++) mock.timers.runAll();
    answer("in time");
    assert.equal(await stateOf(watched), "in time");
  });
});
