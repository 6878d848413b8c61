import assert from "node:assert/strict";
import { ManualClock } from "../../src/core/clock.ts";
import { ManualTimers } from "../../src/workflows/manual-timers.fixture.ts";
import { workflowStage } from "../../src/workflows/workflow-stage.fixture.ts";
import { FaultyClock } from "../kit/faulty-clock.ts";
import { SeededRandom } from "../kit/seeded-random.ts";
import { EffectsFile } from "./effects-file.ts";
import { drawDeath } from "./kill-draws.ts";
import { live } from "./kill-life.ts";
import { scheduledWorkflow } from "./killed-workflows.ts";
import type { KillOptions, KillTarget } from "./run-kills.ts";
import { clockFaults, type SchedulesWork } from "./victim-messages.ts";

const minute = 60_000;
/** So that the two of them are at odds for a while, whatever is killed. */
const fewestMinutes = 40;
const survivorName = "survivor";
/** A schedule keeps a hundred missed times, as the clock that is furthest ahead sees it: time slows down before, and stands still. */
const slowBehind = 60 * minute;
const mostBehind = 90 * minute;

/**
 * Two replicas whose clocks are minutes apart, drift and jump fire a schedule of each minute and work on its runs; both are
 * killed again and again. Throws when a time was fired twice or left out, or a run did not end. Answers how often a clock
 * jumped back, and how many times were fired.
 */
export async function roundOfSchedules(target: KillTarget, goesBy: SchedulesWork["goesBy"], { victims, random, kills, count }: KillOptions): Promise<{ jumpsBack: number; fired: number }> {
  const effects = new EffectsFile(target.effects);
  const clock = new ManualClock();
  const begin = clock.now();
  const database = await target.open();
  const definitions = [scheduledWorkflow({ effect: () => undefined, onPoint: () => undefined, random })];
  const { service } = workflowStage(database, { clock, timers: new ManualTimers(clock), definitions });
  await service.putSchedule("minutely", { workflow: "scheduled", cron: "* * * * *", missed: "all" }, "key:test");
  const first = (await service.listSchedules()).find(({ name }) => name === "minutely")!.nextAt!;

  let owners = 0;
  const jumpsBack = new Map<number, number>();
  // Where the schedule stands, as far as is known here: on a busy machine time must not outrun the replicas.
  let stands: number = first;
  const clockSeeds = [random.integer(0, 2 ** 31), random.integer(0, 2 ** 31)] as const;
  // What the replicas' clocks show depends on their seeds and the true time alone.
  const shown = clockSeeds.map((seed) => new FaultyClock(clock, new SeededRandom(seed), clockFaults));
  const behind = (): number => Math.max(clock.now(), ...(goesBy === "truth" ? [] : shown.map((each) => each.now()))) - stands;
  let asking = false;
  const ask = async (): Promise<void> => {
    if (asking) return;
    asking = true;
    stands = (await service.listSchedules()).find(({ name }) => name === "minutely")?.nextAt ?? stands;
    asking = false;
  };
  const isOver = (): boolean => count.total >= kills && clock.now() >= begin + fewestMinutes * minute;
  const onTick = (clockSeed: number) => (tick: { jumpsBack: number }) => {
    jumpsBack.set(clockSeed, tick.jumpsBack);
    const end = isOver();
    if (!end) void ask();
    // Time goes on while somebody is there to see it, and keeps up; slowly, so that replicas that wait for a time come to it.
    const step = random.integer(1000, 40_000);
    const late = behind();
    if (!end && late < mostBehind) clock.advance(late < slowBehind ? step : 1000);
    return { truth: clock.now(), end };
  };
  const replica = async (clockSeed: number): Promise<void> => {
    for (;;) {
      const death = count.total < kills ? drawDeath(random, "schedules") : null;
      const work = { database: target.address, owner: `victim ${++owners}`, effects: effects.path, ambush: death?.ambush ?? null, seed: random.integer(0, 2 ** 31) };
      const time = { clockSeed, begin, truth: clock.now(), goesBy };
      const killedAt = await live(await victims.take(), { type: "work", task: "schedules", ...work, ...time }, death, onTick(clockSeed));
      if (killedAt === null) return;
      count.add(killedAt);
    }
  };
  await Promise.all(clockSeeds.map(replica));
  while (asking) await new Promise((resolve) => setImmediate(resolve));

  // The runs that were under way at the end are worked on by one that lives, with nothing more to fire.
  const [schedule] = await service.listSchedules();
  await database.queries.updateTable("workflow_schedules").set({ paused_at: 1 }).execute();
  const survivor = workflowStage(database, { clock, timers: new ManualTimers(clock), definitions, engine: { owner: survivorName, maxCrashes: Infinity } });
  survivor.engine.start();
  const open = () => database.queries.selectFrom("workflow_runs").select(["lease_owner", "lease_until", "due_at"]).where("ended_at", "is", null).execute();
  for (let left = await open(); left.length > 0; left = await open()) {
    // Only to where the leases of the dead end, and no further: what the survivor works on must not grow old while this loop spins.
    const awaited = Math.max(0, ...left.filter(({ lease_owner }) => lease_owner !== survivorName).map(({ lease_until, due_at }) => Math.max(lease_until ?? 0, due_at ?? 0)));
    if (clock.now() <= awaited) clock.advance(minute);
    survivor.engine.wake();
  }
  await survivor.engine.stop(0);
  const runs = await database.queries.selectFrom("workflow_runs").select(["id", "idempotency_key", "state", "error_json", "created_at"]).execute();
  await database.close();

  const mostAtOnce = Math.max(...[...Map.groupBy(runs, ({ created_at }) => created_at).values()].map(({ length }) => length));
  assert.ok(mostAtOnce < 100, `${mostAtOnce} times were fired at once: a schedule drops what is older than the last hundred, and time outran the replicas`);
  const fired = runs.map(({ idempotency_key }) => Number(idempotency_key!.split("@")[1])).sort((left, right) => left - right);
  assert.deepEqual(fired, fired.map((_, index) => first + index * minute), "each minute once, and none left out");
  assert.equal(schedule!.lastAt, fired.at(-1), "the schedule stands where its last run does");
  assert.deepEqual(runs.filter(({ state }) => state !== "succeeded"), []);
  return { jumpsBack: [...jumpsBack.values()].reduce((sum, each) => sum + each, 0), fired: fired.length };
}
