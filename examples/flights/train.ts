import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { BaseRate, OriginHourRate, type Predictor } from "./baselines.ts";
import { lateAfterMinutes, periods, readFlights, writeFlights, type FlightTable } from "./dataset.ts";
import { calibrate, fitDelayModel } from "./fit-delay-model.ts";
import { scoresOf, type Scores } from "./scores.ts";
import { writeDelayOnnx } from "./write-delay-onnx.ts";

/** What training leaves behind, each a path. */
export interface TrainedFiles {
  model: string;
  reference: string;
  /** Flights that the model has not seen, on which the server evaluates its versions. */
  heldOut: string;
  evaluation: string;
  /** How the log loss fell while it learnt. */
  history: string;
}

/** Flights learnt from, and the mean log loss of the last 25,000 of them. */
export type TrainingHistory = [flights: number, logLoss: number][];

/** Metrics of the contract, by name; measured on flights of May and June. */
export type Evaluation = Record<string, number>;

/** One line of the table of results. */
interface Result {
  who: string;
  period: string;
  scores: Scores;
}

const evaluatedEvery = 4;
const referenceEvery = 25;
/** Some thousand flights: an evaluation on them takes a second. */
const heldOutEvery = 250;

/**
 * Where the files of this code live under a data directory. The name has a digest of the code that makes them, so that a
 * changed recipe trains again and an unchanged one does not.
 */
export async function trainedFiles(dataDirectory: string): Promise<TrainedFiles> {
  const recipe = createHash("sha256");
  for (const file of ["baselines.ts", "dataset.ts", "delay-model.ts", "fit-delay-model.ts", "scores.ts", "train.ts", "write-delay-onnx.ts"]) {
    recipe.update(await readFile(new URL(file, import.meta.url)));
  }
  const directory = join(resolve(dataDirectory), "flights", recipe.digest("hex").slice(0, 16));
  return { model: join(directory, "flight-delay.onnx"), reference: join(directory, "reference.parquet"), heldOut: join(directory, "held-out.parquet"), evaluation: join(directory, "evaluation.json"), history: join(directory, "history.json") };
}

/** Trains, calibrates, evaluates and writes the files, the evaluation last: where it is, the others are whole. */
export async function train(files: TrainedFiles, log: (line: string) => void): Promise<Evaluation> {
  const started = performance.now();
  const seconds = (): string => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  const training = await readFlights(periods.training);
  const validation = await readFlights(periods.validation, { every: 2 });
  log(`${seconds()}: read ${count(training.rows)} flights of January to March, ${count(validation.rows)} of April`);
  const history: TrainingHistory = [];
  const model = fitDelayModel(training, { onProgress: (flights, logLoss) => history.push([flights, logLoss]) });
  const { slope, intercept } = calibrate(model, validation);
  log(`${seconds()}: trained; April says: log odds * ${slope.toFixed(2)} ${intercept < 0 ? "-" : "+"} ${Math.abs(intercept).toFixed(2)}`);

  const baseRate = new BaseRate(training);
  const predictors: [string, Predictor][] = [["base rate", baseRate], ["origin and hour", new OriginHourRate(training)], ["model", model]];
  const heldOut = await readFlights(periods.heldOut, { every: evaluatedEvery });
  if (training.departure.at(-1)! >= heldOut.departure[0]!) throw new Error("Training flights must all depart before the flights that judge the model.");
  const results = evaluate(predictors, heldOut);
  const evaluation = metricsOf(results, baseRate.rate);
  log(`${seconds()}: evaluated on ${count(heldOut.rows)} flights of May and June\n\n${tableOf(results)}\n`);

  const directory = join(files.model, "..");
  await mkdir(directory, { recursive: true });
  await replaceFile(files.model, writeDelayOnnx(model));
  await writeFlights(`${files.reference}.part`, periods.training, { every: referenceEvery });
  await rename(`${files.reference}.part`, files.reference);
  await writeFlights(`${files.heldOut}.part`, periods.heldOut, { every: heldOutEvery });
  await rename(`${files.heldOut}.part`, files.heldOut);
  await replaceFile(files.history, JSON.stringify(history));
  await replaceFile(files.evaluation, JSON.stringify(evaluation, null, 2));
  log(`${seconds()}: wrote the model, the reference data and the metrics`);
  return evaluation;
}

/** The metrics of an earlier training, or null when it has not been, or was interrupted. */
export async function readEvaluation(files: TrainedFiles): Promise<Evaluation | null> {
  try {
    return JSON.parse(await readFile(files.evaluation, "utf8")) as Evaluation;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function evaluate(predictors: readonly [string, Predictor][], heldOut: FlightTable): Result[] {
  const juneFrom = heldOut.departure.findIndex((departure) => departure >= minutesUntilJune);
  return predictors.flatMap(([who, predictor]) => {
    const probabilities = predictor.predict(heldOut);
    const score = (period: string, from: number, until: number): Result => ({
      who, period, scores: scoresOf(probabilities.subarray(from, until), heldOut.late.subarray(from, until)),
    });
    return [score("May", 0, juneFrom), score("June", juneFrom, heldOut.rows), score("May and June", 0, heldOut.rows)];
  });
}

const minutesUntilJune = (31 + 28 + 31 + 30 + 31) * 1440;

function metricsOf(results: readonly Result[], baseRate: number): Evaluation {
  const of = (who: string): Scores => results.find((result) => result.who === who && result.period === "May and June")!.scores;
  const [model, base, originHour] = [of("model"), of("base rate"), of("origin and hour")];
  const metrics = {
    auc: model.auc, brier: model.brier, log_loss: model.logLoss,
    baseline_auc: base.auc, baseline_brier: base.brier, baseline_log_loss: base.logLoss, baseline_probability: baseRate,
    origin_hour_auc: originHour.auc, origin_hour_brier: originHour.brier, origin_hour_log_loss: originHour.logLoss,
    mean_prediction: model.meanPrediction, late_share: model.lateShare, rows: model.rows,
  };
  return Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, Number(value.toPrecision(6))]));
}

/** Better is: more AUC, less Brier score, less log loss. */
function tableOf(results: readonly Result[]): string {
  const head = ["predictor", "flights of", "AUC", "Brier", "log loss", "predicted late", "were late"];
  const rows = results.map(({ who, period, scores }) => [
    who, period, scores.auc.toFixed(3), scores.brier.toFixed(4), scores.logLoss.toFixed(4), percent(scores.meanPrediction), percent(scores.lateShare),
  ]);
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]!.length)));
  return [head, ...rows].map((row) => `  ${row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join("  ")}`).join("\n");
}

const percent = (share: number): string => `${(share * 100).toFixed(1)}%`;
const count = (rows: number): string => rows.toLocaleString("en-US");

async function replaceFile(path: string, content: Uint8Array | string): Promise<void> {
  await writeFile(`${path}.part`, content);
  await rename(`${path}.part`, path);
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { data: { type: "string", default: "slipway-data" }, drift: { type: "boolean", default: false } } });
  if (values.drift) {
    const { measureDrift } = await import("./measure-drift.ts");
    console.log(await measureDrift());
    process.exit(0);
  }
  const files = await trainedFiles(values.data);
  await rm(files.evaluation, { force: true });
  console.error(`Is this flight more than ${lateAfterMinutes} minutes late? Training on the first quarter of 2001.`);
  await train(files, (line) => console.error(line));
  console.log(`${files.model}\n${files.reference}\n${files.evaluation}`);
}
