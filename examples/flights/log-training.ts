import { readFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { AppError, type SlipwayClient } from "../../src/index.ts";
import { chosenOptions } from "./fit-delay-model.ts";
import type { Evaluation, TrainedFiles, TrainingHistory } from "./train.ts";

const experiment = "flight-delay";
const api = "/api/2.0/mlflow";

/**
 * Logs the training as a run of the experiment `flight-delay`, as any client of MLflow would, unless that was done before: the folder of its files
 * names the recipe. Says what happened.
 */
export async function logTraining(client: SlipwayClient, files: TrainedFiles, evaluation: Evaluation): Promise<string> {
  const experimentId = await findOrCreateExperiment(client);
  const recipe = basename(dirname(files.model));
  const { runs } = await client.api.send<{ runs?: unknown[] }>("POST", `${api}/runs/search`, { experiment_ids: [experimentId], filter: `tags.recipe = '${recipe}'`, max_results: 1 });
  if (runs !== undefined && runs.length > 0) return `the training is a run of the experiment ${experiment} already`;
  const history = JSON.parse(await readFile(files.history, "utf8")) as TrainingHistory;
  const time = Date.now();
  const { run } = await client.api.send<{ run: { info: { run_id: string } } }>("POST", `${api}/runs/create`, {
    experiment_id: experimentId, run_name: "logistic regression", start_time: time,
    tags: [{ key: "recipe", value: recipe }, { key: "mlflow.source.name", value: "examples/flights/train.ts" }, { key: "mlflow.note.content", value: "Weights from January to March 2001, calibrated on April, judged on May and June." }],
  });
  const runId = run.info.run_id;
  await client.api.send("POST", `${api}/runs/log-batch`, {
    run_id: runId,
    params: Object.entries({ ...chosenOptions, training: "2001-01 to 2001-03", calibration: "2001-04", evaluation: "2001-05 to 2001-06" }).map(([key, value]) => ({ key, value: String(value) })),
    metrics: [
      ...history.map(([step, value]) => ({ key: "log_loss_while_learning", value, step, timestamp: time })),
      ...Object.entries(evaluation).map(([key, value]) => ({ key, value, step: 0, timestamp: time })),
    ],
  });
  await client.api.send("POST", `${api}/runs/update`, { run_id: runId, status: "FINISHED", end_time: time });
  return `the training is run ${runId} of the experiment ${experiment}`;
}

async function findOrCreateExperiment(client: SlipwayClient): Promise<string> {
  try {
    const found = await client.api.get<{ experiment: { experiment_id: string } }>(`${api}/experiments/get-by-name`, { experiment_name: experiment });
    return found.experiment.experiment_id;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "EXPERIMENT_NOT_FOUND") throw error;
    return (await client.api.send<{ experiment_id: string }>("POST", `${api}/experiments/create`, { name: experiment })).experiment_id;
  }
}
