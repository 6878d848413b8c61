import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs, ManualClock } from "../core/clock.ts";
import { TimeOrderedIds } from "../core/ids.ts";
import { silentLogger } from "../core/logger.ts";
import type { DefinitionCatalogue } from "./definition-catalogue.ts";
import { ScheduleRunner } from "./schedule-runner.ts";
import type { Schedule } from "./schemas.ts";
import type { ScheduleStore } from "./workflow-store.ts";

describe("ScheduleRunner", () => {
  function open(list: () => Promise<Schedule[]>) {
    const clock = new ManualClock();
    const schedules: Pick<ScheduleStore, "list"> = { list };
    const catalogue: Pick<DefinitionCatalogue, "has"> = { has: () => true };
    return { clock, runner: new ScheduleRunner({ schedules: schedules as ScheduleStore, catalogue: catalogue as DefinitionCatalogue, ids: new TimeOrderedIds(clock), logger: silentLogger }) };
  }

  it("reads again what changed while it was read", async () => {
    const read = Promise.withResolvers<Schedule[]>();
    const stored: Schedule[][] = [];
    const { clock, runner } = open(() => (stored.length === 0 ? read.promise : Promise.resolve(stored[0]!)));
    const first = runner.fireDue(clock.now());
    const nextAt = epochMs(clock.now() + 1000);
    runner.changed();
    stored.push([{ name: "new", workflow: "w", cron: "* * * * *", timeZone: "UTC", missed: "once", input: null, team: "default", paused: false, owner: "local", createdAt: clock.now(), nextAt, lastAt: null }]);
    read.resolve([]);
    assert.equal(await first, clock.now() + 5000);
    assert.equal(await runner.fireDue(clock.now()), nextAt);
  });

  it("reads again what could not be read", async () => {
    let reads = 0;
    const { clock, runner } = open(() => (reads++ === 0 ? Promise.reject(new Error("planted")) : Promise.resolve([])));
    await assert.rejects(runner.fireDue(clock.now()), /planted/);
    await runner.fireDue(clock.now());
    await runner.fireDue(clock.now());
    assert.equal(reads, 2);
  });
});
