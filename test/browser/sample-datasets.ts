import { linearModel } from "../kit/onnx-models.ts";
import type { RunningServer } from "../kit/running-server.ts";
import { createExperiment, logRun, post, repeatable } from "./sample-runs.ts";

/** Rows of payments that are late more often when their amount is high and their fee low; some countries are missing. */
export function payments(count: number, seed: number): string {
  const random = repeatable(seed);
  const rows = Array.from({ length: count }, (_, index) => {
    const amount = Math.round(random() * 400) / 100;
    const fee = Math.round(random() * 400) / 100;
    const late = random() < 1 / (1 + Math.exp(1.6 * (fee - amount))) ? 1 : 0;
    return [amount, fee, index % 9 === 0 ? "" : ["DE", "FR", "US", "US"][index % 4], `2026-03-${String(1 + (index % 28)).padStart(2, "0")}`, late].join(",");
  });
  return ["amount,fee,country,day,late", ...rows, ""].join("\n");
}

/** Adds a file as a version of a dataset, as the command line does. */
export async function addDataset(server: RunningServer, name: string, content: string, more: { target?: string; description?: string; source?: string } = {}): Promise<void> {
  const { digest } = await server.client.api.uploadFile(await server.file(`${name}.csv`, content));
  await server.client.api.send("POST", `/api/datasets/${name}/versions`, { digest, format: "csv", ...more });
}

/** `payment-late` in three versions: a good one, the champion, which knows the fee not, and one that has it the wrong way round. */
export async function deployJudged(server: RunningServer): Promise<void> {
  for (const weights of [[1.4, -1.6], [1, 0], [-1, 0.5]]) {
    const file = await server.file(`late-${weights.join()}.onnx`, linearModel({ weights }));
    const reference = await server.file("train.csv", payments(300, 11));
    await server.client.deploy({ file, name: "payment-late", reference, target: "late", columns: ["amount", "fee"], activate: weights[1] === 0 });
  }
}

/** Names the evaluation set, and what of the model's answers is judged. */
export async function judgeBy(server: RunningServer, dataset: string): Promise<void> {
  const path = "/api/models/payment-late/policy";
  const { revision, policy } = await server.client.api.get<{ revision: number; policy: { evaluation: object } }>(path);
  const evaluation = { ...policy.evaluation, dataset, task: "classification", output: "probability", metric: "auc" };
  await server.client.api.send("PUT", path, { revision, reason: "It is what we have", policy: { ...policy, evaluation } });
}

/** An experiment whose runs named data, and logged metrics once and often. */
export async function logDatasets(url: string): Promise<{ experiment: string; runs: string[] }> {
  const experiment = await createExperiment(url, "payments");
  const runs: string[] = [];
  const schema = JSON.stringify({ mlflow_colspec: [{ type: "double", name: "amount", required: true }, { type: "double", name: "fee", required: true }, { type: "long", name: "late", required: true }] });
  for (const index of [0, 1, 2]) {
    const run = await logRun(url, experiment, { name: `fit ${index}`, startTime: Date.UTC(2026, 2, 4, 8 + index), metrics: { test_auc: [0.71 + index / 50], loss: [0.9, 0.5, 0.3 - index / 20] } });
    await post(url, "/runs/log-inputs", {
      run_id: run,
      datasets: [{ dataset: { name: "payments-train", digest: "3f1c9a", source_type: "local", source: '{"uri":"train.csv"}', schema, profile: '{"num_rows":300,"num_elements":900}' }, tags: [{ key: "mlflow.data.context", value: "training" }] }],
    });
    runs.push(run);
  }
  return { experiment, runs };
}
