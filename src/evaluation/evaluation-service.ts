import { mayInTeam, type Caller } from "../core/caller.ts";
import { AppError } from "../core/errors.ts";
import { denial, requireOn } from "../core/request-gate.ts";
import type { DatasetStore } from "../datasets/index.ts";
import type { Subscriber } from "../events/index.ts";
import type { WorkflowRun, WorkflowService } from "../workflows/index.ts";
import type { EvaluatedRegistry } from "./evaluation-plan.ts";
import type { EvaluationStore } from "./evaluation-store.ts";
import { evaluationWorkflowName } from "./evaluation-workflow.ts";
import { EvaluationRequest, type Evaluation } from "./schemas.ts";

export interface EvaluationServiceParts {
  store: EvaluationStore;
  registry: EvaluatedRegistry;
  datasets: Pick<DatasetStore, "find">;
  workflows: Pick<WorkflowService, "start" | "list">;
}

/** Runs that are looked through for the newest of a version. */
const runsRead = 200;

/** Starting evaluations and reading what they found. */
export class EvaluationService {
  readonly #parts: EvaluationServiceParts;

  constructor(parts: EvaluationServiceParts) {
    this.#parts = parts;
  }

  /** Starts a run for a caller who may start evaluations of the model. Throws MODEL_NOT_FOUND, VERSION_NOT_FOUND, DATASET_NOT_FOUND. */
  async start(caller: Caller, request: EvaluationRequest): Promise<WorkflowRun> {
    const { registry, datasets, workflows } = this.#parts;
    const { team } = await registry.model(request.model);
    await registry.version(request.model, request.version);
    if (request.baseline !== undefined) await registry.version(request.model, request.baseline);
    if (request.dataset !== undefined) {
      const held = await datasets.find(request.dataset);
      if (held === null || held.team !== team || !mayInTeam(caller, "viewer", held.team)) {
        const missing = new AppError("DATASET_NOT_FOUND", `There is no dataset named ${JSON.stringify(request.dataset)}.`);
        throw held === null ? missing : denial(missing);
      }
    }
    return (await workflows.start(evaluationWorkflowName, { input: request, team }, caller.actor)).run;
  }

  /** Newest first, with the newest run for the version, which tells of an evaluation that is under way or failed. */
  async list(model: string, version: string, limit: number): Promise<{ evaluations: Evaluation[]; run: WorkflowRun | null }> {
    const { registry, store, workflows } = this.#parts;
    await registry.version(model, version);
    const { team } = await registry.model(model);
    const evaluations = await store.list(model, version, limit);
    const runs = await workflows.list({ workflow: evaluationWorkflowName, teams: [team], limit: runsRead });
    const isOfVersion = (run: WorkflowRun): boolean => {
      const input = EvaluationRequest.safeParse(run.input);
      return input.success && input.data.model === model && input.data.version === version;
    };
    return { evaluations, run: runs.find(isOfVersion) ?? null };
  }

  /** Throws EVALUATION_NOT_FOUND, also for one of a model that the caller may not see. */
  async find(caller: Caller, id: string): Promise<Evaluation> {
    const missing = new AppError("EVALUATION_NOT_FOUND", `There is no evaluation ${JSON.stringify(id)}.`);
    const found = await this.#parts.store.find(id);
    if (found === null) throw missing;
    const { team } = await this.#parts.registry.model(found.model);
    requireOn(caller, "viewer", { kind: "model", name: found.model, team }, missing);
    return found;
  }

  /**
   * Evaluates each new version of a model whose policy names an evaluation set. An event that comes again finds the run that it started: one for each version,
   * however many servers there are.
   */
  get subscriber(): Subscriber {
    return {
      name: "evaluation",
      types: ["model.version.registered"],
      handle: async ({ id, team, actor, payload }) => {
        const { registry, workflows } = this.#parts;
        const { model, version } = payload as { model: string; version: string };
        const policy = await registry.policy(model).catch((error: unknown) => {
          // Removed or renamed since: nobody waits for it.
          if (error instanceof AppError && error.code === "MODEL_NOT_FOUND") return null;
          throw error;
        });
        if (policy === null || policy.policy.evaluation.dataset === null) return;
        await workflows.start(evaluationWorkflowName, { input: { model, version } satisfies EvaluationRequest, idempotencyKey: id, team }, actor);
      },
    };
  }
}
