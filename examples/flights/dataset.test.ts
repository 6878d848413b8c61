import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { DuckDBInstance } from "@duckdb/node-api";
import {
  dayOfWeek, featuresOf, flightsFile, flightTimeText, hourOf, lateAfterMinutes, minuteOf, periods, readFlights, writeFlights,
  type FlightTable, type Period,
} from "./dataset.ts";

const directory = await mkdtemp(join(tmpdir(), "flights-dataset-"));
after(() => rm(directory, { recursive: true }));

const first = (table: FlightTable): number => table.departure.reduce((a, b) => Math.min(a, b));
const last = (table: FlightTable): number => table.departure.reduce((a, b) => Math.max(a, b));

/** The day with the earliest arrival of the file, and all its rows, clean or not. */
async function earlyArrivalDay(): Promise<Period & { rows: number }> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const file = flightsFile().replaceAll("'", "''");
  const found = await connection.runAndReadAll(
    `WITH worst AS (SELECT date::DATE AS day FROM '${file}' WHERE delay = -1116)
     SELECT any_value(worst.day)::VARCHAR, (any_value(worst.day) + INTERVAL 1 DAY)::DATE::VARCHAR, count(*)::INTEGER
     FROM '${file}' AS flights JOIN worst ON flights.date >= worst.day AND flights.date < worst.day + INTERVAL 1 DAY`,
  );
  const [from, until, rows] = found.getRows()[0]!;
  connection.closeSync();
  instance.closeSync();
  return { from: String(from), until: String(until), rows: Number(rows) };
}

describe("the flights data", () => {
  it("is split by time: all training flights depart before all validation flights, and those before all held-out ones", async () => {
    assert.ok(periods.training.until <= periods.validation.from && periods.validation.until <= periods.heldOut.from);
    // Days at the boundary whole, so that the boundary itself is looked at.
    const lastDay = await readFlights({ from: "2001-03-31", until: periods.training.until });
    const nextDay = await readFlights({ from: periods.validation.from, until: "2001-04-02" });
    assert.ok(lastDay.rows > 10_000 && nextDay.rows > 10_000);
    assert.ok(last(lastDay) < first(nextDay), `${flightTimeText(last(lastDay))} is before ${flightTimeText(first(nextDay))}`);
    const [training, heldOut] = [await readFlights(periods.training, { every: 40 }), await readFlights(periods.heldOut, { every: 40 })];
    assert.ok(last(training) < first(heldOut), `${flightTimeText(last(training))} is before ${flightTimeText(first(heldOut))}`);
  });

  it("is clean: no row of hours before its time, none after the last day", async () => {
    const table = await readFlights({ from: "2001-06-30", until: "2001-07-02" });
    assert.equal(table.rows, 15_626 + 6);
    assert.equal((await readFlights({ from: "2001-06-30", until: periods.heldOut.until })).rows, 15_626);
    // One flight of this day has a delay of -1116 minutes.
    const days = await earlyArrivalDay();
    assert.equal((await readFlights(days)).rows, days.rows - 1);
  });

  it("has the late shares that the documentation names", async () => {
    const share = async (from: string, until: string): Promise<string> => {
      const table = await readFlights({ from, until });
      return (table.late.reduce((sum, late) => sum + late, 0) / table.rows).toFixed(3);
    };
    assert.equal(await share("2001-02-01", "2001-03-01"), "0.233");
    assert.equal(await share("2001-05-01", "2001-06-01"), "0.161");
  });

  it("comes in the order of departure, labelled by the delay at arrival", async () => {
    const table = await readFlights(periods.validation, { every: 50 });
    assert.ok(table.rows > 9_000);
    for (let row = 1; row < table.rows; row++) {
      assert.ok(table.departure[row]! >= table.departure[row - 1]!);
      assert.equal(table.late[row], table.delay[row]! > lateAfterMinutes ? 1 : 0);
    }
  });

  it("gives features that are known at departure, and nothing else", async () => {
    const table = await readFlights({ from: "2001-01-01", until: "2001-01-02" }, { every: 7 });
    assert.deepEqual(Object.keys(featuresOf(table, 0)), ["origin", "destination", "hour", "minute", "day_of_week", "distance"]);
    const changed = { ...table, delay: table.delay.map((delay) => -delay), late: table.late.map((late) => 1 - late) };
    for (let row = 0; row < table.rows; row++) assert.deepEqual(featuresOf(changed, row), featuresOf(table, row));
  });

  it("counts hours, minutes and weekdays as the calendar does", () => {
    for (const day of [0, 1, 6, 7, 58, 59, 180]) {
      const departure = day * 1440 + 14 * 60 + 5;
      const date = new Date(`${flightTimeText(departure).replace(" ", "T")}:00Z`);
      assert.deepEqual([hourOf(departure), minuteOf(departure)], [date.getUTCHours(), date.getUTCMinutes()]);
      assert.equal(dayOfWeek(departure) % 7, date.getUTCDay());
    }
    assert.equal(flightTimeText(0), "2001-01-01 00:00");
  });

  it("writes reference data of training flights with the model's inputs and the target", async () => {
    const path = join(directory, "reference.parquet");
    await writeFlights(path, periods.training, { every: 200 });
    const training = await readFlights(periods.training, { every: 200 });
    const instance = await DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM '${path}'`);
    assert.deepEqual(described.getColumns().slice(0, 2), [
      ["origin", "destination", "hour", "minute", "day_of_week", "distance", "late"],
      ["VARCHAR", "VARCHAR", "BIGINT", "BIGINT", "BIGINT", "FLOAT", "BOOLEAN"],
    ]);
    const read = await connection.runAndReadAll(`SELECT origin, destination, hour::INTEGER AS hour, minute::INTEGER AS minute, day_of_week::INTEGER AS day_of_week, distance, late FROM '${path}'`);
    const rows = read.getRowObjects().map((row) => JSON.stringify(row)).sort();
    const expected = Array.from({ length: training.rows }, (_, row) => JSON.stringify({ ...featuresOf(training, row), late: training.late[row] === 1 })).sort();
    assert.deepEqual(rows, expected);
    connection.closeSync();
    instance.closeSync();
  });
});
