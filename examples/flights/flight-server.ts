import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { AppError, SlipwayClient, type InferInput, type PolicyRevision, type WorkflowRun } from "../../src/index.ts";
import type { FlightFeatures } from "./dataset.ts";
import type { Evaluation, TrainedFiles } from "./train.ts";
import type { TruthReport } from "./truth-schedule.ts";

/** What the replay needs of a server. */
export interface FlightServer {
  /** One request. Answers with the id of the prediction and a probability for each flight. */
  predict(flights: readonly FlightFeatures[]): Promise<{ predictionId: string; probabilities: readonly number[] }>;
  sendTruth(reports: readonly TruthReport[]): Promise<void>;
}

const flightModel = "flight-delay";
const evaluationSet = "flights-may-june-2001";

/** A running Slipway, by its public client. */
export class SlipwayFlightServer implements FlightServer {
  readonly #client: SlipwayClient;
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
    this.#client = new SlipwayClient({ url });
  }

  /**
   * Deploys the trained files, unless some version of the model is this very file: then whatever serves now stays, so
   * that a restart does not take the traffic from a version that somebody deployed since. Says what happened.
   */
  async deploy(files: TrainedFiles, evaluation: Evaluation): Promise<string> {
    const digest = `sha256:${createHash("sha256").update(await readFile(files.model)).digest("hex")}`;
    const versions = await this.#client.model(flightModel).then((found) => found.versions, (error: unknown) => {
      if (error instanceof AppError && error.code === "MODEL_NOT_FOUND") return [];
      throw error;
    });
    const present = versions.find(({ contract }) => contract.runtime.sourceDigest === digest);
    if (present !== undefined) return `${flightModel} version ${present.version} is there already`;
    const { version, notes } = await this.#client.deploy({
      file: files.model,
      name: flightModel,
      reference: files.reference,
      target: "late",
      evaluation,
      description: "Will this flight arrive more than 15 minutes late? Asked when it leaves the gate. US flights of 2001.",
    });
    return [`${flightModel} version ${version.version} is deployed`, ...notes].join("; ");
  }

  /**
   * Names flights of May and June as the model's evaluation set, so that every further version is evaluated on them, and starts the
   * evaluation of this one. Once: a policy that names a set already stays. Says what happened.
   */
  async evaluate(files: TrainedFiles): Promise<string> {
    const { api } = this.#client;
    const path = `/api/models/${flightModel}`;
    const { revision, policy } = await api.get<PolicyRevision>(`${path}/policy`);
    if (policy.evaluation.dataset !== null) return `new versions are evaluated on ${policy.evaluation.dataset}`;
    const { digest } = await api.uploadFile(files.heldOut);
    await api.send("POST", `/api/datasets/${evaluationSet}/versions`, {
      digest, format: "parquet", target: "late", description: "Flights of May and June 2001 that the model has not seen, and whether they were more than 15 minutes late.",
    });
    const evaluation = { ...policy.evaluation, dataset: evaluationSet, metric: "log_loss" };
    await api.send("PUT", `${path}/policy`, { revision, reason: "Evaluate new versions on flights that they have not seen.", policy: { ...policy, evaluation } });
    const { model } = await api.get<{ model: { latestVersion: string } }>(path);
    const { run } = await api.send<{ run: WorkflowRun }>("POST", `${path}/versions/${model.latestVersion}/evaluations`, {});
    return `workflow run ${run.id} evaluates version ${model.latestVersion} on ${evaluationSet}`;
  }

  /** Starts the accuracy report, once for all runs of the example; says what happened. */
  async startReport(): Promise<string> {
    try {
      const { run, created } = await this.#client.workflows.start("flight-accuracy-report", { url: this.#url }, { idempotencyKey: "first report" });
      return `workflow run ${run.id} ${created ? "makes an accuracy report and will wait for your approval" : `is there already, ${run.state}`}`;
    } catch (error) {
      if (error instanceof AppError && error.code === "WORKFLOW_NOT_FOUND") return "no accuracy report: start the server with --workflows examples/flights/workflows.ts";
      throw error;
    }
  }

  async predict(flights: readonly FlightFeatures[]): Promise<{ predictionId: string; probabilities: readonly number[] }> {
    const { predictionId, outputs } = await this.#client.infer(flightModel, inputsOf(flights));
    return { predictionId, probabilities: (outputs["late_probability"]?.data ?? []) as number[] };
  }

  async sendTruth(reports: readonly TruthReport[]): Promise<void> {
    await this.#client.sendTruth(reports.map(({ predictionId, row, late }) => ({ predictionId, row, value: late })));
  }
}

/** The model's six inputs, one row for each flight. */
function inputsOf(flights: readonly FlightFeatures[]): InferInput[] {
  const datatypes = { origin: "BYTES", destination: "BYTES", hour: "INT64", minute: "INT64", day_of_week: "INT64", distance: "FP32" } as const;
  return Object.entries(datatypes).map(([name, datatype]) => ({
    name,
    datatype,
    shape: [flights.length, 1],
    data: flights.map((flight) => flight[name as keyof FlightFeatures]),
  }));
}
