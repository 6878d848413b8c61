import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { z } from "zod";
import { TemporaryDatabases } from "../adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import type { AppError } from "../core/errors.ts";
import { workflow, type WorkflowDefinition } from "./definition.ts";
import { ManualTimers } from "./manual-timers.fixture.ts";
import type { RunState, WorkflowRun } from "./schemas.ts";
import type { WorkflowEngineOptions } from "./workflow-engine.ts";
import { until as untilReal, workflowStage } from "./workflow-stage.fixture.ts";

const anything = z.unknown();
const hour = 3_600_000;
/** Longer than any test, however slow the machine: what a test does not expire does not expire. */
const leaseMs = 600_000;

describe("WorkflowEngine", () => {
  const databases = new TemporaryDatabases();
  let clockwork: ManualTimers;
  /** Waits for a condition while the clock goes slowly on. */
  const until: typeof untilReal = (condition, what) =>
    untilReal(() => {
      clockwork.advance(10);
      return condition();
    }, what);
  const opened: { stop(graceMs?: number): Promise<void> }[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((engine) => engine.stop(0)));
    await databases.remove();
  });

  async function open(definitions: WorkflowDefinition[], engine: Partial<WorkflowEngineOptions> = {}) {
    const timers = (clockwork = new ManualTimers());
    const database = await databases.open();
    const replica = (more: WorkflowDefinition[] = definitions) => {
      const stage = workflowStage(database, { clock: timers.clock, timers, definitions: more, engine: { leaseMs, ...engine } });
      opened.push(stage.engine);
      stage.engine.start();
      const state = (id: string, ...states: RunState[]): Promise<WorkflowRun> =>
        until(async () => {
          const run = await stage.service.find(id);
          return states.includes(run.state) && run;
        }, `${id} being ${states.join(" or ")}`);
      const start = async (name: string, input: unknown = {}) => (await stage.service.start(name, { input }, "key:test")).run.id;
      return { ...stage, state, start, ended: (id: string) => state(id, "succeeded", "failed", "cancelled") };
    };
    return { timers, database, replica, ...replica() };
  }

  function define(run: WorkflowDefinition["run"], more: Partial<WorkflowDefinition> = {}): WorkflowDefinition {
    return { name: "work", version: 1, description: "For tests", input: anything, run, ...more };
  }

  it("runs steps one after the other, in parallel, and hands on their results", async () => {
    const sum = workflow({
      name: "sum", version: 1, description: "Adds", input: z.object({ numbers: z.array(z.number()) }),
      async run(context, { numbers }) {
        const doubled = await Promise.all(numbers.map((number) => context.step(`double ${number}`, () => number * 2)));
        const total = await context.step("add", () => doubled.reduce((left, right) => left + right, 0));
        return { total };
      },
    });
    const { start, ended, service } = await open([sum as WorkflowDefinition]);
    const run = await ended(await start("sum", { numbers: [1, 2, 3] }));
    assert.deepEqual([run.state, run.output, run.error], ["succeeded", { total: 12 }, null]);
    const steps = await service.steps(run.id);
    assert.deepEqual(steps.map(({ step, state, result }) => [step, state, result]), [
      ["double 1", "succeeded", 2], ["double 2", "succeeded", 4], ["double 3", "succeeded", 6], ["add", "succeeded", 12],
    ]);
  });

  it("sleeps without memory, and does not repeat what it did before", async () => {
    let effects = 0;
    const { start, state, ended, engine, timers } = await open([
      define(async (context) => {
        const before = await context.step("before", () => ++effects);
        await context.sleep("nap", hour);
        return [before, await context.step("after", () => ++effects)];
      }),
    ]);
    const id = await start("work");
    const sleeping = await state(id, "sleeping");
    assert.ok(sleeping.dueAt! >= sleeping.startedAt! + hour);
    await until(() => engine.runsInMemory === 0);
    timers.advance(hour / 2);
    assert.equal((await state(id, "sleeping")).state, "sleeping");
    timers.advance(hour / 2);
    assert.deepEqual((await ended(id)).output, [1, 2]);
    assert.equal(effects, 2);
  });

  it("sits out a short wait in memory", async () => {
    const { start, ended, timers, service } = await open([define(async (context) => context.sleep("blink", 1000))]);
    const id = await start("work");
    await until(async () => (await service.steps(id)).length === 1 && timers.size > 0);
    await until(async () => {
      timers.advance(100);
      return (await service.find(id)).state === "succeeded";
    });
    assert.equal((await ended(id)).state, "succeeded");
  });

  it("tries a step again after a pause, and lets it fail for good after its attempts", async () => {
    const attempts: number[] = [];
    const { start, state, ended, timers, service } = await open([
      define(async (context) => {
        await context.step("shaky", ({ attempt, idempotencyKey }) => {
          attempts.push(attempt);
          assert.equal(idempotencyKey, `${context.runId}:shaky`);
          throw new Error(`attempt ${attempt} broke`);
        }, { retry: { maxAttempts: 3, initialDelayMs: 20_000, factor: 2 } });
      }),
    ]);
    const id = await start("work");
    // Half of 20 s, then half of 40 s: the random number of these tests is 0.5.
    for (const pause of [10_000, 20_000]) {
      const sleeping = await state(id, "sleeping");
      const [step] = await service.steps(id);
      assert.deepEqual([step!.state, step!.attempts, step!.error?.message], ["retrying", attempts.length, `attempt ${attempts.length} broke`]);
      assert.equal(sleeping.dueAt, step!.wakeAt);
      assert.ok(sleeping.dueAt! - timers.clock.now() > pause - 5000 && sleeping.dueAt! - timers.clock.now() <= pause);
      timers.advance(pause);
      await until(() => attempts.length === (pause === 10_000 ? 2 : 3));
    }
    const run = await ended(id);
    assert.deepEqual(attempts, [1, 2, 3]);
    assert.deepEqual(run.error, { code: "STEP_FAILED", message: 'The step "shaky" failed after 3 attempts: attempt 3 broke', step: "shaky" });
  });

  it("ends an attempt at its timeout, though the step ignores its signal, and drops its late answer", async () => {
    const late = Promise.withResolvers<string>();
    let signal: AbortSignal | undefined;
    const { start, ended, timers, service } = await open([
      define(async (context) =>
        context.step("deaf", (step) => {
          signal = step.signal;
          return late.promise;
        }, { timeoutMs: 5000, retry: { maxAttempts: 1 } }),
      ),
    ]);
    const id = await start("work");
    await until(() => signal);
    timers.advance(5000);
    const run = await ended(id);
    assert.equal(signal!.aborted, true);
    late.resolve("too late");
    assert.deepEqual([run.state, run.error?.code, run.error?.step], ["failed", "STEP_TIMEOUT", "deaf"]);
    assert.equal((await service.steps(id))[0]!.result, null);
  });

  it("takes a signal that came before it is waited for, one that comes later, and gives up at the timeout", async () => {
    const { start, state, ended, service, timers, engine } = await open([
      define(async (context) => {
        const first = await context.waitForSignal("first", { signal: "go", key: "a" });
        const second = await context.waitForSignal("second", { signal: "go", key: "b" });
        const third = await context.waitForSignal("third", { signal: "go", key: "c", timeoutMs: hour });
        return [first, second, third];
      }),
    ]);
    await service.signal({ signal: "go", key: "a", payload: { number: 1 } });
    const id = await start("work");
    assert.equal((await state(id, "sleeping")).dueAt !== null, true);
    await until(() => engine.runsInMemory === 0);
    await service.signal({ id: "once", signal: "go", key: "b", payload: 2 });
    await service.signal({ id: "once", signal: "go", key: "b", payload: 2 });
    await until(async () => (await service.steps(id)).length === 3 && engine.runsInMemory === 0);
    timers.advance(hour);
    assert.deepEqual((await ended(id)).output, [{ number: 1 }, 2, null]);
  });

  it("takes a signal that comes while the run goes to sleep", async () => {
    const timers = (clockwork = new ManualTimers());
    const database = await databases.open();
    const definitions = [define(async (context) => [await context.waitForSignal("first", { signal: "go" }), await context.step("after", () => "gone on")])];
    const { store } = workflowStage(database, { clock: timers.clock, timers, definitions });
    let isSent = false;
    // Nothing is parked any more when the database is told of the sleep; the signal is there before that.
    const slow = new Proxy(store, {
      get: (target, name) => {
        const member = Reflect.get(target, name) as unknown;
        if (typeof member !== "function") return member;
        return async (...values: unknown[]): Promise<unknown> => {
          if (name === "release" && !isSent) {
            isSent = true;
            await stage.service.signal({ signal: "go", payload: 1 });
            // What the signal woke in the process has come as far as it can: the database takes one after the other.
            for (let look = 0; look < 5; look++) await stage.service.steps(id);
          }
          return (member as (...values: unknown[]) => unknown).apply(target, values);
        };
      },
    });
    const stage = workflowStage(database, { clock: timers.clock, timers, definitions, engine: { leaseMs, store: slow } });
    opened.push(stage.engine);
    stage.engine.start();
    const { id } = (await stage.service.start("work", { input: {} }, "key:test")).run;
    const run = await until(async () => {
      const found = await stage.service.find(id);
      return found.state === "succeeded" && found;
    }, "the end");
    assert.equal(isSent, true);
    assert.deepEqual(run.output, [1, "gone on"]);
  });

  it("undoes finished steps in the reverse order when a later one fails", async () => {
    const done: string[] = [];
    const reversible = (name: string) => [name, () => void done.push(name), { compensate: async () => void done.push(`undo ${name}`) }] as const;
    const { start, ended, service } = await open([
      define(async (context) => {
        await context.step(...reversible("a"));
        await context.step("b", () => void done.push("b"));
        await context.step(...reversible("c"));
        await context.step("d", () => Promise.reject(new Error("no")), { retry: { maxAttempts: 1 }, compensate: async () => void done.push("never") });
      }),
    ]);
    const run = await ended(await start("work"));
    assert.deepEqual([run.state, run.error?.step], ["failed", "d"]);
    assert.deepEqual(done, ["a", "b", "c", "undo c", "undo a"]);
    assert.deepEqual((await service.steps(run.id)).filter(({ kind }) => kind === "compensation").map(({ step, state }) => [step, state]), [["undo c", "succeeded"], ["undo a", "succeeded"]]);
  });

  it("says when a finished step could not be undone", async () => {
    const { start, ended } = await open([
      define(async (context) => {
        await context.step("a", () => 1, { retry: { maxAttempts: 1 }, compensate: () => Promise.reject(new Error("stuck")) });
        throw new Error("gave up");
      }),
    ]);
    const run = await ended(await start("work"));
    assert.deepEqual([run.state, run.error?.message], ["failed", 'gave up And it could not be undone: The step "undo a" failed: stuck']);
  });

  it("cancels a run that waits, one whose step is under way, and one that has not begun", async () => {
    const done: string[] = [];
    let signal: AbortSignal | undefined;
    const begun = define(async (context) => {
      await context.step("a", () => void done.push("a"), { compensate: async () => void done.push("undo a") });
      await context.sleep("nap", hour);
    });
    const busy = define(async (context) => {
      await context.step("a", () => void done.push("a"), { compensate: async () => void done.push("undo a") });
      await context.step("endless", (step) => new Promise(() => (signal = step.signal)));
    }, { name: "busy" });
    const { start, state, ended, service, engine } = await open([begun, busy]);
    const sleeping = await start("work");
    await state(sleeping, "sleeping");
    await service.cancel(sleeping);
    const first = await ended(sleeping);
    assert.deepEqual([first.state, first.error?.code], ["cancelled", "RUN_CANCELLED"]);
    const under = await start("busy");
    await until(() => signal);
    await service.cancel(under);
    assert.equal((await ended(under)).state, "cancelled");
    assert.equal(signal!.aborted, true);
    assert.deepEqual(done, ["a", "undo a", "a", "undo a"]);
    await until(() => engine.runsInMemory === 0);
    const { run: future } = await service.start("work", { startAt: 4_000_000_000_000 }, "key:test");
    assert.equal((await service.cancel(future.id)).state, "cancelled");
    await assert.rejects(service.cancel(future.id), (error: AppError) => error.code === "RUN_STATE_CONFLICT");
  });

  it("goes on from the last finished step when a failed run is retried", async () => {
    let broken = true;
    const calls: string[] = [];
    const { start, ended, service } = await open([
      define(async (context) => {
        await context.step("a", () => void calls.push("a"));
        await context.step("b", () => void calls.push("b"), { compensate: async () => void calls.push("undo b") });
        await context.step("c", () => {
          calls.push("c");
          if (broken) throw new Error("broken");
        }, { retry: { maxAttempts: 1 } });
        return "done";
      }),
    ]);
    const id = await start("work");
    assert.equal((await ended(id)).state, "failed");
    broken = false;
    assert.equal((await service.retry(id)).state, "queued");
    const run = await until(async () => (await service.find(id)).state === "succeeded" && service.find(id));
    assert.equal(run.output, "done");
    assert.deepEqual(calls, ["a", "b", "c", "undo b", "b", "c"]);
  });

  it("fails a run whose code changed under it, and one that uses a name twice", async () => {
    const twice = define(async (context) => {
      await context.step("a", () => 1);
      await context.step("a", () => 2);
    }, { name: "twice" });
    const first = define(async (context) => {
      await context.step("a", () => 1);
      await context.sleep("nap", hour);
    });
    const otherKind = define(async (context) => {
      await context.sleep("a", 1);
      await context.sleep("nap", hour);
    });
    const { start, state, ended, replica, timers, engine } = await open([first, twice]);
    assert.match((await ended(await start("twice"))).error!.message, /"a" is used twice/);
    for (const [changed, message] of [[otherKind, /"a" was a function when the run began, and is a sleep now/], [define(async () => "nothing"), /did not ask for the step "(a|nap)"/]] as const) {
      const id = await start("work");
      await state(id, "sleeping");
      await until(() => engine.runsInMemory === 0);
      await engine.stop();
      const other = replica([changed]);
      timers.advance(hour);
      const run = await other.ended(id);
      assert.deepEqual([run.state, run.error?.code], ["failed", "WORKFLOW_CHANGED"]);
      assert.match(run.error!.message, message);
      await other.engine.stop();
      if (changed === otherKind) {
        const again = replica([first]);
        return void (await again.engine.stop());
      }
    }
  });

  it("replays a race the way it went, though the loser's answer came later", async () => {
    const slow = Promise.withResolvers<string>();
    const seen: string[] = [];
    const { start, state, ended, timers } = await open([
      define(async (context) => {
        const winner = await Promise.race([
          context.step("slow", () => slow.promise),
          context.step("quick", async () => {
            setImmediate(() => setImmediate(() => slow.resolve("slow")));
            return "quick";
          }),
        ]);
        seen.push(winner);
        await context.step(`after ${winner}`, () => 1);
        await context.sleep("nap", hour);
        return winner;
      }),
    ]);
    const id = await start("work");
    await state(id, "sleeping");
    timers.advance(hour);
    assert.equal((await ended(id)).output, "quick");
    assert.deepEqual(seen, ["quick", "quick"]);
  });

  it("keeps within the limit of a workflow and of its keys, and takes the highest priority first", async () => {
    const order: string[] = [];
    const gates = new Map<string, () => void>();
    let most = 0;
    let under = 0;
    const limited = define(async (context, input) => {
      const { name } = input as { name: string };
      await context.step("work", async () => {
        order.push(name);
        most = Math.max(most, ++under);
        await new Promise<void>((resolve) => gates.set(name, resolve));
        under--;
      });
    }, { concurrency: { limit: 1, key: (input) => (input as { key: string }).key } });
    const { service, engine, state } = await open([limited]);
    const start = async (name: string, priority: number) => (await service.start("work", { input: { name, key: "k" }, priority }, "key:test")).run.id;
    const first = await start("first", 0);
    await until(() => gates.has("first"));
    const others = [await start("low", -1), await start("high", 5), await start("middle", 0)];
    for (const name of ["first", "high", "middle", "low"]) {
      await until(() => gates.has(name));
      gates.get(name)!();
    }
    for (const id of [first, ...others]) await state(id, "succeeded");
    assert.deepEqual([order, most], [["first", "high", "middle", "low"], 1]);
    await until(() => engine.runsInMemory === 0);
  });

  it("is taken over when its lease ends, and the old owner's step writes nothing", async () => {
    const late = Promise.withResolvers<string>();
    let calls = 0;
    const { start, timers, engine, replica, service, database } = await open([
      define(async (context) => context.step("slow", () => (++calls === 1 ? late.promise : "second"))),
    ]);
    const id = await start("work");
    await until(() => calls === 1);
    // The first replica cannot renew: the database has given the lease to nobody yet, but its time is over.
    await database.queries.updateTable("workflow_runs").set({ lease_until: 1 }).where("id", "=", id).execute();
    const other = replica();
    const run = await other.ended(id);
    assert.deepEqual([run.output, calls], ["second", 2]);
    late.resolve("first");
    timers.advance(leaseMs);
    await until(() => engine.runsInMemory === 0);
    assert.equal((await service.steps(id))[0]!.result, "second");
  });

  it("gives up a run with which the process dies again and again", async () => {
    const { start, ended, database, timers, engine, replica } = await open([define(async (context) => context.step("deadly", () => new Promise(() => undefined)))]);
    const id = await start("work");
    let last = { engine, ended };
    for (let crash = 0; crash < 5; crash++) {
      await until(async () => (await database.queries.selectFrom("workflow_runs").selectAll().where("id", "=", id).executeTakeFirstOrThrow()).lease_epoch === crash + 1);
      await database.queries.updateTable("workflow_runs").set({ lease_until: 1 }).where("id", "=", id).execute();
      last = replica();
    }
    const { error } = await last.ended(id);
    assert.equal(error!.code, "RUN_CRASHED");
    assert.match(error!.message, /ended 5 times in a row/);
    timers.advance(leaseMs);
  });

  it("fails a run that takes too long, sleeping included, and undoes what it did", async () => {
    const done: string[] = [];
    const { start, ended, state, timers } = await open([
      define(async (context) => {
        await context.step("a", () => void done.push("a"), { compensate: async () => void done.push("undo a") });
        await context.waitForSignal("never", { signal: "never" });
      }, { timeoutMs: hour }),
    ]);
    const id = await start("work");
    await state(id, "sleeping");
    timers.advance(hour);
    const run = await ended(id);
    assert.deepEqual([run.state, run.error, done], ["failed", { code: "RUN_TIMEOUT", message: "The run took longer than 3600000 ms." }, ["a", "undo a"]]);
  });

  it("follows a run with its lines to its end", async () => {
    const gate = Promise.withResolvers<void>();
    const { start, service } = await open([
      define(async (context) => {
        await context.step("talk", async ({ log, progress }) => {
          log("hello");
          progress(0.5, "half");
          await gate.promise;
          log("bye");
        });
      }),
    ]);
    const id = await start("work");
    const seen: string[] = [];
    gate.resolve();
    for await (const event of service.follow(id, 0, AbortSignal.timeout(60_000))) {
      if (event.type === "line") seen.push(event.line.line);
      if (event.type === "end") seen.push(event.run.state);
    }
    assert.deepEqual(seen, ["hello", "bye", "succeeded"]);
    assert.deepEqual([(await service.find(id)).progress, (await service.find(id)).progressNote], [0.5, "half"]);
  });

  it("leaves its runs to the next process when it stops", async () => {
    let calls = 0;
    const { start, engine, replica, state } = await open([
      define(async (context) => {
        await context.step("first", () => 1);
        return context.step("second", () => (++calls === 1 ? new Promise(() => undefined) : "done"));
      }),
    ]);
    const id = await start("work");
    await until(() => calls === 1);
    await engine.stop(0);
    await state(id, "sleeping");
    assert.equal((await replica().ended(id)).output, "done");
  });
});
