import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import type { SqlDatabase } from "../adapters/sql/sql-database.ts";
import { FaultyClock } from "../../test/kit/faulty-clock.ts";
import { ManualClock } from "../core/clock.ts";
import { seededRandom, testSeed } from "../../test/kit/seed.ts";
import { ManualTimers } from "./manual-timers.fixture.ts";
import { fails, planArbitrary, plannedWorkflow, signalKeysOf, type Plan } from "./random-workflow.fixture.ts";
import type { WorkflowRun, WorkflowStep } from "./schemas.ts";
import type { WorkflowStore } from "./workflow-store.ts";
import { until, workflowStage } from "./workflow-stage.fixture.ts";

const leaseMs = 20_000;
/** A store that can be cut off: as if the process that uses it had died, nothing of it reaches the database any more. */
function severable<Store extends object>(store: Store): { store: Store; sever(): void } {
  let severed = false;
  const proxy = new Proxy(store, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== "function") return member;
      return (...values: unknown[]): unknown => {
        if (severed) return new Promise(() => undefined);
        const answer = (member as (...values: unknown[]) => unknown).apply(target, values);
        // An answer that comes after the death is heard by nobody, though what it tells of happened.
        return answer instanceof Promise ? answer.then((value: unknown) => (severed ? new Promise(() => undefined) : value)) : answer;
      };
    },
  });
  return { store: proxy, sever: () => (severed = true) };
}

interface Life {
  run: WorkflowRun;
  steps: WorkflowStep[];
  effects: string[];
  /** Effects of steps whose result the journal had when they happened again. */
  repeated: string[];
}

/** What must hold on every database when engines die in memory, at any point of a random workflow. `lives`: of one or two runs each. */
export function workflowCrashesConformance(adapter: string, open: () => Promise<SqlDatabase>, lives: number): void {
  /** Lives through the plan with a crash at each of the points whose numbers are given, counted over all processes. */
  async function live(database: SqlDatabase, plan: Plan, crashes: readonly number[]): Promise<Life> {
    const effects: string[] = [];
    const repeated: string[] = [];
    const journalled = new Set<string>();
    let points = 0;
    const clock = new ManualClock();
    let process: { sever(): void; timers: ManualTimers; dead: boolean } | undefined;

    const begin = () => {
      const timers = new ManualTimers(clock);
      const severs: (() => void)[] = [];
      const self = { timers, dead: false, sever: () => { self.dead = true; for (const sever of severs) sever(); } };
      const cut = <Store extends object>(store: Store): Store => {
        const { store: severed, sever } = severable(store);
        severs.push(sever);
        return severed;
      };
      const effect = (name: string): void => {
        if (self.dead) return;
        effects.push(name);
        if (journalled.has(name)) repeated.push(name);
      };
      const bare = workflowStage(database, { clock, timers, definitions: [] });
      const watched: WorkflowStore = Object.assign(Object.create(bare.store) as WorkflowStore, {
        time: () => bare.store.time(), readSteps: (run: string) => bare.store.readSteps(run), nextDueAt: (now: never) => bare.store.nextDueAt(now),
        lease: (request: never) => bare.store.lease(request), renew: (request: never) => bare.store.renew(request), addRun: (run: never) => bare.store.addRun(run),
        release: (...values: Parameters<WorkflowStore["release"]>) => bare.store.release(...values),
        writeProgress: (...values: Parameters<WorkflowStore["writeProgress"]>) => bare.store.writeProgress(...values),
        appendLog: (...values: Parameters<WorkflowStore["appendLog"]>) => bare.store.appendLog(...values),
        writeSteps: async (...values: Parameters<WorkflowStore["writeSteps"]>) => {
          await bare.store.writeSteps(...values);
          for (const step of values[2]) if (step.state === "succeeded") journalled.add(step.step);
        },
      });
      const stage = workflowStage(database, {
        clock, timers, definitions: [plannedWorkflow(effect, () => plan)],
        engine: {
          leaseMs, maxCrashes: 20, store: cut(watched), directory: cut(bare.directory), signals: cut(bare.signals), schedules: cut(bare.schedules),
          onPoint: () => {
            if (self.dead || !crashes.includes(points++)) return;
            self.sever();
          },
        },
      });
      stage.engine.start();
      process = self;
      return stage;
    };

    const outside = workflowStage(database, { clock, timers: new ManualTimers(clock), definitions: [plannedWorkflow(() => undefined, () => plan)] });
    const { run: { id } } = await outside.service.start("planned", {}, "key:test");
    for (const key of signalKeysOf(plan, id)) await outside.service.signal({ id: key, signal: "random", key, payload: key.length });
    let stage = begin();
    const run = await until(async () => {
      const now = await outside.service.find(id);
      if (["succeeded", "failed", "cancelled"].includes(now.state)) return now;
      if (process!.dead) {
        process = undefined;
        stage = begin();
      }
      // While a run is held the clock goes slowly, so that only dead processes lose their leases to their successors.
      process!.timers.advance(now.state === "sleeping" ? 1000 : stage.engine.runsInMemory === 0 ? 200 : 20);
      return false;
    }, `the end of ${JSON.stringify(plan)} with crashes at ${crashes.join(", ")}`);
    const steps = await outside.service.steps(id);
    if (process?.dead === false) await stage.engine.stop(0);
    return { run, steps, effects, repeated };
  }

  describe(`runs whose process dies: ${adapter}`, () => {
    it("repeat no finished step, answer what they answer without a crash, and undo exactly what was done", async () => {
      const database = await open();
      await fc.assert(
        fc.asyncProperty(fc.array(planArbitrary, { minLength: 2, maxLength: 4 }).map((parts): Plan => ({ kind: "series", parts })), fc.array(fc.nat({ max: 40 }), { maxLength: 6 }), async (plan, crashes) => {
          const calm = await live(database, plan, []);
          const rough = await live(database, plan, crashes);
          assert.deepEqual(rough.repeated, [], "a finished step happened again");
          assert.equal(rough.run.state, calm.run.state, `${rough.run.error?.message}`);
          const failed = fails(plan);
          assert.equal(calm.run.state, failed ? "failed" : "succeeded", calm.run.error?.message);
          // What runs beside a fatal step may or may not have finished by then.
          if (!failed) assert.deepEqual(rough.run.output, calm.run.output);
          for (const { run, steps } of [calm, rough]) {
            assert.ok(!run.error?.message.includes("another way"), run.error?.message);
            const done = new Set(steps.filter(({ kind, state }) => kind === "function" && state === "succeeded").map(({ step }) => step));
            const undone = steps.filter(({ kind, state }) => kind === "compensation" && state === "succeeded").map(({ step }) => step.slice("undo ".length));
            const compensated = [...compensatedSteps(plan)].filter((step) => done.has(step));
            assert.deepEqual(new Set(undone), new Set(failed ? compensated : []));
            const position = (step: string): number => steps.find((each) => each.step === step)!.position;
            assert.deepEqual(undone.map(position), undone.map(position).sort((left, right) => right - left), "undone in the reverse order");
          }
        }),
        { numRuns: lives, seed: testSeed, endOnFailure: true },
      );
    });

    it("are never worked on twice by three replicas whose clocks differ by hours, drift and jump, and schedules fire once", async () => {
      const database = await open();
      const storeClock = new ManualClock();
      const effects: string[] = [];
      const plan: Plan = { kind: "series", parts: [{ kind: "step", failures: 1, compensated: false, long: true }, { kind: "sleep", milliseconds: 60_000 }, { kind: "step", failures: 0, compensated: false, long: true }] };
      const replicas = ["one", "two", "three"].map((name) => {
        const skewed = new FaultyClock(storeClock, seededRandom(`clock of ${name}`));
        const timers = new ManualTimers(storeClock);
        const stage = workflowStage(database, {
          clock: skewed, storeClock, timers, definitions: [plannedWorkflow((effect) => effects.push(effect), () => plan)], engine: { leaseMs: 600_000, pollMs: 500 },
        });
        stage.engine.start();
        return { ...stage, timers };
      });
      const [first] = replicas as [(typeof replicas)[number], ...typeof replicas];
      await first.service.putSchedule("minutely", { workflow: "planned", cron: "* * * * *", missed: "all" }, "key:test");
      for (const { engine } of replicas) engine.schedulesChanged();
      const minutes = 20;
      const end = storeClock.now() + minutes * 60_000;
      await until(async () => {
        // All timers see the one clock; each replica has its own.
        storeClock.advance(200);
        for (const { timers } of replicas) timers.advance(0);
        return storeClock.now() >= end;
      });
      await first.service.putSchedule("minutely", { workflow: "planned", cron: "* * * * *", paused: true }, "key:test");
      const runs = await until(async () => {
        storeClock.advance(200);
        for (const { timers } of replicas) timers.advance(0);
        const found = await first.service.list({ limit: 1000 });
        return found.every(({ state }) => state === "succeeded") && found;
      }, "the end of all runs");
      assert.ok(runs.length >= minutes - 1 && runs.length <= minutes + 1, `${runs.length} runs in ${minutes} minutes`);
      const times = runs.map(({ idempotencyKey }) => idempotencyKey!);
      assert.equal(new Set(times).size, runs.length);
      const minuteOf = (key: string): number => Number(key.split("@")[1]) / 60_000;
      const sorted = times.map(minuteOf).sort((left, right) => left - right);
      assert.deepEqual(sorted, sorted.map((_, index) => sorted[0]! + index), "no minute is left out");
      assert.equal(effects.length, 2 * runs.length);
      for (const { engine } of replicas) await engine.stop(0);
    });
  });
}

function compensatedSteps(plan: Plan, name = "p"): Set<string> {
  if ("parts" in plan) return new Set(plan.parts.flatMap((part, index) => [...compensatedSteps(part, `${name}.${index}`)]));
  return new Set(plan.kind === "step" && plan.compensated ? [name] : []);
}
