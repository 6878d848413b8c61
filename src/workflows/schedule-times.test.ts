import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs, type EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { dueTimes, nextTime } from "./schedule-times.ts";

const at = (text: string): EpochMs => epochMs(Date.parse(text));
const iso = (time: EpochMs | null): string | null => (time === null ? null : new Date(time).toISOString());

describe("times of schedules", () => {
  it("are after the given one, never it", () => {
    const daily = { cron: "0 3 * * *", timeZone: "UTC" };
    assert.equal(iso(nextTime(daily, at("2026-03-01T02:59:59.999Z"))), "2026-03-01T03:00:00.000Z");
    assert.equal(iso(nextTime(daily, at("2026-03-01T03:00:00.000Z"))), "2026-03-02T03:00:00.000Z");
    assert.equal(iso(nextTime({ cron: "0 0 29 2 *", timeZone: "UTC" }, at("2026-03-01T00:00:00Z"))), "2028-02-29T00:00:00.000Z");
    assert.equal(nextTime({ cron: "0 0 30 2 *", timeZone: "UTC" }, at("2026-03-01T00:00:00Z")), null);
  });

  it("keep the hour of the wall through the changes of summer time", () => {
    const paris = { cron: "30 2 * * *", timeZone: "Europe/Paris" };
    // 02:30 does not exist on 29 March 2026: it comes right after the gap, once.
    assert.equal(iso(nextTime(paris, at("2026-03-28T02:00:00Z"))), "2026-03-29T01:00:00.000Z");
    assert.equal(iso(nextTime(paris, at("2026-03-29T01:00:00Z"))), "2026-03-30T00:30:00.000Z");
    // 02:30 comes twice on 25 October 2026, and is fired once.
    const first = nextTime(paris, at("2026-10-24T12:00:00Z"))!;
    assert.equal(iso(first), "2026-10-25T00:30:00.000Z");
    assert.equal(iso(nextTime(paris, first)), "2026-10-26T01:30:00.000Z");
  });

  it("are refused when they make no sense", () => {
    for (const [cron, timeZone] of [["nonsense", "UTC"], ["* * * * * *", "UTC"], ["61 * * * *", "UTC"], ["* * * * *", "Mars/Olympus"]] as const) {
      assert.throws(() => nextTime({ cron, timeZone }, at("2026-01-01T00:00:00Z")), (error: unknown) => error instanceof AppError && error.code === "SCHEDULE_INVALID", `${cron} ${timeZone}`);
    }
  });

  it("that were missed are skipped, fired once, or all, as the schedule says", () => {
    const hourly = { cron: "0 * * * *", timeZone: "UTC" };
    const due = (missed: "skip" | "once" | "all", now: string) => {
      const { fire, nextAt } = dueTimes({ ...hourly, missed }, at("2026-01-01T01:00:00Z"), at(now));
      return [fire.map((time) => iso(time)!.slice(11, 16)), iso(nextAt)!.slice(11, 16)];
    };
    assert.deepEqual(due("skip", "2026-01-01T03:30:00Z"), [[], "04:00"]);
    assert.deepEqual(due("once", "2026-01-01T03:30:00Z"), [["03:00"], "04:00"]);
    assert.deepEqual(due("all", "2026-01-01T03:30:00Z"), [["01:00", "02:00", "03:00"], "04:00"]);
    // On time is not missed, also when the server is some seconds late.
    for (const missed of ["skip", "once", "all"] as const) {
      assert.deepEqual(due(missed, "2026-01-01T01:00:00Z"), [["01:00"], "02:00"]);
      assert.deepEqual(due(missed, "2026-01-01T01:00:20Z"), [["01:00"], "02:00"]);
    }
    const years = dueTimes({ cron: "* * * * *", timeZone: "UTC", missed: "all" }, at("2020-01-01T00:00:00Z"), at("2026-01-01T00:00:00Z"));
    assert.equal(years.fire.length, 100);
    assert.equal(iso(years.fire.at(-1)!), "2026-01-01T00:00:00.000Z");
  });
});
