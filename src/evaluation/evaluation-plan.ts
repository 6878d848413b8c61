import { AppError } from "../core/errors.ts";
import type { DatasetFormat, DatasetStore, DatasetVersion } from "../datasets/index.ts";
import { championAlias, isRunnable, type Model, type ModelVersion, type PolicyRevision, type RegistryChange } from "../registry/index.ts";
import { planInputs } from "./model-inputs.ts";
import { chooseOutputs, taskOf } from "./predictions.ts";
import type { EvaluationMetric, EvaluationRequest } from "./schemas.ts";

/** What the registry is asked for; the same as the methods of its service. */
export interface EvaluatedRegistry {
  model(name: string): Promise<Model>;
  version(model: string, version: string): Promise<ModelVersion>;
  policy(model: string): Promise<PolicyRevision>;
  /** Of the model and its versions, newest first. */
  changes(model: string, limit: number): Promise<RegistryChange[]>;
}

/** Everything that an evaluation is decided by, as it was when it began. */
export interface EvaluationPlan {
  dataset: { name: string; version: number; digest: string; format: DatasetFormat; target: string };
  /** From the beginning of the dataset. */
  rows: number;
  task: "classification" | "regression" | "forecast";
  metric: EvaluationMetric | "auto";
  confidence: number;
  output: string | null;
  baseline: string | null;
  champion: string | null;
  notes: string[];
}

/** Changes that are looked through for the champion before. */
const changesRead = 200;

export interface PlanParts {
  registry: EvaluatedRegistry;
  datasets: Pick<DatasetStore, "find" | "findVersion">;
}

/**
 * What is to be done for a request. `team` is that of the run: models and datasets of others are as if they were not there. Throws EVALUATION_IMPOSSIBLE,
 * MODEL_NOT_FOUND, VERSION_NOT_FOUND.
 */
export async function planEvaluation({ registry, datasets }: PlanParts, request: EvaluationRequest, team: string): Promise<EvaluationPlan> {
  const model = await registry.model(request.model);
  if (model.team !== team && team !== "*") throw new AppError("MODEL_NOT_FOUND", `There is no model named ${JSON.stringify(request.model)}.`);
  const version = await registry.version(request.model, request.version);
  const { evaluation: policy } = (await registry.policy(request.model)).policy;
  const dataset = await findDataset(datasets, request, policy, model.team);
  const target = policy.target ?? dataset.target;
  if (target === null) throw impossible(`Neither the policy of ${model.name} nor the dataset ${dataset.dataset} names the column that is predicted: set evaluation.target.`);
  const column = dataset.columns.find(({ name }) => name === target);
  if (column === undefined) throw impossible(`The dataset ${dataset.dataset} has no column ${JSON.stringify(target)}, which is the target.`);
  assertRuns(version);
  const task = policy.task === "auto" ? taskOf(column.kind, version.contract.signature.outputs) : policy.task;
  const fits = ({ contract: { signature } }: ModelVersion): void => {
    planInputs(signature, dataset.columns, target);
    chooseOutputs(signature.outputs, task, policy.output);
  };
  fits(version);
  const notes: string[] = [];
  const rival = async (role: "baseline" | "champion", number: string | null): Promise<string | null> => {
    if (number === null) return null;
    try {
      const found = await registry.version(request.model, number);
      assertRuns(found);
      fits(found);
      return number;
    } catch (error) {
      if (!(error instanceof AppError) || (error.code !== "EVALUATION_IMPOSSIBLE" && error.code !== "VERSION_NOT_FOUND")) throw error;
      notes.push(`It is not compared with version ${number}, the ${role}: ${error.message}`);
      return null;
    }
  };
  const named = request.baseline ?? policy.baseline;
  const baseline = await rival("baseline", named === version.version ? null : named);
  const champion = await rival("champion", await championBeside(registry, model, version.version));
  return {
    dataset: { name: dataset.dataset, version: dataset.version, digest: dataset.digest, format: dataset.format, target },
    rows: Math.min(dataset.rows, policy.maxRows), task, metric: policy.metric, confidence: policy.confidence, output: policy.output, baseline, champion, notes,
  };
}

async function findDataset(
  datasets: PlanParts["datasets"], request: EvaluationRequest, policy: PolicyRevision["policy"]["evaluation"], team: string,
): Promise<DatasetVersion> {
  const name = request.dataset ?? policy.dataset;
  if (name === null) throw impossible(`The policy of ${request.model} names no evaluation set, and the request none either.`);
  const held = await datasets.find(name);
  if (held === null || held.team !== team) throw impossible(`There is no dataset ${JSON.stringify(name)} in the model's team.`);
  const number = request.datasetVersion ?? (request.dataset === undefined || request.dataset === policy.dataset ? policy.datasetVersion : null);
  const found = number === null ? await datasets.findVersion(name) : await datasets.findVersion(name, number);
  if (found === null) throw impossible(`The dataset ${name} has no version ${number ?? ""}.`);
  return found;
}

/** The champion, or the one that the version replaced as champion: a version is not measured against itself. */
async function championBeside(registry: EvaluatedRegistry, model: Model, version: string): Promise<string | null> {
  const champion = model.aliases[championAlias] ?? null;
  if (champion !== version) return champion;
  const own = `${championAlias}=${version}`;
  const change = (await registry.changes(model.name, changesRead)).find(({ change, after }) => change === "model.alias.changed" && after === own);
  return change?.before?.startsWith(`${championAlias}=`) === true && change.before !== own ? change.before.slice(championAlias.length + 1) : null;
}

function assertRuns(version: ModelVersion): void {
  if (isRunnable(version)) return;
  const why = version.contract.runtime.notes[0];
  throw impossible(`Version ${version.version} of ${version.model} has nothing that can run here${why === undefined ? "." : `: ${why}`}`);
}

function impossible(message: string): AppError {
  return new AppError("EVALUATION_IMPOSSIBLE", message);
}
