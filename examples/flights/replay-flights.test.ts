import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../../src/index.ts";
import type { FlightFeatures, FlightTable } from "./dataset.ts";
import { randomNumbers } from "./fit-delay-model.ts";
import type { FlightServer } from "./flight-server.ts";
import { replayFlights, type ReplayOptions } from "./replay-flights.ts";
import type { TruthReport } from "./truth-schedule.ts";

/** Thirty days with a flight in each minute; every fifth is late. Miles count the flights, modulo 10,000. */
function month(): FlightTable {
  const rows = 30 * 1440;
  return {
    rows,
    airports: ["SFO", "LAX"],
    origin: new Uint16Array(rows),
    destination: new Uint16Array(rows).fill(1),
    departure: Int32Array.from({ length: rows }, (_, row) => row),
    distance: Uint16Array.from({ length: rows }, (_, row) => row % 10_000),
    delay: new Int16Array(rows),
    late: Uint8Array.from({ length: rows }, (_, row) => (row % 5 === 0 ? 1 : 0)),
  };
}

/** Runs a replay on a clock that only its own sleeps move, until `seconds` have passed on it. */
async function replay(server: FlightServer, seconds: number, options: Partial<ReplayOptions> = {}): Promise<{ lines: string[]; now: () => number }> {
  let time = 0;
  const lines: string[] = [];
  const stop = new AbortController();
  await replayFlights({
    server, table: month(), baseProbability: 0.25, signal: stop.signal, speed: 5760, rate: 20, random: randomNumbers(3),
    log: (line) => lines.push(line),
    now: () => time,
    sleep: async (milliseconds) => {
      time += milliseconds;
      if (time > seconds * 1000) stop.abort();
      // Lets what is under way go on before time does.
      await new Promise((resolve) => setImmediate(resolve));
    },
    ...options,
  });
  return { lines, now: () => time };
}

class RecordingServer implements FlightServer {
  requests: FlightFeatures[][] = [];
  truth: TruthReport[] = [];
  /** What the next calls throw. */
  failure: AppError | undefined;

  async predict(flights: readonly FlightFeatures[]): Promise<{ predictionId: string; probabilities: readonly number[] }> {
    if (this.failure !== undefined) throw this.failure;
    this.requests.push([...flights]);
    return { predictionId: `prd_${this.requests.length}`, probabilities: flights.map(() => 0.2) };
  }

  async sendTruth(reports: readonly TruthReport[]): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    this.truth.push(...reports);
  }
}

const dayOf = (flights: readonly FlightFeatures[]): number => flights[0]!.day_of_week;

describe("replaying flights", () => {
  it("opens with a week within ten seconds, then keeps to its rate", async () => {
    const server = new RecordingServer();
    await replay(server, 10);
    const opening = server.requests.length;
    assert.ok(opening > 2000 && opening < 3500, `${opening} requests in the opening`);
    assert.deepEqual(new Set(server.requests.map(dayOf)), new Set([1, 2, 3, 4, 5, 6, 7]));

    const longer = new RecordingServer();
    await replay(longer, 70);
    const perSecond = (longer.requests.length - opening) / 60;
    assert.ok(perSecond > 17 && perSecond < 23, `${perSecond} requests a second`);
    assert.ok(longer.requests.some((flights) => flights.length === 1) && longer.requests.some((flights) => flights.length > 8));
  });

  it("sends truth late: the right one for each row, nothing that was not predicted", async () => {
    const server = new RecordingServer();
    const { lines } = await replay(server, 60);
    assert.ok(server.truth.length > 1000);
    const known = new Set<string>();
    for (const { predictionId, row, late, counts } of server.truth) {
      const flight = server.requests[Number(predictionId.slice(4)) - 1]![row]!;
      if (counts) assert.equal(late, flight.distance % 5 === 0);
      known.add(`${predictionId} ${row}`);
    }
    const flights = server.requests.flat().length;
    assert.ok(known.size > flights * 0.8 && known.size < flights, `${known.size} of ${flights} are known`);
    // Every fifth flight is late; 0.2 for all has the Brier score 0.16, and 0.25 has 0.1625.
    assert.match(lines.at(-1)!, /^2001-01-\d\d \d\d:\d\d {2}[\d,]+ flights \(\d+\/s\) {2}late: predicted 20\.0%, actual (19|20)\.\d% of [\d,]+ known {2}Brier 0\.1[56]\d, base rate 0\.1[56]\d$/);
  });

  it("goes on in time order, and begins again when the flights are through", async () => {
    const server = new RecordingServer();
    // Thirty days at a quarter of a minute each, less the week of the opening.
    const { lines } = await replay(server, 30 * 15);
    assert.ok(lines.some((line) => line.includes("beginning again at 2001-01-01 00:00")), lines.at(-1));
    const times = lines.filter((line) => line.startsWith("2001")).map((line) => line.slice(0, 16));
    const restarts = times.filter((time, index) => index > 0 && time < times[index - 1]!).length;
    assert.equal(restarts, 1);
  });

  it("pauses while the server is away, says so once, and then goes on with what it owes", async () => {
    const server = new RecordingServer();
    let tries = 0;
    let owed = 0;
    const predict = server.predict.bind(server);
    const { lines } = await replay({
      predict: (flights) => {
        // Away from the 3,500th to the 3,520th try.
        server.failure = ++tries >= 3500 && tries < 3520 ? new AppError("SERVER_UNREACHABLE", "No Slipway answers.") : undefined;
        if (tries === 3500) owed = server.truth.length;
        return predict(flights);
      },
      sendTruth: (reports) => server.sendTruth(reports),
    }, 180);
    assert.equal(lines.filter((line) => line === "Pausing: No Slipway answers.").length, 1);
    assert.equal(lines.filter((line) => line === "The server answers again; going on.").length, 1);
    assert.ok(server.truth.length > owed + 500);
    // Twenty tries at rising pauses take more than a minute; without pauses they would take one second.
    assert.ok(server.requests.length < 3300 + (180 - 8 - 75) * 23, `${server.requests.length} requests`);
  });

  it("delivers truth that failed to arrive the first time", async () => {
    const server = new RecordingServer();
    const failed: TruthReport[] = [];
    await replay({
      predict: (flights) => server.predict(flights),
      sendTruth: async (reports) => {
        if (failed.length === 0) {
          failed.push(...reports);
          throw new AppError("QUEUE_FULL", "Busy.");
        }
        await server.sendTruth(reports);
      },
    }, 30);
    assert.ok(failed.length > 0);
    for (const report of failed) assert.ok(server.truth.includes(report));
  });

  it("deploys again when the server does not know the model any more, once for all that noticed", async () => {
    const server = new RecordingServer();
    server.failure = new AppError("MODEL_NOT_FOUND", "There is no model flight-delay.");
    let deployments = 0, refused = 0;
    const turns = async (count: number): Promise<void> => {
      for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
    };
    await replay({
      // Slow refusals: several requests are under way before the first of them is refused.
      predict: async (flights) => {
        if (server.failure !== undefined) {
          refused++;
          await turns(5);
          throw new AppError("MODEL_NOT_FOUND", "There is no model flight-delay.");
        }
        return server.predict(flights);
      },
      sendTruth: (reports) => server.sendTruth(reports),
    }, 15, {
      redeploy: async () => {
        deployments++;
        await turns(20);
        server.failure = undefined;
      },
    });
    assert.ok(refused > 1, `${refused} were refused`);
    assert.equal(deployments, 1);
    assert.ok(server.requests.length > 100);
  });

  it("has a bounded number of requests under way when the server is slow", async () => {
    let open = 0, most = 0;
    await replay({
      predict: async (flights) => {
        most = Math.max(most, ++open);
        for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
        open--;
        return { predictionId: "prd_1", probabilities: flights.map(() => 0.5) };
      },
      sendTruth: async () => undefined,
    }, 5);
    assert.ok(most > 1 && most <= 17, `${most} at once`);
  });
});
