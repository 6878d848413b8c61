import { hourOf, type FlightTable } from "./dataset.ts";

/** Something that gives each flight a probability to be late. */
export interface Predictor {
  predict(table: FlightTable): Float64Array;
}

/** "Base rate": the same probability for every flight, the late share of the training months. What a model must beat. */
export class BaseRate implements Predictor {
  readonly rate: number;

  constructor(training: FlightTable) {
    this.rate = training.late.reduce((sum, late) => sum + late, 0) / training.rows;
  }

  predict(table: FlightTable): Float64Array {
    return new Float64Array(table.rows).fill(this.rate);
  }
}

/** Flights of the base rate that are added to each airport and hour, so that rare ones are not taken at their word. */
const addedFlights = 20;

/**
 * "Origin and hour": the late share of the airport at that hour in the training months. A good guess with one GROUP BY;
 * whoever trains a model should beat this one too.
 */
export class OriginHourRate implements Predictor {
  readonly #baseRate: number;
  readonly #rates = new Map<string, number>();

  constructor(training: FlightTable) {
    this.#baseRate = new BaseRate(training).rate;
    const flights = new Float64Array(training.airports.length * 24);
    const lateFlights = new Float64Array(flights.length);
    for (let row = 0; row < training.rows; row++) {
      const cell = training.origin[row]! * 24 + hourOf(training.departure[row]!);
      flights[cell]!++;
      lateFlights[cell]! += training.late[row]!;
    }
    flights.forEach((count, cell) => {
      const rate = (lateFlights[cell]! + addedFlights * this.#baseRate) / (count + addedFlights);
      this.#rates.set(`${training.airports[Math.floor(cell / 24)]!} ${cell % 24}`, rate);
    });
  }

  predict(table: FlightTable): Float64Array {
    return Float64Array.from(
      table.origin,
      (origin, row) => this.#rates.get(`${table.airports[origin]!} ${hourOf(table.departure[row]!)}`) ?? this.#baseRate,
    );
  }
}
