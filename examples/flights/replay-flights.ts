import { AppError } from "../../src/index.ts";
import { featuresOf, flightTimeText, type FlightTable } from "./dataset.ts";
import type { FlightServer } from "./flight-server.ts";
import { TruthSchedule, type TruthReport } from "./truth-schedule.ts";

export interface ReplayOptions {
  server: FlightServer;
  /** Flights in the order of departure. */
  table: FlightTable;
  /** What the trivial baseline says of every flight. */
  baseProbability: number;
  signal: AbortSignal;
  log: (line: string) => void;
  /** Seconds of the simulation in one second. */
  speed: number;
  /** Requests per second, on average, after the opening; fewer when the flights do not suffice at the speed. */
  rate: number;
  /** Numbers in [0, 1). */
  random: () => number;
  /** Milliseconds, monotonic. */
  now: () => number;
  /** Resolves after so many milliseconds, or at once when the signal aborts. */
  sleep: (milliseconds: number) => Promise<void>;
  /** Called when the server does not know the model any more, as after a start with an empty data directory. */
  redeploy?: () => Promise<void>;
}

const minutesPerDay = 1440;
/**
 * The opening: a week of flights within seconds, so that charts and drift have something to show. It weighs more than the
 * half week that follows; otherwise the weekday, of which the first minutes see only some, would be called drifted.
 */
const openingMinutes = 7 * minutesPerDay;
const openingRequests = 3000;
const openingRate = 350;
const mostInFlight = 16;
const truthBatch = 200;
const truthIntervalMs = 500;
const reportIntervalMs = 5000;
const shortestPauseMs = 500;
const longestPauseMs = 5000;
/** How long to wait for a place among the requests under way. */
const lookAgainMs = 10;

/** Rows of a request: mostly one flight, sometimes what an airport sends off within minutes. */
function rowsOfRequest(random: () => number): number {
  const kind = random();
  if (kind < 0.85) return 1;
  return kind < 0.97 ? 2 + Math.floor(random() * 7) : 9 + Math.floor(random() * 24);
}
const meanRowsOfRequest = 0.85 + 0.12 * 5 + 0.03 * 20.5;

/** Flights to leave out between two, so that a stretch of the table takes so many rows. */
const strideFor = (flights: number, rows: number): number => Math.max(1, Math.round(flights / Math.max(1, rows)));

/**
 * Sends flights in the order of their departure, as live traffic, until the signal aborts; after the last flight it
 * begins again, with other flights of the same days. A sample of them is sent: as many as give the wanted rate at the
 * wanted speed. While the server is away the simulated clock stands still; what was under way is lost, as in life.
 */
export async function replayFlights(options: ReplayOptions): Promise<void> {
  const { table, signal, random, speed } = options;
  if (table.rows === 0) throw new Error("There are no flights to replay.");
  const first = table.departure[0]!;
  const span = table.departure[table.rows - 1]! - first + 1;
  const openingEnd = Math.max(1, table.departure.findIndex((departure) => departure >= first + openingMinutes));
  const flightsPerSecond = (table.rows / span) * (speed / 60);
  // No more than there are at this speed.
  const rate = Math.min(options.rate, flightsPerSecond / meanRowsOfRequest);
  const stride = strideFor(flightsPerSecond, rate * meanRowsOfRequest);
  const replay = new Replay(options);
  const opening = openingEnd > 1 && span > openingMinutes ? openingEnd : 0;
  await replay.send(0, opening, strideFor(opening, openingRequests * meanRowsOfRequest), openingRate, 0);
  for (let lap = 0; !signal.aborted; lap++) {
    if (lap > 0) options.log(`All held-out flights are through; beginning again at ${flightTimeText(first)}.`);
    await replay.send((lap === 0 ? opening : 0) + Math.floor(random() * stride), table.rows, stride, rate, lap * span);
  }
}

class Replay {
  readonly #options: ReplayOptions;
  readonly #truth: TruthSchedule;
  readonly #tally: ReplayTally = { sent: 0, predicted: 0, known: 0, late: 0, squaredError: 0, baselineSquaredError: 0 };
  readonly #inFlight = new Set<Promise<void>>();
  #nextTruthAt = 0;
  #nextReportAt: number;
  #sentBefore = 0;
  /** Above 0 while the server does not answer: how long to wait before the next try. */
  #pauseMs = 0;
  #redeploying: Promise<void> | undefined;

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#truth = new TruthSchedule(options.random);
    this.#nextReportAt = options.now() + reportIntervalMs;
  }

  /** Sends each `stride`-th flight of the rows from `from` to `until`. `shift` is added to simulated time: later laps are later. */
  async send(from: number, until: number, stride: number, rate: number, shift: number): Promise<void> {
    const { table, signal, random, now, sleep } = this.#options;
    let due = now();
    for (let row = from; row < until && !signal.aborted; ) {
      const flights: number[] = [];
      for (let rows = rowsOfRequest(random); rows > 0 && row < until; rows--, row += stride) flights.push(row);
      const minute = table.departure[flights.at(-1)!]! + shift;
      await this.#room();
      if (signal.aborted) return;
      this.#track(this.#predict(flights, minute));
      this.#sendDueTruth(minute);
      this.#report(minute - shift);
      // Callers come independently of each other, so the gaps are exponential; what was missed in a pause is not caught up.
      due = Math.max(due + (-Math.log(1 - random()) * 1000) / rate, now() - 100);
      const wait = due - now();
      if (wait > 0) await sleep(wait);
    }
  }

  /** Bounds the work: at most so many requests at once, and one at a time with pauses while the server is away. */
  async #room(): Promise<void> {
    const { signal, sleep } = this.#options;
    while (!signal.aborted && this.#inFlight.size >= (this.#pauseMs > 0 ? 1 : mostInFlight)) await sleep(lookAgainMs);
    if (this.#pauseMs > 0) await sleep(this.#pauseMs);
  }

  #track(work: Promise<void>): void {
    const tracked: Promise<void> = work.then(() => void this.#inFlight.delete(tracked));
    this.#inFlight.add(tracked);
  }

  async #predict(flights: readonly number[], minute: number): Promise<void> {
    const { server, table, log } = this.#options;
    try {
      const { predictionId, probabilities } = await server.predict(flights.map((flight) => featuresOf(table, flight)));
      if (this.#pauseMs > 0) log("The server answers again; going on.");
      this.#pauseMs = 0;
      flights.forEach((flight, row) => {
        const probability = probabilities[row];
        if (probability === undefined) return;
        this.#tally.sent++;
        this.#tally.predicted += probability;
        this.#truth.plan(minute, table, flight, { predictionId, row, probability });
      });
    } catch (error) {
      await this.#failed(error);
    }
  }

  /** Takes what is due on the simulated clock; a report that cannot be delivered stays due. */
  #sendDueTruth(minute: number): void {
    const { now, server } = this.#options;
    if (now() < this.#nextTruthAt || this.#pauseMs > 0) return;
    this.#nextTruthAt = now() + truthIntervalMs;
    const reports = this.#truth.take(minute, truthBatch);
    if (reports.length === 0) return;
    if (reports.length === truthBatch) this.#nextTruthAt = now();
    const deliver = async (): Promise<void> => {
      try {
        await server.sendTruth(reports);
        this.#count(reports);
      } catch (error) {
        this.#truth.putBack(reports);
        await this.#failed(error);
      }
    };
    this.#track(deliver());
  }

  #count(reports: readonly TruthReport[]): void {
    const tally = this.#tally;
    for (const { probability, late, counts } of reports) {
      if (!counts) continue;
      const happened = late ? 1 : 0;
      tally.known++;
      tally.late += happened;
      tally.squaredError += (probability - happened) ** 2;
      tally.baselineSquaredError += (this.#options.baseProbability - happened) ** 2;
    }
  }

  async #failed(error: unknown): Promise<void> {
    const { log, redeploy, signal } = this.#options;
    if (signal.aborted) return;
    if (this.#pauseMs === 0) log(`Pausing: ${error instanceof Error ? error.message : String(error)}`);
    this.#pauseMs = Math.min(longestPauseMs, Math.max(shortestPauseMs, this.#pauseMs * 2));
    if (redeploy === undefined || !(error instanceof AppError) || error.code !== "MODEL_NOT_FOUND") return;
    this.#redeploying ??= redeploy()
      .catch((failure: unknown) => log(`Deploying again failed: ${failure instanceof Error ? failure.message : String(failure)}`))
      .finally(() => (this.#redeploying = undefined));
    await this.#redeploying;
  }

  #report(minute: number): void {
    const { now, log } = this.#options;
    if (now() < this.#nextReportAt || this.#pauseMs > 0) return;
    const { sent } = this.#tally;
    const perSecond = (sent - this.#sentBefore) / ((now() - this.#nextReportAt + reportIntervalMs) / 1000);
    this.#sentBefore = sent;
    this.#nextReportAt = now() + reportIntervalMs;
    log(`${flightTimeText(minute)}  ${progressText(this.#tally, perSecond)}`);
  }
}

/** Predictions against what happened. The errors are sums over the flights whose truth is known. */
interface ReplayTally {
  /** Flights that were predicted. */
  sent: number;
  /** Sum of their probabilities. */
  predicted: number;
  known: number;
  late: number;
  squaredError: number;
  baselineSquaredError: number;
}

/** `12,345 flights (41/s)  late: predicted 18.0%, actual 16.4% of 11,870 known  Brier 0.117, base rate 0.139` */
function progressText(tally: ReplayTally, perSecond: number): string {
  const whole = (value: number): string => Math.round(value).toLocaleString("en-US");
  const percent = (sum: number, rows: number): string => (rows === 0 ? "-" : `${((100 * sum) / rows).toFixed(1)}%`);
  const mean = (sum: number): string => (tally.known === 0 ? "-" : (sum / tally.known).toFixed(3));
  return (
    `${whole(tally.sent)} flights (${whole(perSecond)}/s)  late: predicted ${percent(tally.predicted, tally.sent)}, ` +
    `actual ${percent(tally.late, tally.known)} of ${whole(tally.known)} known  Brier ${mean(tally.squaredError)}, base rate ${mean(tally.baselineSquaredError)}`
  );
}
