import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ErrorCode } from "../core/error-catalogue.ts";
import { AppError } from "../core/errors.ts";
import { later, newRunOf, storeNow as now } from "./new-run.fixture.ts";
import type { Schedule } from "./schemas.ts";
import type { WorkflowStores } from "./workflow-store.conformance.ts";
import type { ScheduleStore } from "./workflow-store.ts";

const nightly: Schedule = {
  name: "nightly", workflow: "train", cron: "0 3 * * *", timeZone: "Europe/Paris", missed: "once", input: { model: "flights" }, team: "default",
  paused: false, owner: "key:a", createdAt: now, nextAt: later(1000), lastAt: null,
};

const failsWith = (code: ErrorCode) => (error: unknown) => error instanceof AppError && error.code === code;

/** What every ScheduleStore promises. */
export function scheduleStoreConformance(adapter: string, open: () => Promise<Pick<WorkflowStores, "teams" | "directory"> & { schedules: ScheduleStore }>): void {
  describe(`ScheduleStore: ${adapter}`, () => {
    it("keeps, replaces, lists and removes", async () => {
      const { schedules } = await open();
      assert.equal(await schedules.find("nightly"), null);
      await schedules.put(nightly);
      await schedules.put({ ...nightly, name: "hourly", cron: "0 * * * *", paused: true, nextAt: null });
      const changed = { ...nightly, timeZone: "Asia/Tokyo", nextAt: later(2000) };
      assert.deepEqual(await schedules.put({ ...changed, owner: "key:b", createdAt: later(5), lastAt: now }), changed);
      assert.deepEqual(await schedules.find("nightly"), changed);
      assert.deepEqual((await schedules.list()).map(({ name, paused, nextAt }) => [name, paused, nextAt]), [["hourly", true, null], ["nightly", false, later(2000)]]);
      assert.deepEqual([await schedules.remove("hourly", "default"), await schedules.remove("hourly", "default")], [true, false]);
    });

    it("leaves that of another team alone, whoever of two that found the name free comes first", async () => {
      const { schedules, teams } = await open();
      for (const name of ["blue", "red"]) await teams.add({ name, description: "" }, { actor: "key:a", now });
      for (let round = 0; round < 10; round++) {
        const put = (team: string, cron: string) => schedules.put({ ...nightly, name: `s${round}`, team, cron });
        const both = await Promise.allSettled([put("blue", "1 1 * * *"), put("red", "2 2 * * *")]);
        assert.deepEqual(both.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
        const winner = both.find((each) => each.status === "fulfilled")!.value;
        assert.deepEqual(await schedules.find(`s${round}`), winner);
        const loser = winner.team === "blue" ? "red" : "blue";
        await assert.rejects(put(loser, "3 3 * * *"), failsWith("NAME_TAKEN"));
        assert.equal(await schedules.remove(`s${round}`, loser), false);
        assert.deepEqual(await schedules.find(`s${round}`), winner);
        // Who may change both teams' moves it.
        assert.equal((await schedules.put({ ...winner, team: loser }, winner.team)).team, loser);
      }
    });

    it("keeps when it fired last, whatever those who change it have read before", async () => {
      const { schedules } = await open();
      await schedules.put(nightly);
      const read = (await schedules.find("nightly"))!;
      assert.equal(await schedules.fire({ name: "nightly", expectedNextAt: later(1000), nextAt: later(5000), lastAt: later(1000), runs: [] }), true);
      assert.equal((await schedules.put({ ...read, cron: "5 3 * * *" })).lastAt, later(1000));
      assert.equal((await schedules.find("nightly"))?.lastAt, later(1000));
    });

    it("keeps nothing for a team that is not there, so that a later one of its name inherits nothing", async () => {
      const { schedules, teams } = await open();
      const by = { actor: "key:a", now };
      const put = (team: string) => schedules.put({ ...nightly, name: `of-${team === "*" ? "all" : team}`, team });
      await assert.rejects(put("blue"), failsWith("TEAM_NOT_FOUND"));
      await teams.add({ name: "blue", description: "" }, by);
      assert.deepEqual(await schedules.list(), []);
      await put("blue");
      await put("*");
      assert.deepEqual((await schedules.list()).map(({ team }) => team), ["*", "blue"]);
      await assert.rejects(teams.remove("blue", by), failsWith("TEAM_NOT_EMPTY"));
    });

    it("fires a time once, however many do so at once, together with its runs", async () => {
      const { schedules, directory } = await open();
      await schedules.put(nightly);
      const fire = (number: number) =>
        schedules.fire({
          name: "nightly", expectedNextAt: later(1000), nextAt: later(5000), lastAt: later(1000),
          runs: [newRunOf(number, { schedule: "nightly", idempotencyKey: `nightly@${later(1000)}` })],
        });
      const fired = await Promise.all([1, 2, 3, 4, 5].map(fire));
      assert.equal(fired.filter(Boolean).length, 1);
      assert.equal((await directory.list({ limit: 9 })).length, 1);
      assert.deepEqual(await schedules.find("nightly"), { ...nightly, nextAt: later(5000), lastAt: later(1000) });
    });

    it("does not fire what was changed, paused or removed in between", async () => {
      const { schedules, directory } = await open();
      const fire = () => schedules.fire({ name: "nightly", expectedNextAt: later(1000), nextAt: later(5000), lastAt: later(1000), runs: [newRunOf(1)] });
      assert.equal(await fire(), false);
      await schedules.put({ ...nightly, nextAt: later(3000) });
      assert.equal(await fire(), false);
      await schedules.put({ ...nightly, paused: true });
      assert.equal(await fire(), false);
      assert.deepEqual(await directory.list({ limit: 9 }), []);
    });
  });
}
