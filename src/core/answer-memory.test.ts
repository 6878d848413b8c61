import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AnswerHold, AnswerMemory } from "./answer-memory.ts";
import { AppError } from "./errors.ts";

const stillOn = (): AbortSignal => new AbortController().signal;

/** What has become of a wait, once all that follows of itself has followed. */
async function stateOf(wait: Promise<void> | undefined): Promise<string> {
  if (wait === undefined) return "at once";
  return Promise.race([wait.then(() => "granted", (error: unknown) => (error instanceof AppError ? error.code : String(error))), new Promise<string>((resolve) => void setImmediate(() => resolve("waits")))]);
}

describe("the memory of answers", () => {
  it("lets answers grow to its limit, the eldest beyond it, and the others when there is room again, the eldest first", async () => {
    const memory = new AnswerMemory(100, 50);
    const [first, second, third] = [1, 2, 3].map(() => memory.begin(stillOn())) as [ReturnType<AnswerMemory["begin"]>, ReturnType<AnswerMemory["begin"]>, ReturnType<AnswerMemory["begin"]>];
    assert.deepEqual([first.grow(40), second.grow(40), third.grow(10)], [undefined, undefined, undefined]);
    const [grown, other] = [second.grow(80), third.grow(20)];
    assert.deepEqual([await stateOf(grown), await stateOf(other), memory.takenBytes], ["waits", "waits", 90]);
    // It passes those that wait, for they wait for it.
    assert.deepEqual([first.grow(90), memory.takenBytes], [undefined, 140]);
    first.end(undefined);
    // Now there is room for both.
    assert.deepEqual([await stateOf(grown), await stateOf(other), memory.takenBytes], ["granted", "granted", 100]);
    second.end(undefined);
    third.end(undefined);
    assert.equal(memory.takenBytes, 0);
  });

  it("lets none pass that would have room where others wait for more", async () => {
    const memory = new AnswerMemory(100, 0);
    const [first, second, third] = [memory.begin(stillOn()), memory.begin(stillOn()), memory.begin(stillOn())];
    void first.grow(60);
    const [large, small] = [second.grow(60), third.grow(10)];
    assert.deepEqual([await stateOf(large), await stateOf(small)], ["waits", "waits"]);
    first.end(undefined);
    assert.deepEqual([await stateOf(large), await stateOf(small), memory.takenBytes], ["granted", "granted", 70]);
  });

  it("counts a whole answer until its call lets go of it, and one that comes after that no more", async () => {
    const memory = new AnswerMemory(100, 0);
    const [hold, answer, late, waiting] = [new AnswerHold(memory), memory.begin(stillOn()), memory.begin(stillOn()), memory.begin(stillOn())];
    void answer.grow(60);
    answer.end(hold);
    void late.grow(40);
    const wait = waiting.grow(50);
    assert.deepEqual([hold.isEmpty, memory.takenBytes, await stateOf(wait)], [false, 100, "waits"]);
    hold.release();
    hold.release();
    assert.deepEqual([await stateOf(wait), memory.takenBytes], ["granted", 90]);
    late.end(hold);
    assert.equal(memory.takenBytes, 50);
  });

  it("counts what was made of answers where it is large", () => {
    const memory = new AnswerMemory(100);
    const hold = new AnswerHold(memory);
    hold.add(1 << 20);
    assert.ok(hold.isEmpty);
    hold.add(2 << 20);
    assert.equal(memory.takenBytes, 2 << 20);
    hold.release();
    assert.equal(memory.takenBytes, 0);
  });

  it("ends a wait with its attempt, and then keeps nobody else waiting for it", async () => {
    const memory = new AnswerMemory(100, 0);
    const stop = new AbortController();
    const [first, second, third] = [memory.begin(stillOn()), memory.begin(stop.signal), memory.begin(stillOn())];
    void first.grow(60);
    void second.grow(30);
    const wait = second.grow(90);
    stop.abort("over");
    assert.equal(await stateOf(wait), "GATEWAY_OVERLOADED");
    second.end(undefined);
    assert.deepEqual([third.grow(40), memory.takenBytes], [undefined, 100]);
  });
});
