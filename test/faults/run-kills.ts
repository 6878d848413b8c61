import assert from "node:assert/strict";
import type { SqlDatabase } from "../../src/adapters/sql/sql-database.ts";
import { systemClock } from "../../src/core/clock.ts";
import { systemTimers } from "../../src/workflows/timers.ts";
import { workflowStage } from "../../src/workflows/workflow-stage.fixture.ts";
import type { SeededRandom } from "../kit/seed.ts";
import { EffectsFile } from "./effects-file.ts";
import { drawDeath } from "./kill-draws.ts";
import { live, type KillCount, type WorkflowVictim, type WorkflowVictims } from "./kill-life.ts";
import { expectedOf, orderEnds, ordersWorkflow, type OrderEnd } from "./killed-workflows.ts";
import type { DatabaseAddress } from "./victim-messages.ts";

const runsPerRound = 24;

export interface KillTarget {
  address: DatabaseAddress;
  /** For reading and preparing, beside the victims. Closed by who opened it. */
  open(): Promise<SqlDatabase>;
  effects: string;
}

export interface KillOptions {
  victims: WorkflowVictims;
  random: SeededRandom;
  kills: number;
  count: KillCount;
}

/**
 * Runs on a new database, from their start to their ends, through kills until there were as many as wanted; `replicas`
 * processes at once. Throws when a finished step was done again, a run did not end as it had to, or anything is lost.
 */
export async function roundOfRuns(target: KillTarget, replicas: number, { victims, random, kills, count }: KillOptions): Promise<void> {
  const effects = new EffectsFile(target.effects);
  const orders = ordersWorkflow({ effect: () => undefined, onPoint: () => undefined, random });
  const ends = new Map<string, OrderEnd>();
  const before = await target.open();
  const { service } = workflowStage(before, { clock: systemClock, timers: systemTimers, definitions: [orders] });
  for (let index = 0; index < runsPerRound; index++) {
    const end = orderEnds[index % orderEnds.length]!;
    const { run } = await service.start("orders", { input: { end } }, "key:test");
    ends.set(run.id, end);
    // Some find their signal there, the others sleep until it comes.
    if (end !== "cancelled" && random.integer(0, 1) === 0) await service.signal({ id: `approve ${run.id}`, signal: "approved", key: run.id, payload: "yes" });
  }
  await before.close();

  const dead: string[] = [];
  let owners = 0;
  const replica = async (): Promise<void> => {
    let next: Promise<WorkflowVictim> | undefined;
    for (;;) {
      const victim = await (next ?? victims.take());
      // The next one has the database open already when this one dies; or nobody has, and whoever opens it recovers it.
      next = random.integer(0, 1) === 0 ? undefined : victims.take();
      void next?.then((each) => each.tell({ type: "open", database: target.address })).catch(() => undefined);
      const owner = `victim ${++owners}`;
      const death = count.total < kills ? drawDeath(random, "runs") : null;
      const work = { database: target.address, owner, effects: effects.path, dead: [...dead], ambush: death?.ambush ?? null, seed: random.integer(0, 2 ** 31) };
      const killedAt = await live(victim, { type: "work", task: "runs", ...work }, death, () => ({ truth: 0, end: true }));
      if (killedAt === null) break;
      dead.push(owner);
      count.add(killedAt);
    }
    (await next)?.kill();
  };
  await Promise.all(Array.from({ length: replicas }, replica));

  const after = await target.open();
  try {
    await judge(after, effects, ends);
  } finally {
    await after.close();
  }
}

async function judge(database: SqlDatabase, effects: EffectsFile, ends: ReadonlyMap<string, OrderEnd>): Promise<void> {
  assert.deepEqual(effects.repetitions(), []);
  const lines = effects.read();
  const runs = await database.queries.selectFrom("workflow_runs").select(["id", "state", "output_json", "error_json", "lease_owner"]).execute();
  assert.deepEqual(new Set(runs.map(({ id }) => id)), new Set(ends.keys()), "no run is lost, and none came of itself");
  for (const { id, state, output_json, error_json, lease_owner } of runs) {
    const expected = expectedOf(id, ends.get(id)!);
    assert.deepEqual({ state, output: output_json === null ? null : (JSON.parse(output_json) as unknown) }, { state: expected.state, output: expected.output }, `${id}: ${error_json}`);
    assert.equal(lease_owner, null);
    const steps = await database.queries.selectFrom("workflow_steps").select(["step", "kind", "state", "position"]).where("run", "=", id).execute();
    const worked = steps.filter(({ kind, state: each }) => (kind === "function" || kind === "compensation") && each === "succeeded");
    assert.deepEqual(worked.map(({ step }) => step).sort(), expected.steps, `the journal of ${id}`);
    const done = lines.filter(({ what, run }) => what === "effect" && run === id).map(({ step }) => step);
    assert.deepEqual([...new Set(done)].sort(), expected.steps, `what ${id} did`);
    const undone = worked.filter(({ kind }) => kind === "compensation").sort((left, right) => left.position - right.position).map(({ step }) => step.slice("undo ".length));
    const positionOf = (step: string): number => steps.find((each) => each.step === step)!.position;
    assert.deepEqual(undone, [...undone].sort((left, right) => positionOf(right) - positionOf(left)), `${id} is undone in the reverse order`);
    const lost = lines.filter(({ what, run, step }) => what !== "effect" && run === id && !steps.some((each) => each.step === step && each.state === "succeeded"));
    assert.deepEqual(lost, [], "what was in the journal is there");
  }
  const ended = await database.queries.selectFrom("outbox").select(["type", "payload_json"]).where("type", "like", "workflow.run.%").execute();
  const told = ended.map(({ type, payload_json }) => `${(JSON.parse(payload_json) as { run: string }).run} ${type.split(".").at(-1)}`).sort();
  assert.deepEqual(told, runs.map(({ id, state }) => `${id} ${state}`).sort(), "each end is told once");
}
