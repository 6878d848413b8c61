import type { FlightTable } from "./dataset.ts";

/** One report of how a flight went. */
export interface TruthReport {
  predictionId: string;
  /** Row of the flight within its request. */
  row: number;
  late: boolean;
  /** What the model had said. */
  probability: number;
  /** False for a report that a later one corrects, and for the repetition of one; each flight counts once. */
  counts: boolean;
}

const cruiseMilesPerMinute = 7.6;
const groundMinutes = 35;
const neverReported = 0.03;
const reportedTwice = 0.03;
const correctedLater = 0.02;
const reportedDaysLater = 0.1;

/**
 * When the truth about flights becomes known, on the clock of the simulation: after the landing at the earliest, then
 * after the airport's own time, so reports arrive out of order. Some come a day later, 3% never, 3% twice, and 2% first
 * say the opposite and are corrected. A heap by due time; what is due is taken in that order.
 */
export class TruthSchedule {
  readonly #random: () => number;
  readonly #heap: { due: number; report: TruthReport }[] = [];

  constructor(random: () => number) {
    this.#random = random;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Plans the reports of one flight that departed at minute `now` of the simulation. */
  plan(now: number, table: FlightTable, flight: number, prediction: { predictionId: string; row: number; probability: number }): void {
    const random = this.#random;
    if (random() < neverReported) return;
    const landing = now + groundMinutes + table.distance[flight]! / cruiseMilesPerMinute;
    const due = landing - Math.log(1 - random()) * 90 + (random() < reportedDaysLater ? random() * 1440 : 0);
    const report: TruthReport = { ...prediction, late: table.late[flight] === 1, counts: true };
    this.#push(due, report);
    const kind = random();
    if (kind < reportedTwice) this.#push(due + random() * 240, { ...report, counts: false });
    else if (kind < reportedTwice + correctedLater) this.#push(landing, { ...report, late: !report.late, counts: false });
  }

  /** Removes and returns at most `limit` reports that are due at minute `now`. */
  take(now: number, limit: number): TruthReport[] {
    const reports: TruthReport[] = [];
    while (reports.length < limit && this.#heap.length > 0 && this.#heap[0]!.due <= now) reports.push(this.#pop());
    return reports;
  }

  /** Puts back reports that could not be delivered; they are due at once. */
  putBack(reports: readonly TruthReport[]): void {
    for (const report of reports) this.#push(0, report);
  }

  #push(due: number, report: TruthReport): void {
    const heap = this.#heap;
    let place = heap.push({ due, report }) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (heap[parent]!.due <= due) break;
      [heap[place], heap[parent]] = [heap[parent]!, heap[place]!];
      place = parent;
    }
  }

  #pop(): TruthReport {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) heap[0] = last;
    for (let place = 0; ; ) {
      let smallest = place;
      for (const child of [2 * place + 1, 2 * place + 2]) {
        if (child < heap.length && heap[child]!.due < heap[smallest]!.due) smallest = child;
      }
      if (smallest === place) return first.report;
      [heap[place], heap[smallest]] = [heap[smallest]!, heap[place]!];
      place = smallest;
    }
  }
}
