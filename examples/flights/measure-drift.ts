import { populationStabilityIndex } from "../../src/monitoring/psi.ts";
import { dayOfWeek, hourOf, minuteOf, periods, readFlights, type FlightTable, type Period } from "./dataset.ts";

/** What is compared, by its name in the table. */
const columns: Record<string, (table: FlightTable, row: number) => number | string> = {
  origin: (table, row) => table.airports[table.origin[row]!]!,
  destination: (table, row) => table.airports[table.destination[row]!]!,
  hour: (table, row) => hourOf(table.departure[row]!),
  minute: (table, row) => minuteOf(table.departure[row]!),
  day_of_week: (table, row) => dayOfWeek(table.departure[row]!),
  distance: (table, row) => table.distance[row]!,
  route: (table, row) => `${table.airports[table.origin[row]!]!}-${table.airports[table.destination[row]!]!}`,
  "late (label)": (table, row) => String(table.late[row]!),
};

type Value = number | string;

function valuesOf(table: FlightTable, column: string): Value[] {
  return Array.from({ length: table.rows }, (_, row) => columns[column]!(table, row));
}

/** Makes the function that sorts values into buckets, from the reference's own values. */
function bucketsOf(reference: readonly Value[]): { count: number; bucket: (value: Value) => number } {
  if (typeof reference[0] === "number") {
    const sorted = Float64Array.from(reference as number[]).sort();
    const edges = [...new Set(Array.from({ length: 9 }, (_, index) => sorted[Math.floor(((index + 1) * sorted.length) / 10)]!))];
    return { count: edges.length + 1, bucket: (value) => edges.filter((edge) => edge <= Number(value)).length };
  }
  const counts = new Map<Value, number>();
  for (const value of reference) counts.set(value, (counts.get(value) ?? 0) + 1);
  const frequent = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 20);
  const places = new Map(frequent.map(([value], index) => [value, index]));
  return { count: 22, bucket: (value) => places.get(value) ?? (counts.has(value) ? 20 : 21) };
}

const months: Record<string, Period> = {
  January: { from: "2001-01-01", until: "2001-02-01" },
  February: { from: "2001-02-01", until: "2001-03-01" },
  March: { from: "2001-03-01", until: "2001-04-01" },
  April: periods.validation,
  May: { from: "2001-05-01", until: "2001-06-01" },
  June: { from: "2001-06-01", until: "2001-07-01" },
};

/**
 * A table of how far each month moves from the training months: the population stability index of every feature, of the
 * route, which is no feature of its own, and of the label. Buckets are those of Slipway's drift report: deciles of the
 * training flights for numbers; for names the 20 most frequent, the others, and those that training did not see.
 */
export async function measureDrift(): Promise<string> {
  const every = 10;
  const reference = await readFlights(periods.training, { every });
  const tables = await Promise.all(Object.values(months).map((period) => readFlights(period, { every })));
  const rows = Object.keys(columns).map((column) => {
    const values = valuesOf(reference, column);
    const { count, bucket } = bucketsOf(values);
    const countsOf = (list: readonly Value[]): Uint32Array => {
      const counts = new Uint32Array(count);
      for (const value of list) counts[bucket(value)]!++;
      return counts;
    };
    const expected = countsOf(values);
    return [column, ...tables.map((table) => populationStabilityIndex(expected, countsOf(valuesOf(table, column))).toFixed(4))];
  });
  return [["column", ...Object.keys(months)], ...rows].map(([name, ...cells]) => name!.padEnd(14) + cells.map((cell) => cell.padStart(10)).join("")).join("\n");
}
