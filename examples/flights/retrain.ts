import { createHash } from "node:crypto";
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { periods, readFlights, type FlightTable } from "./dataset.ts";
import { calibrate, fitDelayModel } from "./fit-delay-model.ts";
import { scoresOf, type Scores } from "./scores.ts";
import { writeDelayOnnx } from "./write-delay-onnx.ts";

/** What three retrainings left: one that is better, and two of the kind that reviews do not find. Each a path. */
export interface RetrainedFiles {
  /** Learnt from April too, which is nearer to the flights that it is asked about. */
  better: string;
  /** Its late flights were joined one row off: it runs, it is calibrated, and it knows nothing. */
  misjoined: string;
  /** Right where it answers, and not a number for flights of less than 300 miles. */
  notANumber: string;
}

/** Of all four months: what is left for the calibration. */
const learntUntil = "2001-04-24";
const shortFlightMiles = 300;
const judgedEvery = 4;

/** Where the files of this code live under a data directory; the name has a digest of the code that makes them. */
export async function retrainedFiles(dataDirectory: string): Promise<RetrainedFiles> {
  const recipe = createHash("sha256");
  for (const file of ["dataset.ts", "delay-model.ts", "fit-delay-model.ts", "retrain.ts", "write-delay-onnx.ts"]) recipe.update(await readFile(new URL(file, import.meta.url)));
  const directory = join(resolve(dataDirectory), "flights", `retrained-${recipe.digest("hex").slice(0, 16)}`);
  return { better: join(directory, "better.onnx"), misjoined: join(directory, "misjoined.onnx"), notANumber: join(directory, "not-a-number.onnx") };
}

/** Trains what is not there yet; some ten seconds of one core. */
export async function retrain(files: RetrainedFiles, log: (line: string) => void): Promise<void> {
  const there = await Promise.all(Object.values(files).map((path: string) => stat(path).then(() => true, () => false)));
  if (there.every(Boolean)) return;
  log("retraining on January to April");
  const learnt = await readFlights({ from: periods.training.from, until: learntUntil });
  const calibration = await readFlights({ from: learntUntil, until: periods.validation.until });
  const judging = await readFlights(periods.heldOut, { every: judgedEvery });
  const fit = (table: FlightTable, against: FlightTable): ReturnType<typeof fitDelayModel> => {
    const model = fitDelayModel(table);
    calibrate(model, against);
    return model;
  };
  const say = (what: string, { auc, logLoss }: Scores): void => log(`${what}: AUC ${auc.toFixed(3)}, log loss ${logLoss.toFixed(4)} on flights of May and June`);
  await mkdir(join(files.better, ".."), { recursive: true });

  const better = fit(learnt, calibration);
  say("with April", scoresOf(better.predict(judging), judging.late));
  await replaceFile(files.notANumber, writeDelayOnnx(better, { notANumberBelowMiles: shortFlightMiles }));
  const misjoined = fit(oneRowOff(learnt), oneRowOff(calibration));
  say("with the late flights one row off", scoresOf(misjoined.predict(judging), judging.late));
  await replaceFile(files.misjoined, writeDelayOnnx(misjoined));
  await replaceFile(files.better, writeDelayOnnx(better));
}

/** Each flight gets what became of one far away: what a join of files in different orders does. */
export function oneRowOff(table: FlightTable): FlightTable {
  const shift = Math.floor(table.rows / 2);
  const late = Uint8Array.from(table.late, (_, row) => table.late[(row + shift) % table.rows]!);
  return { ...table, late };
}

async function replaceFile(path: string, content: Uint8Array): Promise<void> {
  await writeFile(`${path}.part`, content);
  await rename(`${path}.part`, path);
}
