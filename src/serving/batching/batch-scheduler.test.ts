import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { systemClock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { silentLogger } from "../../core/logger.ts";
import type { Tensor } from "../../core/tensor.ts";
import { batchKey } from "./batch.ts";
import type { HeldAnswer } from "./held-answer.ts";
import { BatchScheduler, type Caller, type SchedulerLimits } from "./batch-scheduler.ts";
import type { ModelRunner, RunResult } from "../versions/model-runtime.ts";
import { RunnerPool } from "../versions/runner-pool.ts";

/** A runner whose runs end when the test says so, or at once. It doubles every value. */
class HeldRunner implements ModelRunner {
  readonly placement = "runner" as const;
  readonly executionProvider = "cpu";
  readonly processId = undefined;
  readonly batches: number[][] = [];
  release: ((held?: HeldAnswer) => void) | undefined;
  isHeldUp = false;
  hasNoRoom = false;
  held: boolean;
  killed: string | undefined;
  #exit: ((reason: string) => void) | undefined;
  #crash: ((error: Error) => void) | undefined;

  constructor(held: boolean) {
    this.held = held;
  }

  run(inputs: readonly Tensor[]): Promise<RunResult> {
    const input = inputs[0]!;
    const values = [...(input.data as Float64Array)];
    this.batches.push(values);
    if (values.includes(-1)) {
      this.#exit?.("crashed");
      return Promise.reject(new AppError("RUNNER_CRASHED", "The runner died."));
    }
    if (values.includes(-2)) return Promise.reject(new AppError("MODEL_RUN_FAILED", "Refused."));
    const result = { outputs: [{ ...input, name: "y", data: Float64Array.from(values, (value) => value * 2) }], runUs: 10 };
    if (!this.held) return Promise.resolve(result);
    return new Promise((resolve, reject) => {
      this.release = (held) => resolve(held === undefined ? result : { ...result, held });
      this.#crash = reject;
    });
  }

  onExit(listener: (reason: string) => void): void {
    this.#exit = listener;
  }

  kill(reason: string): void {
    this.killed = reason;
    this.#exit?.(reason);
    this.#crash?.(new AppError("RUNNER_CRASHED", reason));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const limits: SchedulerLimits = { maxBatchRows: 8, maxBatchDelayMs: 0, maxQueueRows: 1000, maxRunMs: 60_000 };

async function setUp(options: { held?: boolean; size?: number; limits?: Partial<SchedulerLimits> } = {}) {
  const runners: HeldRunner[] = [];
  const pool = new RunnerPool({
    size: options.size ?? 1,
    start: () => {
      const runner = new HeldRunner(options.held ?? false);
      runners.push(runner);
      return Promise.resolve(runner);
    },
    onIdle: () => scheduler.pump(),
    clock: systemClock, logger: silentLogger, name: "test/1",
  });
  const batches: number[] = [];
  const scheduler = new BatchScheduler(pool, { ...limits, ...options.limits }, systemClock, (rows) => batches.push(rows));
  await pool.open();
  return { pool, scheduler, runners, batches };
}

const tensor = (values: readonly number[], width = 1): Tensor => ({ name: "x", datatype: "FP64", shape: [values.length / width, width], data: Float64Array.from(values) });
const stays = { signal: undefined };
const code = (error: unknown): string => (error as AppError).code;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe("BatchScheduler", () => {
  it("gives every caller of mixed batches exactly its own rows", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ rows: fc.integer({ min: 1, max: 12 }), width: fc.constantFrom(1, 2, 3) }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 16 }),
        fc.integer({ min: 1, max: 3 }),
        async (requests, maxBatchRows, size) => {
          const { scheduler, runners } = await setUp({ size, limits: { maxBatchRows } });
          let next = 1;
          const sent = requests.map(({ rows, width }) => tensor(Array.from({ length: rows * width }, () => next++), width));
          const answers = await Promise.all(sent.map((input) => scheduler.submit([input], input.shape[0]!, batchKey([input], false), 60_000, stays)));
          answers.forEach(({ outputs }, index) => {
            assert.deepEqual(outputs[0]!.shape, sent[index]!.shape);
            assert.deepEqual([...(outputs[0]!.data as Float64Array)], [...(sent[index]!.data as Float64Array)].map((value) => value * 2));
          });
          const widest = Math.max(maxBatchRows, ...requests.map(({ rows }) => rows));
          for (const runner of runners) for (const batch of runner.batches) assert.ok(batch.length <= widest * 3);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("joins the requests of one turn and never exceeds the batch size", async () => {
    const { scheduler, batches } = await setUp();
    await Promise.all(Array.from({ length: 20 }, (_, index) => scheduler.submit([tensor([index])], 1, "", 60_000, stays)));
    assert.deepEqual(batches, [8, 8, 4]);
  });

  it("refuses what the queue cannot hold, with a time to come back", async () => {
    const { scheduler, runners } = await setUp({ held: true, limits: { maxQueueRows: 2 } });
    const first = scheduler.submit([tensor([1])], 1, "", 60_000, stays);
    await turn();
    const waiting = [scheduler.submit([tensor([2])], 1, "", 60_000, stays), scheduler.submit([tensor([3])], 1, "", 60_000, stays)];
    await assert.rejects(scheduler.submit([tensor([4])], 1, "", 60_000, stays), (error: AppError) => error.code === "QUEUE_FULL" && error.retryAfterSeconds! >= 1);
    runners[0]!.held = false;
    runners[0]!.release!();
    assert.deepEqual((await Promise.all([first, ...waiting])).map(({ outputs }) => (outputs[0]!.data as Float64Array)[0]), [2, 4, 6]);
  });

  it("answers by the deadline though the runner never does, then replaces the runner and serves on", async () => {
    // Long enough for the second run to be let go in time on a busy machine too.
    const { scheduler, runners, pool } = await setUp({ held: true, limits: { maxRunMs: 1000 } });
    assert.equal(await scheduler.submit([tensor([1])], 1, "", 20, stays).catch(code), "DEADLINE_EXCEEDED");
    const queued = scheduler.submit([tensor([2])], 1, "", 60_000, stays);
    while (runners.length < 2 || runners[1]!.release === undefined) await turn();
    assert.match(runners[0]!.killed!, /longer than/);
    runners[1]!.release!();
    assert.equal(((await queued).outputs[0]!.data as Float64Array)[0], 4);
    assert.equal(pool.restarts, 1);
  });

  it("drops the work of a caller who has gone", async () => {
    const { scheduler, runners } = await setUp({ held: true });
    const first = scheduler.submit([tensor([1])], 1, "", 60_000, stays);
    await turn();
    const controller = new AbortController();
    const gone = scheduler.submit([tensor([2])], 1, "", 60_000, controller);
    const kept = scheduler.submit([tensor([3])], 1, "", 60_000, stays);
    await turn();
    controller.abort();
    assert.equal(await gone.catch(code), "CALLER_GONE");
    assert.equal(scheduler.queueRows, 1);
    runners[0]!.held = false;
    runners[0]!.release!();
    await Promise.all([first, kept]);
    assert.deepEqual(runners[0]!.batches, [[1], [3]]);
  });

  it("lets only the guilty request of a batch fail when it kills the runner", async () => {
    const { scheduler } = await setUp();
    const answers = await Promise.allSettled([1, -1, 3].map((value) => scheduler.submit([tensor([value])], 1, "", 60_000, stays)));
    assert.deepEqual(answers.map((answer) => (answer.status === "fulfilled" ? (answer.value.outputs[0]!.data as Float64Array)[0] : code(answer.reason))), [2, "RUNNER_CRASHED", 6]);
  });

  it("lets only the guilty request of a batch fail when the model refuses its values", async () => {
    const { scheduler } = await setUp();
    const answers = await Promise.allSettled([1, 2, -2].map((value) => scheduler.submit([tensor([value])], 1, "", 60_000, stays)));
    assert.deepEqual(answers.map(({ status }) => status), ["fulfilled", "fulfilled", "rejected"]);
  });

  it("waits for company as long as the delay says, and not once the batch is full", async () => {
    const { scheduler, runners } = await setUp({ limits: { maxBatchDelayMs: 60_000, maxBatchRows: 2 } });
    const first = scheduler.submit([tensor([1])], 1, "", 60_000, stays);
    await turn();
    assert.deepEqual(runners[0]!.batches, []);
    const second = scheduler.submit([tensor([2])], 1, "", 60_000, stays);
    await Promise.all([first, second]);
    assert.deepEqual(runners[0]!.batches, [[1, 2]]);
  });

  it("releases what an answer holds when the last of its callers has it or has gone, and at once where nobody waits", async () => {
    const { scheduler, runners } = await setUp({ held: true });
    let released = 0;
    const told: (() => void)[] = [];
    const taker: Caller = { signal: undefined, whenAnswered: (tell) => void told.push(tell) };
    const held = { release: (): void => void released++ };
    const run = async (callers: readonly Caller[], deadlineMs = 60_000): Promise<unknown[]> => {
      const answers = callers.map((caller, index) => scheduler.submit([tensor([index])], 1, "", deadlineMs, caller).catch(code));
      await turn();
      runners[0]!.release!(held);
      return Promise.all(answers);
    };
    await run([taker, stays, taker]);
    await turn();
    assert.deepEqual([told.length, released], [2, 0]);
    told[0]!();
    assert.equal(released, 0);
    told[1]!();
    assert.equal(released, 1);
    await run([stays]);
    await turn();
    assert.equal(released, 2);
    // Its time was over before the answer came.
    const gone = scheduler.submit([tensor([1])], 1, "", 5, taker).catch(code);
    assert.equal(await gone, "DEADLINE_EXCEEDED");
    runners[0]!.release!(held);
    await turn();
    assert.deepEqual([told.length, released], [2, 3]);
  });

  it("blames no run that waits for memory of the server when a deadline passes", async () => {
    const { scheduler, runners } = await setUp({ held: true });
    runners[0]!.isHeldUp = true;
    assert.equal(await scheduler.submit([tensor([1])], 1, "", 5, stays).catch(code), "QUEUE_FULL");
    runners[0]!.release!();
  });

  it("asks no runner for a large answer while those under way take all the memory that there is for them", async () => {
    const { scheduler, runners } = await setUp({ held: false });
    runners[0]!.hasNoRoom = true;
    assert.equal(await scheduler.submit([tensor([1])], 1, "", 1000, stays).catch(code), "QUEUE_FULL");
    assert.deepEqual(runners[0]!.batches, []);
    runners[0]!.hasNoRoom = false;
    assert.equal(((await scheduler.submit([tensor([1])], 1, "", 1000, stays)).outputs[0]!.data as Float64Array)[0], 2);
  });

  it("settles what it accepted before it is drained, and takes nothing new", async () => {
    const { scheduler, runners } = await setUp({ held: true });
    const accepted = scheduler.submit([tensor([1])], 1, "", 60_000, stays);
    await turn();
    const drained = scheduler.drain();
    assert.equal(await scheduler.submit([tensor([2])], 1, "", 60_000, stays).catch(code), "VERSION_NOT_READY");
    runners[0]!.release!();
    await drained;
    assert.equal(((await accepted).outputs[0]!.data as Float64Array)[0], 2);
  });
});
