import { flushCompileCache } from "node:module";
import { PostgresDialect } from "../../src/adapters/sql/dialects/postgres/postgres-dialect.ts";
import { SqliteDialect } from "../../src/adapters/sql/dialects/sqlite/sqlite-dialect.ts";
import { openSqlDatabase, type SqlDatabase } from "../../src/adapters/sql/sql-database.ts";
import { epochMs, ManualClock, systemClock, type Clock } from "../../src/core/clock.ts";
import { ManualTimers } from "../../src/workflows/manual-timers.fixture.ts";
import { systemTimers, type Timers } from "../../src/workflows/timers.ts";
import { workflowStage } from "../../src/workflows/workflow-stage.fixture.ts";
import type { WorkflowDefinition } from "../../src/workflows/definition.ts";
import type { StepRecord } from "../../src/workflows/workflow-store.ts";
import { FaultyClock } from "../kit/faulty-clock.ts";
import { SeededRandom } from "../kit/seeded-random.ts";
import { mark } from "./effects-file.ts";
import { ordersWorkflow, scheduledWorkflow, type World } from "./killed-workflows.ts";
import { clockFaults, type Ambush, type DatabaseAddress, type FromVictim, type RunsWork, type SchedulesWork, type ToVictim, type Work } from "./victim-messages.ts";

/** The process that is killed: an engine on a database, that says when it comes to the point at which it is to be killed. */
const leaseMs = 60_000;
let database: Promise<SqlDatabase> | undefined;
let onTime: (time: { truth: number; end: boolean }) => void = () => undefined;

function say(message: FromVictim): void {
  process.send!(message);
}

function open(address: DatabaseAddress): Promise<SqlDatabase> {
  const dialect = () => (address.kind === "sqlite" ? new SqliteDialect({ path: address.path, busyTimeoutMs: 30_000 }) : new PostgresDialect({ url: address.url, clock: systemClock, connections: 4 }));
  return (database ??= openSqlDatabase(dialect(), { now: epochMs(1) }));
}

/** Says it when the point is reached for the Nth time, and stops the main thread there; the kill comes from outside. */
function ambushed(ambush: Ambush | null): (point: string) => void {
  if (ambush === null) return () => undefined;
  let comings = 0;
  let points = 0;
  return (point) => {
    if (point === ambush.point) comings++;
    if (++points !== ambush.latest && (point !== ambush.point || comings !== ambush.nth)) return;
    say({ type: "at", point });
    if (ambush.stops) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  };
}

/** Tells of each call of a store before it, when it has been made, and when it has answered. */
function reporting<Store extends object>(store: Store, onPoint: (point: string) => void, onAnswer: (name: string, values: unknown[]) => void): Store {
  return new Proxy(store, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== "function") return member;
      return async (...values: unknown[]): Promise<unknown> => {
        onPoint(`before ${String(name)}`);
        const answer = (member as (...values: unknown[]) => Promise<unknown>).apply(target, values);
        onPoint(`during ${String(name)}`);
        const result = await answer;
        onAnswer(String(name), values);
        onPoint(`after ${String(name)}`);
        return result;
      };
    },
  });
}

interface Parts {
  clock: Clock;
  storeClock: Clock | "database";
  timers: Timers;
  definition: (world: World) => WorkflowDefinition;
  leaseMs: number;
}

function stageOf(opened: SqlDatabase, work: Work, { definition, leaseMs, ...clocks }: Parts) {
  const onPoint = ambushed(work.ambush);
  const random = new SeededRandom(work.seed);
  const definitions = [definition({ effect: (run, step) => mark(work.effects, work.owner, "effect", run, [step]), onPoint, random })];
  const acknowledge = (name: string, values: unknown[]): void => {
    if (name !== "writeSteps") return;
    const [run, , steps] = values as [string, number, StepRecord[]];
    mark(work.effects, work.owner, "acknowledged", run, steps.filter(({ state }) => state === "succeeded").map(({ step }) => step));
  };
  const bare = workflowStage(opened, { ...clocks, definitions });
  const store = <Store extends object>(each: Store): Store => reporting(each, onPoint, acknowledge);
  return workflowStage(opened, {
    ...clocks, definitions,
    engine: {
      owner: work.owner, leaseMs, pollMs: 500, maxCrashes: Infinity, onPoint, random: () => random.next(),
      store: store(bare.store), directory: bare.directory, signals: store(bare.signals), schedules: store(bare.schedules),
    },
  });
}

/** What an engine does every few seconds it does every few milliseconds: renew leases, write down what is under way, look around. */
const hurried = new Map([[leaseMs / 4, 8], [250, 3], [500, 10]]);
const hurriedTimers: Timers = { after: (milliseconds, callback) => systemTimers.after(hurried.get(milliseconds) ?? milliseconds, callback) };

async function workOnRuns(work: RunsWork): Promise<void> {
  const opened = await open(work.database);
  const { queries } = opened;
  // What the journal has now must never be done again; whoever reads it later finds it in the order of the file.
  const found = await queries.selectFrom("workflow_steps").select(["run", "step"]).where("state", "=", "succeeded").execute();
  const steps = new Map<string, string[]>();
  for (const { run, step } of found) steps.set(run, [...(steps.get(run) ?? []), step]);
  for (const [run, names] of steps) mark(work.effects, work.owner, "found", run, names);
  if (work.dead.length > 0) await queries.updateTable("workflow_runs").set({ lease_until: 1 }).where("lease_owner", "in", work.dead).where("lease_until", ">", 1).execute();
  const stage = stageOf(opened, work, {
    clock: systemClock, storeClock: work.database.kind === "postgres" ? "database" : systemClock, timers: hurriedTimers, definition: ordersWorkflow, leaseMs,
  });
  stage.engine.start();
  say({ type: "working" });
  const steered = new Set<string>();
  for (;;) {
    const runs = (await stage.service.list({ limit: 1000 })).filter(({ endedAt }) => endedAt === null);
    if (runs.length === 0) break;
    for (const { id, state, input } of runs) {
      if (state !== "sleeping" || steered.has(id)) continue;
      steered.add(id);
      if ((input as { end: string }).end !== "cancelled") await stage.service.signal({ id: `approve ${id}`, signal: "approved", key: id, payload: "yes" });
      // It may have ended since.
      else await stage.service.cancel(id).catch(() => undefined);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await stage.engine.stop(0);
}

async function fireSchedules(work: SchedulesWork): Promise<void> {
  const opened = await open(work.database);
  const truth = new ManualClock(work.begin);
  const own = new FaultyClock(truth, new SeededRandom(work.clockSeed), clockFaults);
  // Made at the beginning and moved to now: the machine lives on, with its clock, when a process on it dies.
  truth.advance(work.truth - work.begin);
  own.now();
  const timers = new ManualTimers(truth);
  const stage = stageOf(opened, work, { clock: own, storeClock: work.goesBy === "truth" ? truth : own, timers, definition: scheduledWorkflow, leaseMs: 15_000 });
  stage.engine.start();
  say({ type: "working" });
  for (;;) {
    const answer = new Promise<{ truth: number; end: boolean }>((resolve) => { onTime = resolve; });
    say({ type: "tick", jumpsBack: own.jumpsBack });
    const time = await answer;
    if (time.end) break;
    timers.advance(time.truth - truth.now());
    // What came due meanwhile is on its way before the time goes on.
    await stage.service.list({ limit: 1 });
  }
  await stage.engine.stop(0);
}

async function receive(message: ToVictim): Promise<void> {
  if (message.type === "open") await open(message.database);
  else if (message.type === "time") onTime(message);
  else {
    await (message.task === "runs" ? workOnRuns(message) : fireSchedules(message));
    await (await database!).close();
    say({ type: "idle" });
    process.disconnect();
  }
}

process.on("message", (message: ToVictim) => {
  receive(message).catch((error: unknown) => {
    say({ type: "failed", message: error instanceof Error ? `${error.stack}\n${String(error.cause)}` : String(error) });
  });
});
// A test that dies leaves nobody behind.
process.on("disconnect", () => process.exit());
// Whoever is killed would not leave behind what it compiled.
flushCompileCache();
say({ type: "ready" });
