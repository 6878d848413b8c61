import { AppError } from "../core/errors.ts";
import type { ModelCatalog } from "../registry/index.ts";
import type { ArtifactStore, Experiment, LoggedModelStore, TrackingStore } from "../tracking/index.ts";
import { workflow, type StepContext, type WorkflowContext, type WorkflowDefinition } from "../workflows/index.ts";
import { deleteImported, importExperiment, type ImportBy } from "./experiment-importer.ts";
import type { ImportSource, SourceExperiment } from "./import-source.ts";
import { ImportTally, type StepTally } from "./import-tally.ts";
import { importLoggedModel } from "./logged-model-importer.ts";
import { ModelImporter } from "./model-importer.ts";
import { importRun } from "./run-importer.ts";
import { ImportRequest, type ImportReport } from "./schemas.ts";
import { storableSource } from "./storable-source.ts";

export const importWorkflowName = "import";
/** A page is what is read again when the server was killed within it. */
const pageSize = 50;
const hourMs = 3_600_000;

export interface ImportParts {
  store: TrackingStore;
  loggedModels: LoggedModelStore;
  artifacts: ArtifactStore;
  catalog: ModelCatalog;
  /** Throws IMPORT_SOURCE_INVALID. */
  openSource(request: ImportRequest): Promise<ImportSource>;
  /** Who started the run. */
  ownerOf(run: string): Promise<string>;
}

interface Look extends StepTally {
  experiments: SourceExperiment[];
  models: string[];
  actor: string;
}

/** What is at hand within one step. */
interface StepWork {
  source: ImportSource;
  tally: ImportTally;
  signal: AbortSignal;
}

/**
 * Brings experiments, runs, artifacts and registered models of another store over. Each experiment, page of runs and version of a
 * model is a step: a server that was killed goes on with the page that it was at, and what that page had brought is found, not doubled.
 */
export function importWorkflow(parts: ImportParts): WorkflowDefinition {
  return workflow<ImportRequest, ImportReport>({
    name: importWorkflowName,
    version: 1,
    description: "Bring the experiments, runs and models of an MLflow store, or the offline runs of W&B, over",
    input: ImportRequest,
    starter: "admin",
    concurrency: { limit: 1 },
    timeoutMs: 30 * 24 * hourMs,
    run: (context, request) => new ImportRun(parts, context, request).run(),
  }) as WorkflowDefinition;
}

class ImportRun {
  readonly #parts: ImportParts;
  readonly #context: WorkflowContext;
  readonly #request: ImportRequest;
  readonly #total = new ImportTally();

  constructor(parts: ImportParts, context: WorkflowContext, request: ImportRequest) {
    this.#parts = parts;
    this.#context = context;
    this.#request = request;
  }

  async run(): Promise<ImportReport> {
    const look = await this.#step<Look>("look", async ({ source, tally }) => {
      const all = await source.experiments();
      const wanted = this.#request.experiments;
      for (const name of wanted ?? []) if (!all.some((experiment) => experiment.name === name)) tally.note(`experiment ${name}`, "There is none of this name in the source.");
      // Some experiments alone are no reason to take the whole registry.
      const models = wanted === undefined ? await source.modelNames() : [];
      for (const what of await source.cannotCome()) tally.note("source", what);
      return { experiments: wanted === undefined ? all : all.filter(({ name }) => wanted.includes(name)), models, actor: await this.#parts.ownerOf(this.#context.runId) };
    });
    const by: ImportBy = { actor: look.actor, team: this.#request.team, now: this.#context.startedAt };
    const parts = look.experiments.length + look.models.length;
    let done = 0;
    for (const experiment of look.experiments) await this.#experiment(experiment, by, done++ / parts);
    for (const model of look.models) await this.#model(model, by, done++ / parts);
    return this.#total.toReport(this.#request.dryRun);
  }

  async #experiment(from: SourceExperiment, by: ImportBy, share: number): Promise<void> {
    const { store, artifacts, loggedModels } = this.#parts;
    const { dryRun } = this.#request;
    const label = labelOf("experiment", `${from.id} ${from.name}`);
    const { target } = await this.#step<{ target: { experiment: Experiment; isNew: boolean } | null }>(label, async ({ tally }, step) => {
      step.progress(share, `experiment ${from.name}`);
      if (dryRun) {
        tally.count((await store.findExperimentByName(from.name)) === null ? "experiments" : "experiments there already");
        return { target: null };
      }
      const experiment = await importExperiment(store, from, by, tally);
      return { target: experiment === null ? null : { experiment, isNew: experiment.createdAt === from.createdAt || experiment.createdAt === by.now } };
    });
    if (target === null && !dryRun) return;
    const deletedRuns: string[] = [];
    await this.#pages<{ deleted: string[] }>(`${label}: runs`, async (work, after) => {
      const page = await work.source.runs(from, after, pageSize);
      const deleted: string[] = [];
      for (const run of page.items) {
        work.signal.throwIfAborted();
        if (target === null) work.tally.count((await store.findRun(run.id)) === null ? "runs" : "runs there already");
        else if (await importRun({ store, artifacts, by, ...work }, target.experiment, from, run)) deleted.push(run.id);
      }
      return { deleted, next: page.next };
    }, ({ deleted }) => deletedRuns.push(...deleted));
    await this.#pages(`${label}: logged models`, async (work, after) => {
      const page = await work.source.loggedModels(from, after, pageSize);
      for (const model of page.items) {
        work.signal.throwIfAborted();
        if (target === null) work.tally.count((await loggedModels.experimentOfLoggedModel(model.id)) === null ? "logged models" : "logged models there already");
        else await importLoggedModel({ store, models: loggedModels, artifacts, by, ...work }, target.experiment, from, model);
      }
      return { next: page.next };
    });
    if (target === null || (deletedRuns.length === 0 && from.lifecycle === "active")) return;
    await this.#step(`${label}: deleted`, async () => {
      await deleteImported(store, { experiment: target.experiment.id, lifecycle: from.lifecycle, deletedRuns, isNew: target.isNew }, by);
      return {};
    });
  }

  async #model(name: string, by: ImportBy, share: number): Promise<void> {
    const { catalog } = this.#parts;
    const { dryRun } = this.#request;
    const label = labelOf("model", name);
    const { versions } = await this.#step<{ versions: number[] }>(label, async ({ source, tally }, step) => {
      step.progress(share, `model ${name}`);
      const model = await source.model(name);
      if (dryRun) {
        tally.count("registered models");
        tally.count("model versions", model.versions.length);
        return { versions: [] };
      }
      const comes = await new ModelImporter({ catalog, by, tally }).model(model);
      return { versions: comes ? model.versions.map(({ version }) => version) : [] };
    });
    for (const number of versions) {
      await this.#step(`${label}: version ${number}`, async ({ source, tally }) => {
        const model = await source.model(name);
        const version = model.versions.find((each) => each.version === number);
        if (version !== undefined) await new ModelImporter({ catalog, by, tally }).version(model, version);
        return {};
      });
    }
    if (versions.length === 0) return;
    await this.#step(`${label}: aliases`, async ({ source, tally }) => {
      await new ModelImporter({ catalog, by, tally }).aliases(await source.model(name));
      return {};
    });
  }

  async #pages<Extra extends object = object>(
    label: string, work: (work: StepWork, after: string | null) => Promise<Extra & { next: string | null }>, each: (page: Extra) => void = () => undefined,
  ): Promise<void> {
    let after: string | null = null;
    for (let page = 1; page === 1 || after !== null; page++) {
      const from: string | null = after;
      const answer: Extra & { next: string | null } = await this.#step<Extra & { next: string | null }>(`${label} ${page}`, (parts) => work(parts, from));
      each(answer);
      after = answer.next;
    }
  }

  /** Runs with the source open; what it counts and notes goes into the journal and into the total. */
  async #step<Result extends object>(name: string, work: (work: StepWork, step: StepContext) => Promise<Omit<Result, keyof StepTally>>): Promise<Result> {
    const result = await this.#context.step(name, async (step) => {
      const tally = new ImportTally();
      const source = storableSource(await this.#parts.openSource(this.#request), tally);
      try {
        const answer = await work({ source, tally, signal: step.signal }, step);
        return { ...answer, tally: tally.toStep() };
      } finally {
        await source.close();
      }
    }, { timeoutMs: 24 * hourMs, retry: { maxAttempts: 4, initialDelayMs: 500, maxDelayMs: 30_000 } });
    this.#total.add(result.tally);
    return result as unknown as Result;
  }
}

/** Names of steps are unique within a run: what is long is cut, and what is cut keeps its hash of a kind. */
function labelOf(kind: string, name: string): string {
  if (name.length <= 80) return `${kind} ${name}`;
  let sum = 0;
  for (const character of name) sum = (sum * 31 + character.codePointAt(0)!) % 2 ** 32;
  return `${kind} ${name.slice(0, 70)} ${sum.toString(16)}`;
}

/** The report of an import that has ended. Throws RUN_STATE_CONFLICT before. */
export function reportOf(run: { id: string; workflow: string; state: string; output: unknown }): ImportReport {
  if (run.workflow !== importWorkflowName) throw new AppError("RUN_NOT_FOUND", `The workflow run ${run.id} is no import.`);
  if (run.state !== "succeeded") throw new AppError("RUN_STATE_CONFLICT", `The import ${run.id} is ${run.state}: it has a report when it has succeeded.`);
  return run.output as ImportReport;
}
