import { dayOfWeek, hourOf, minuteOf, type FlightFeatures, type FlightTable } from "./dataset.ts";

/**
 * One group of weights. A flight selects exactly one cell of each family, and the selected weights add up to the
 * logarithm of its odds to be late: a logistic regression on one-hot encoded crosses.
 */
export interface WeightFamily {
  name: string;
  cells: number;
  /** Index of the family's first weight in `DelayModel.weights`. */
  offset: number;
}

export const quartersPerDay = 96;
export const minutesPerDay = 1440;
export const milesPerBin = 125;
export const distanceBins = 40;

/** Names of the families, in the order of the cells that `DelayModel.cellsOf` writes. */
const familyNames = [
  "origin_hour", "destination_hour", "route_hour", "route_quarter", "weekday_hour", "minute_of_day", "distance_bin",
] as const;

/**
 * A logistic regression over crossed categories. Number 0 stands for every airport, and every route, that training did
 * not see; its weights are 0, so that such a flight is judged by what else is known of it.
 *
 * The cross of route and quarter of an hour carries most of the weight, and for a reason: the data has no schedule, but
 * a route's flights leave at the same times each day. Who leaves between the usual times has probably waited.
 */
export class DelayModel {
  /** Known airports; number n of the model is `airports[n - 1]`. */
  readonly airports: readonly string[];
  /** Number of the route, by origin number times `airports.length + 1` plus destination number; 0 is unknown. */
  readonly routes: Int32Array;
  readonly families: readonly WeightFamily[];
  readonly weights: Float32Array;
  bias = 0;
  readonly #numbers: ReadonlyMap<string, number>;

  constructor(airports: readonly string[], routes: Int32Array) {
    this.airports = airports;
    this.routes = routes;
    this.#numbers = new Map(airports.map((airport, index) => [airport, index + 1]));
    const airportCount = airports.length + 1;
    const routeCount = routes.reduce((highest, route) => Math.max(highest, route), 0) + 1;
    const sizes: Record<(typeof familyNames)[number], number> = {
      origin_hour: airportCount * 24,
      destination_hour: airportCount * 24,
      route_hour: routeCount * 24,
      route_quarter: routeCount * quartersPerDay,
      weekday_hour: 7 * 24,
      minute_of_day: minutesPerDay,
      distance_bin: distanceBins,
    };
    let offset = 0;
    this.families = familyNames.map((name) => {
      const family = { name, cells: sizes[name], offset };
      offset += family.cells;
      return family;
    });
    this.weights = new Float32Array(offset);
  }

  /** An untrained model that knows the airports and routes of a table. */
  static forTable(table: FlightTable): DelayModel {
    const seen = new Set<number>();
    for (let row = 0; row < table.rows; row++) seen.add(table.origin[row]!).add(table.destination[row]!);
    const codes = [...seen].sort((a, b) => a - b);
    const size = codes.length + 1;
    const numbers = new Map(codes.map((code, index) => [code, index + 1]));
    const routes = new Int32Array(size * size);
    let routeCount = 0;
    for (let row = 0; row < table.rows; row++) {
      const pair = numbers.get(table.origin[row]!)! * size + numbers.get(table.destination[row]!)!;
      if (routes[pair] === 0) routes[pair] = ++routeCount;
    }
    return new DelayModel(codes.map((code) => table.airports[code]!), routes);
  }

  /** Writes the selected weights' indices for each flight: `families.length` numbers per row. */
  cellsOf(table: FlightTable): Uint32Array {
    const numbers = Uint16Array.from(table.airports, (airport) => this.#numbers.get(airport) ?? 0);
    const width = this.families.length;
    const cells = new Uint32Array(table.rows * width);
    for (let row = 0; row < table.rows; row++) {
      const departure = table.departure[row]!;
      this.#writeCells(
        cells, row * width, numbers[table.origin[row]!]!, numbers[table.destination[row]!]!,
        hourOf(departure), minuteOf(departure), dayOfWeek(departure), table.distance[row]!,
      );
    }
    return cells;
  }

  #writeCells(cells: Uint32Array, at: number, origin: number, destination: number, hour: number, minute: number, day: number, miles: number): void {
    const [originHour, destinationHour, routeHour, routeQuarter, weekdayHour, minuteOfDay, distanceBin] = this.families;
    const route = this.routes[origin * (this.airports.length + 1) + destination]!;
    cells[at] = originHour!.offset + origin * 24 + hour;
    cells[at + 1] = destinationHour!.offset + destination * 24 + hour;
    cells[at + 2] = routeHour!.offset + route * 24 + hour;
    cells[at + 3] = routeQuarter!.offset + route * quartersPerDay + hour * 4 + Math.floor(minute / 15);
    cells[at + 4] = weekdayHour!.offset + (day - 1) * 24 + hour;
    cells[at + 5] = minuteOfDay!.offset + hour * 60 + minute;
    cells[at + 6] = distanceBin!.offset + Math.min(distanceBins - 1, Math.floor(miles / milesPerBin));
  }

  /** Logarithm of the odds to be late, for each flight. */
  logOdds(table: FlightTable): Float64Array {
    const cells = this.cellsOf(table);
    const width = this.families.length;
    const result = new Float64Array(table.rows);
    for (let row = 0; row < table.rows; row++) {
      let sum = this.bias;
      for (let index = row * width; index < (row + 1) * width; index++) sum += this.weights[cells[index]!]!;
      result[row] = sum;
    }
    return result;
  }

  /** Probability to be late, for each flight. */
  predict(table: FlightTable): Float64Array {
    return this.logOdds(table).map(sigmoid);
  }

  /** Probability that one flight is late. */
  predictOne(features: FlightFeatures): number {
    const cells = new Uint32Array(this.families.length);
    const { origin, destination, hour, minute, day_of_week: day, distance } = features;
    this.#writeCells(cells, 0, this.#numbers.get(origin) ?? 0, this.#numbers.get(destination) ?? 0, hour, minute, day, distance);
    return sigmoid(cells.reduce((sum, cell) => sum + this.weights[cell]!, this.bias));
  }
}

export function sigmoid(logOdds: number): number {
  return 1 / (1 + Math.exp(-logOdds));
}
