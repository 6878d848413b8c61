import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleepFor } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { AppError, SlipwayClient } from "../../src/index.ts";
import { periods, readFlights } from "./dataset.ts";
import { randomNumbers } from "./fit-delay-model.ts";
import { askForNotes } from "./flight-notes.ts";
import { SlipwayFlightServer } from "./flight-server.ts";
import { logTraining } from "./log-training.ts";
import { replayFlights } from "./replay-flights.ts";
import { readEvaluation, trainedFiles, type Evaluation, type TrainedFiles } from "./train.ts";

export interface RunFlightsOptions {
  /** Of the server, such as `http://127.0.0.1:4400`. */
  url: string;
  /** Trained files are kept under `flights/` in it, so that a second start need not train. */
  dataDirectory: string;
  /** Ends the run; what is under way is left. */
  signal: AbortSignal;
  log: (line: string) => void;
  /** Seconds of 2001 in one second; 5760, a day in a quarter of a minute, when absent. */
  speed?: number;
  /** Requests per second; 20 when absent. */
  rate?: number;
}

/** Each fourth flight is plenty for the rate, and keeps this process small. */
const replayedEvery = 4;

/**
 * The whole example against a running server: trains when that has not been done, deploys with the reference data and the
 * metrics, then replays the held-out flights until the signal aborts. Waits for a server that is not up yet. Rejects when
 * training fails or the server refuses the model.
 */
export async function runFlights(options: RunFlightsOptions): Promise<void> {
  const { url, dataDirectory, signal, log, speed = 5760, rate = 20 } = options;
  const sleep = (milliseconds: number): Promise<void> => sleepFor(milliseconds, undefined, { signal }).catch(() => undefined);
  const server = new SlipwayFlightServer(url);
  const files = await trainedFiles(dataDirectory);
  const evaluation = (await readEvaluation(files)) ?? (await trainInChild(files, options));
  if (evaluation === null) return;
  const deploy = async (): Promise<void> => log(await server.deploy(files, evaluation));
  const reading = readFlights(periods.heldOut, { every: replayedEvery });
  await Promise.all([reading, whenReachable(deploy, sleep, options)]);
  if (signal.aborted) return;
  log(await logTraining(new SlipwayClient({ url }), files, evaluation));
  log(await server.evaluate(files));
  log(await server.startReport());
  log(`Flights of May and June are on their way to ${url}: ${rate} requests a second, a day in ${Math.round(86_400 / speed)} seconds.`);
  await replayFlights({
    server, signal, log, speed, rate, sleep,
    table: await reading,
    baseProbability: evaluation["baseline_probability"] ?? 0.5,
    random: randomNumbers(2001),
    now: () => performance.now(),
    redeploy: deploy,
  });
}

/** Training computes for seconds without a break: in a process of its own it can be stopped, and gives its memory back. */
async function trainInChild(files: TrainedFiles, { dataDirectory, signal, log }: RunFlightsOptions): Promise<Evaluation | null> {
  const script = fileURLToPath(new URL("train.ts", import.meta.url));
  const child = spawn(process.execPath, [script, "--data", dataDirectory], { stdio: ["ignore", "ignore", "pipe"], signal });
  createInterface({ input: child.stderr }).on("line", log);
  const problem = await new Promise<string | null>((resolve, reject) => {
    child.once("error", (error) => (signal.aborted ? resolve(null) : reject(error)));
    child.once("close", (code, killedBy) => resolve(code === 0 ? null : `The training ended with ${code ?? killedBy}.`));
  });
  if (signal.aborted) return null;
  const evaluation = problem === null ? await readEvaluation(files) : null;
  if (evaluation === null) throw new Error(problem ?? "The training left no metrics.");
  return evaluation;
}

/** Retries while nothing answers at the URL; every other failure is the caller's. */
async function whenReachable(work: () => Promise<void>, sleep: (milliseconds: number) => Promise<void>, { signal, log }: RunFlightsOptions): Promise<void> {
  for (let told = false; !signal.aborted; ) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "SERVER_UNREACHABLE") throw error;
      if (!told) log(`${error.message} Waiting for it.`);
      told = true;
      await sleep(250);
    }
  }
}

// Many small requests make much garbage: `node --max-semi-space-size=4 --max-old-space-size=128` keeps this process at 180 MB
// instead of 320.
if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      url: { type: "string", default: "http://127.0.0.1:4400" },
      data: { type: "string", default: "slipway-data" },
      speed: { type: "string", default: "5760" },
      rate: { type: "string", default: "20" },
    },
  });
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort());
  const log = (line: string): void => console.error(`flights: ${line}`);
  let exitCode = 0;
  try {
    void askForNotes({ url: values.url, signal: stop.signal, log });
    await runFlights({ url: values.url, dataDirectory: values.data, speed: Number(values.speed), rate: Number(values.rate), signal: stop.signal, log });
  } catch (error) {
    log(error instanceof AppError ? [error.message, ...error.problems.map(({ path, message }) => `${path}: ${message}`)].join("\n  ") : String(error));
    exitCode = 1;
  }
  // Requests may still be under way; nobody waits for their answers.
  process.exit(exitCode);
}
