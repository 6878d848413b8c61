import { findPackageJSON } from "node:module";
import { dirname, join } from "node:path";
import { DuckDBInstance, type DuckDBConnection } from "@duckdb/node-api";

/** Minutes since 2001-01-01 00:00, local time of the origin. That day was a Monday. */
export type FlightMinute = number;

const minutesPerDay = 1440;
const firstDay = Date.UTC(2001, 0, 1);

/** A flight counts as late when it arrives more than this many minutes after the schedule. */
export const lateAfterMinutes = 15;

/** A half-open interval of days, as `YYYY-MM-DD`. */
export interface Period {
  from: string;
  until: string;
}

/**
 * Split by time, never at random: the model learns from the first quarter, April decides on its settings and its
 * calibration, and nothing before May is used to judge it or to replay. So every number shown is about flights that
 * departed after everything that the model has seen.
 */
export const periods = {
  training: { from: "2001-01-01", until: "2001-04-01" },
  validation: { from: "2001-04-01", until: "2001-05-01" },
  heldOut: { from: "2001-05-01", until: "2001-07-01" },
} as const satisfies Record<string, Period>;

/** Flights in columns; index i of every array is one flight. */
export interface FlightTable {
  rows: number;
  /** Codes of airports; `origin` and `destination` are indices into it. */
  airports: readonly string[];
  origin: Uint16Array;
  destination: Uint16Array;
  /** When the aircraft left the gate. */
  departure: Int32Array;
  /** Miles. */
  distance: Uint16Array;
  /** Minutes of delay at arrival, negative when early. It makes the label and says when truth is known; never a feature. */
  delay: Int16Array;
  /** 1 when `delay` is more than `lateAfterMinutes`. */
  late: Uint8Array;
}

/** What is known when the aircraft leaves the gate: the model's inputs, by their names. */
export interface FlightFeatures {
  origin: string;
  destination: string;
  /** 0 to 23, of the departure. */
  hour: number;
  /** 0 to 59. */
  minute: number;
  /** 1 is Monday, 7 is Sunday. */
  day_of_week: number;
  /** Miles. */
  distance: number;
}

export function hourOf(departure: FlightMinute): number {
  return Math.floor((departure % minutesPerDay) / 60);
}

export function minuteOf(departure: FlightMinute): number {
  return departure % 60;
}

export function dayOfWeek(departure: FlightMinute): number {
  return (Math.floor(departure / minutesPerDay) % 7) + 1;
}

/** `2001-05-17 14:05` */
export function flightTimeText(departure: FlightMinute): string {
  return new Date(firstDay + Math.round(departure) * 60_000).toISOString().slice(0, 16).replace("T", " ");
}

export function featuresOf(table: FlightTable, row: number): FlightFeatures {
  const departure = table.departure[row]!;
  return {
    origin: table.airports[table.origin[row]!]!,
    destination: table.airports[table.destination[row]!]!,
    hour: hourOf(departure),
    minute: minuteOf(departure),
    day_of_week: dayOfWeek(departure),
    distance: table.distance[row]!,
  };
}

/** The Parquet file inside the installed package. */
export function flightsFile(): string {
  const manifest = findPackageJSON("vega-datasets", import.meta.url);
  if (manifest === undefined) throw new Error("The package vega-datasets is not installed; run `npm ci` first.");
  return join(dirname(manifest), "data", "flights-3m.parquet");
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/**
 * The rows of a period, cleaned. Dropped are: flights with a missing value; flights that arrive more than two hours
 * early, which no flight does (three rows, errors in the source); and what is dated outside the period, such as the six
 * rows at midnight after the last day.
 */
function cleanFlights(period: Period): string {
  return `FROM read_parquet(${quoted(flightsFile())}, file_row_number = true)
    WHERE date >= TIMESTAMP ${quoted(period.from)} AND date < TIMESTAMP ${quoted(period.until)}
      AND delay IS NOT NULL AND distance IS NOT NULL AND origin IS NOT NULL AND destination IS NOT NULL
      AND delay >= -120`;
}

async function withDuckDb<Result>(use: (connection: DuckDBConnection) => Promise<Result>): Promise<Result> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "2", memory_limit: "256MB" });
  try {
    const connection = await instance.connect();
    try {
      return await use(connection);
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}

/** The codes in the file, in alphabetical order. */
async function readAirports(connection: DuckDBConnection): Promise<string[]> {
  const file = quoted(flightsFile());
  const read = await connection.runAndReadAll(`SELECT origin FROM ${file} GROUP BY 1 UNION SELECT destination FROM ${file} GROUP BY 1 ORDER BY 1`);
  return read.getColumns()[0]!.map(String);
}
let knownAirports: Promise<string[]> | undefined;

/** Reads a period in the order of departure; `every: 4` takes each fourth row of the file, always the same ones. */
export function readFlights(period: Period, options: { every?: number } = {}): Promise<FlightTable> {
  const sample = options.every === undefined || options.every === 1 ? "" : `AND file_row_number % ${Math.trunc(options.every)} = 0`;
  return withDuckDb(async (connection) => {
    const counted = await connection.runAndReadAll(`SELECT count(*)::INTEGER ${cleanFlights(period)} ${sample}`);
    const airports = await (knownAirports ??= readAirports(connection));
    // Texts cross into JavaScript once per airport and not once per flight: an enum stands for them in the rows.
    await connection.run(`CREATE TYPE airport AS ENUM (${airports.map(quoted).join(", ")})`);
    const table = emptyTable(Number(counted.getRows()[0]![0]), airports);
    const result = await connection.stream(
      `SELECT enum_code(origin::airport)::INTEGER, enum_code(destination::airport)::INTEGER,
              date_diff('minute', TIMESTAMP '2001-01-01', date)::INTEGER, distance::INTEGER, delay::INTEGER
       ${cleanFlights(period)} ${sample} ORDER BY date, file_row_number`,
    );
    let row = 0;
    for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
      const columns = [table.origin, table.destination, table.departure, table.distance, table.delay];
      columns.forEach((column, index) => column.set(chunk!.getColumnValues(index) as number[], row));
      row += chunk.rowCount;
    }
    for (let index = 0; index < row; index++) table.late[index] = table.delay[index]! > lateAfterMinutes ? 1 : 0;
    return table;
  });
}

function emptyTable(rows: number, airports: readonly string[]): FlightTable {
  return {
    rows,
    airports,
    origin: new Uint16Array(rows),
    destination: new Uint16Array(rows),
    departure: new Int32Array(rows),
    distance: new Uint16Array(rows),
    delay: new Int16Array(rows),
    late: new Uint8Array(rows),
  };
}

/** Writes each `every`-th flight of a period as Parquet: the model's inputs under their names, and the target `late`. */
export async function writeFlights(path: string, period: Period, options: { every: number }): Promise<void> {
  await withDuckDb(async (connection) => {
    await connection.run(
      `COPY (SELECT origin, destination, hour(date)::BIGINT AS hour, minute(date)::BIGINT AS minute, isodow(date)::BIGINT AS day_of_week,
                    distance::FLOAT AS distance, delay > ${lateAfterMinutes} AS late
             ${cleanFlights(period)} AND file_row_number % ${Math.trunc(options.every)} = 0
             ORDER BY file_row_number) TO ${quoted(path)} (FORMAT parquet)`,
    );
  });
}
