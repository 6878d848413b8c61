import { Readable } from "node:stream";
import { AppError } from "../core/errors.ts";
import type { CellValue, DatasetStore, DatasetVersion, TableReader } from "../datasets/index.ts";
import type { BlobStore } from "../registry/index.ts";
import { workflow, type StepContext, type StepOptions, type WorkflowContext, type WorkflowDefinition } from "../workflows/index.ts";
import { compareModels } from "./compare-models.ts";
import { planEvaluation, type EvaluatedRegistry, type EvaluationPlan } from "./evaluation-plan.ts";
import type { EvaluationStore } from "./evaluation-store.ts";
import { predictRows, tablePages } from "./predict-rows.ts";
import { readPredictions, writePredictions } from "./prediction-file.ts";
import type { Predictions } from "./predictions.ts";
import type { Predictor } from "./predictor.ts";
import { EvaluationRequest, type Evaluation } from "./schemas.ts";
import { truthOf } from "./truth.ts";

export const evaluationWorkflowName = "evaluate";
const hourMs = 3_600_000;
/** Evaluations under way at once, in all servers: each runs models beside those that serve. */
const mostAtOnce = 2;
/** What is impossible stays so; what else fails may be gone soon. */
const retry = { maxAttempts: 3, initialDelayMs: 200, maxDelayMs: 10_000 };

export interface EvaluationParts {
  registry: EvaluatedRegistry;
  datasets: Pick<DatasetStore, "find" | "findVersion">;
  tables: TableReader;
  blobs: BlobStore;
  /** Lines of a verified file. */
  linesOf(path: string): AsyncIterable<string>;
  predictor: Predictor;
  store: EvaluationStore;
  /** Whose a run is, and who started it. */
  runOf(run: string): Promise<{ team: string; owner: string }>;
}

type Predicted = { digest: string } | { problem: string };

/**
 * Runs a version, its baseline and the champion on the evaluation set, and writes how they compare. Predictions are files, so
 * that a server that was killed goes on with the next model; the evaluation's id is the run's, so that it is written once.
 */
export function evaluationWorkflow(parts: EvaluationParts): WorkflowDefinition {
  return workflow<EvaluationRequest, Evaluation>({
    name: evaluationWorkflowName,
    version: 1,
    description: "Evaluate a version of a model beside its baseline and the champion",
    input: EvaluationRequest,
    concurrency: { limit: mostAtOnce },
    // Files that nothing names are collected after a day.
    timeoutMs: 12 * hourMs,
    run: (context, request) => runEvaluation(parts, context, request),
  }) as WorkflowDefinition;
}

async function runEvaluation(parts: EvaluationParts, context: WorkflowContext, request: EvaluationRequest): Promise<Evaluation> {
  const { registry, blobs, store, linesOf, runOf } = parts;
  const step = <Result>(name: string, work: (step: StepContext) => Promise<Result>, options: StepOptions<Result> = {}): Promise<Result> =>
    context.step(name, work, { retry, timeoutMs: 4 * hourMs, ...options });
  const { plan, actor } = await step("plan", async () => {
    const { team, owner } = await runOf(context.runId);
    return { plan: await planEvaluation(parts, request, team), actor: owner };
  });

  const predict = (role: string, version: string, share: number): Promise<Predicted> =>
    step(`predict ${role}`, async (current) => {
      try {
        current.progress(share, `${role} ${version}`);
        const { contract } = await registry.version(request.model, version);
        const { path, dataset } = await openDataset(parts, plan);
        const predictions = await predictRows({
          ...parts, path, contract: { ...contract, version }, plan, columns: dataset.columns, signal: current.signal,
          progress: (done) => current.progress(share + done * 0.3, `${role} ${version}`),
        });
        return { digest: (await blobs.put(Readable.from(writePredictions(predictions)))).digest };
      } catch (error) {
        // A rival that fails is no reason to say nothing of the version.
        if (role === "version" || !(error instanceof AppError) || error.code !== "EVALUATION_IMPOSSIBLE") throw error;
        return { problem: error.message };
      }
    });

  const answers = new Map<string, Predicted>([[request.version, await predict("version", request.version, 0)]]);
  for (const [role, version, share] of [["champion", plan.champion, 0.3], ["baseline", plan.baseline, 0.6]] as const) {
    if (version !== null && !answers.has(version)) answers.set(version, await predict(role, version, share));
  }

  return step("compare", async (current) => {
    current.progress(0.95, "comparing");
    const notes = [...plan.notes];
    const predictionsOf = async (version: string, role: string): Promise<Predictions | null> => {
      const predicted = answers.get(version)!;
      if ("digest" in predicted) return readPredictions(linesOf(await blobs.verifiedPath(predicted.digest)));
      notes.push(`It is not compared with version ${version}, the ${role}: ${predicted.problem}`);
      return null;
    };
    const rivals: { role: "baseline" | "champion"; version: string; predictions: Predictions }[] = [];
    for (const role of ["baseline", "champion"] as const) {
      const version = plan[role];
      const predictions = version === null ? null : await predictionsOf(version, role);
      if (version !== null && predictions !== null) rivals.push({ role, version, predictions });
    }
    const truth = truthOf(await readTarget(parts, plan), plan.task, plan.dataset.target);
    const own = (await predictionsOf(request.version, "version"))!;
    const compared = compareModels({ task: plan.task, metric: plan.metric, confidence: plan.confidence, truth, version: own, rivals });
    const { name, version, digest, target } = plan.dataset;
    const evaluation: Evaluation = {
      id: `evl_${context.runId.slice(context.runId.indexOf("_") + 1)}`, model: request.model, version: request.version, time: context.startedAt, workflowRun: context.runId,
      dataset: { name, version, digest, rows: compared.rows, target }, task: plan.task, metric: compared.metric, higherIsBetter: compared.higherIsBetter,
      metrics: compared.metrics, comparisons: compared.comparisons, notes: [...notes, ...compared.notes],
    };
    await store.add(evaluation, { actor });
    return evaluation;
  });
}

/** The file of the plan's dataset, which may have been removed since. Throws EVALUATION_IMPOSSIBLE. */
async function openDataset({ datasets, blobs }: EvaluationParts, { dataset: { name, version, digest } }: EvaluationPlan): Promise<{ path: string; dataset: DatasetVersion }> {
  const dataset = await datasets.findVersion(name, version);
  if (dataset?.digest !== digest) throw new AppError("EVALUATION_IMPOSSIBLE", `Version ${version} of the dataset ${name} was removed while the evaluation ran.`);
  return { path: await blobs.verifiedPath(digest), dataset };
}

async function readTarget(parts: EvaluationParts, plan: EvaluationPlan): Promise<CellValue[]> {
  const { path } = await openDataset(parts, plan);
  const cells: CellValue[] = [];
  for await (const page of tablePages(parts.tables, path, plan.dataset.format, [plan.dataset.target], plan.rows)) for (const cell of page.cells[0]!) cells.push(cell);
  return cells;
}
