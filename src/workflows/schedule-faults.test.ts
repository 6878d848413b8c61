import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { TemporaryDatabases } from "../adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import { FaultyClock } from "../../test/kit/faulty-clock.ts";
import { FaultyDatabase } from "../../test/kit/faulty-database.ts";
import { seededRandom } from "../../test/kit/seed.ts";
import { epochMs, ManualClock } from "../core/clock.ts";
import { silentLogger } from "../core/logger.ts";
import { TimeOrderedIds } from "../core/ids.ts";
import { SqlWorkflowSchedules } from "../adapters/sql/workflows/sql-workflow-schedules.ts";
import { ScheduleRunner } from "./schedule-runner.ts";
import { ManualTimers } from "./manual-timers.fixture.ts";
import { plannedWorkflow } from "./random-workflow.fixture.ts";
import { workflowStage } from "./workflow-stage.fixture.ts";

const minute = 60_000;

describe("schedules of four replicas whose clocks and database misbehave", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());

  it("fire each of their times once, and leave none out", async () => {
    const database = await databases.open();
    const truth = new ManualClock();
    const definition = plannedWorkflow(() => undefined, () => ({ kind: "series", parts: [] }));
    const outside = workflowStage(database, { clock: truth, timers: new ManualTimers(truth), definitions: [definition] });
    await outside.service.putSchedule("minutely", { workflow: definition.name, cron: "* * * * *", missed: "all" }, "key:test");
    // Each goes by the clock of its machine, which is worse than any store's: jumps back make times due again that were fired before.
    // Two share a machine, so they see each time come at once; the machines are apart.
    const clocks = ["one", "two"].map((name) => new FaultyClock(truth, seededRandom(`clock of ${name}`), { skewMs: 90_000, jumpMs: 3 * minute, jumpEveryMs: 2 * minute }));
    const replicas = [...clocks, ...clocks].map((clock, index) => {
      const faulty = new FaultyDatabase(database, seededRandom(`database of ${index}`));
      const schedules = new SqlWorkflowSchedules(faulty);
      const runner = new ScheduleRunner({ schedules, catalogue: outside.catalogue, ids: new TimeOrderedIds(clock), logger: silentLogger });
      // The list could not be read: the engine comes again.
      return { clock, faulty, fire: () => runner.fireDue(clock.now()).catch(() => undefined) };
    });
    const end = truth.now() + 40 * minute;
    while (truth.now() < end) {
      await Promise.all(replicas.map(({ fire }) => fire()));
      truth.advance(20_000);
    }
    for (const { faulty } of replicas) faulty.heal();
    await Promise.all(replicas.map(({ fire }) => fire()));

    const runs = await outside.directory.list({ limit: 1000 });
    const fired = runs.map(({ idempotencyKey }) => Number(idempotencyKey!.split("@")[1])).sort((left, right) => left - right);
    assert.deepEqual(fired, fired.map((_, index) => epochMs(fired[0]! + index * minute)), "each minute once");
    const furthest = Math.max(...replicas.map(({ clock }) => clock.now()));
    assert.ok(fired.length >= 5 && fired.at(-1)! > furthest - minute, `${fired.length} runs`);
    const [schedule] = await outside.schedules.list();
    assert.equal(schedule!.lastAt, fired.at(-1), "the schedule stands where its last run does");
    assert.ok(replicas.every(({ clock, faulty }) => clock.jumpsBack > 0 && faulty.met.after + faulty.met.again + faulty.met.during > 0), "faults were met");
  });
});
