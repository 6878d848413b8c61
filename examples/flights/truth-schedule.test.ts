import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { FlightTable } from "./dataset.ts";
import { randomNumbers } from "./fit-delay-model.ts";
import { TruthSchedule, type TruthReport } from "./truth-schedule.ts";

const flights = 5000;
const table: FlightTable = {
  rows: flights,
  airports: ["SFO", "LAX"],
  origin: new Uint16Array(flights),
  destination: new Uint16Array(flights).fill(1),
  departure: Int32Array.from({ length: flights }, (_, row) => row),
  distance: new Uint16Array(flights).fill(337),
  delay: new Int16Array(flights),
  late: Uint8Array.from({ length: flights }, (_, row) => row % 5 === 0 ? 1 : 0),
};
const nameOf = (flight: number): string => `prd_${String(flight).padStart(6, "0")}`;

describe("when truth arrives", () => {
  const schedule = new TruthSchedule(randomNumbers(7));
  for (let flight = 0; flight < flights; flight++) schedule.plan(flight, table, flight, { predictionId: nameOf(flight), row: 0, probability: 0.2 });
  /** All reports with the minute in which they were due. */
  const arrivals: { minute: number; report: TruthReport }[] = [];
  for (let minute = 0; schedule.size > 0; minute++) {
    for (const report of schedule.take(minute, Infinity)) arrivals.push({ minute, report });
  }
  const byFlight = Map.groupBy(arrivals, ({ report }) => Number(report.predictionId.slice(4)));

  it("is after the landing, for some a day later, and out of order", () => {
    for (const [flight, reports] of byFlight) for (const { minute } of reports) assert.ok(minute >= flight + 35 + 337 / 7.6);
    const waits = arrivals.map(({ minute, report }) => minute - Number(report.predictionId.slice(4)));
    assert.ok(waits.some((wait) => wait > 1000));
    assert.ok(arrivals.some(({ report }, index) => index > 0 && report.predictionId < arrivals[index - 1]!.report.predictionId));
  });

  it("is missing for a few flights, doubled for a few and corrected for a few; what comes last is true", () => {
    const missing = flights - byFlight.size;
    const all = [...byFlight.values()];
    const corrected = all.filter((reports) => reports.some(({ report }) => report.late !== reports.at(-1)!.report.late));
    const doubled = all.filter((reports) => reports.length === 2).length - corrected.length;
    assert.ok(missing > 80 && missing < 230, `${missing} are missing`);
    assert.ok(doubled > 80 && doubled < 230, `${doubled} are doubled`);
    assert.ok(corrected.length > 40 && corrected.length < 170, `${corrected.length} are corrected`);
    for (const [flight, reports] of byFlight) {
      assert.equal(reports.at(-1)!.report.late, table.late[flight] === 1);
      assert.equal(reports.filter(({ report }) => report.counts).length, 1);
    }
  });

  it("gives out no more than asked for, and again what could not be delivered", () => {
    const few = new TruthSchedule(() => 0.5);
    for (let flight = 0; flight < 5; flight++) few.plan(0, table, flight, { predictionId: nameOf(flight), row: 0, probability: 0.2 });
    assert.deepEqual(few.take(10, 100), []);
    const taken = few.take(10_000, 3);
    assert.equal(taken.length, 3);
    few.putBack(taken);
    assert.equal(few.take(0, 100).length, 3);
    assert.equal(few.take(10_000, 100).length, 2);
    assert.equal(few.size, 0);
  });
});
