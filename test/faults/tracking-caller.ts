import assert from "node:assert/strict";
import { MlflowWire, type WireOutcome } from "../kit/mlflow-wire.ts";
import type { SeededRandom } from "../kit/seeded-random.ts";
import { contentOf, shared, type WireRun } from "./tracking-world.ts";
import type { PlannedWrite, WriteLedger } from "./write-ledger.ts";

export interface KnownRun {
  /** The tag `born` of the run, which all facts about it begin with. */
  label: number;
  id: string;
  experiment: string;
}

/** What was acknowledged and can be written to; all callers share it. */
export class KnownObjects {
  readonly experiments: string[] = [];
  readonly runs: KnownRun[] = [];
  readonly models: string[] = [];
  readonly loggedModels: { label: number; id: string }[] = [];
  readonly artifacts: string[] = [];
  /** A run names a model once. */
  readonly outputs = new Set<string>();
}

/** Somebody who asks no more: the server is gone. */
class Silence extends Error {}

const keysOfMetrics = ["loss", "accuracy"];
const statuses = ["RUNNING", "FINISHED", "FAILED", "KILLED"];
const mostRuns = 40;

/** One caller that writes one thing after the other, as its randomness says, until nobody answers. */
export class TrackingCaller {
  readonly #random: SeededRandom;
  readonly #ledger: WriteLedger;
  readonly #known: KnownObjects;
  /** Versions that this caller made and pointed no alias at: each is the value of one write at most. */
  readonly #fresh: { model: string; version: string; label: number }[] = [];
  /** A run to which nobody else logs. */
  #own: KnownRun | undefined;
  #wire: MlflowWire | undefined;

  constructor(random: SeededRandom, ledger: WriteLedger, known: KnownObjects) {
    this.#random = random;
    this.#ledger = ledger;
    this.#known = known;
  }

  /** Fails when anything is refused: nothing that is asked for here may be. */
  async work(url: string): Promise<void> {
    this.#wire = new MlflowWire(url);
    try {
      for (;;) await this.#step();
    } catch (error) {
      if (!(error instanceof Silence)) throw error;
    }
  }

  async #step(): Promise<void> {
    const { experiments, runs, models, loggedModels } = this.#known;
    if (experiments.length === 0) return this.#createExperiment();
    if (runs.length < 2 || this.#own === undefined) return this.#createRun(this.#own === undefined);
    const run = this.#random.pick(runs);
    const draws: [number, () => Promise<void>][] = [
      [1, () => this.#createExperiment()], [runs.length < mostRuns ? 4 : 0, () => this.#createRun(false)], [2, () => this.#deleteOwn()],
      [12, () => this.#logMetric(run)], [8, () => this.#logParam(run)], [8, () => this.#setTag(run)], [12, () => this.#logBatch(run)], [5, () => this.#update(run)],
      [4, () => this.#logInputs(run)], [4, () => this.#logModel(this.#own!)], [3, () => this.#createLoggedModel()], [loggedModels.length > 0 ? 3 : 0, () => this.#logOutput(run)],
      [3, () => this.#tagExperiment()], [models.length < 6 ? 3 : 0, () => this.#createModel()], [models.length > 0 ? 6 : 0, () => this.#createVersion()],
      [this.#fresh.length > 0 ? 6 : 0, () => this.#setAlias()], [models.length > 0 ? 3 : 0, () => this.#describeModel()], [10, () => this.#putArtifact(run)], [4, () => this.#readRun(run)],
    ];
    let place = this.#random.next() * draws.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, draw] of draws) {
      place -= weight;
      if (place < 0) return draw();
    }
  }

  async #write(planned: PlannedWrite, send: (wire: MlflowWire) => Promise<WireOutcome>): Promise<Record<string, unknown>> {
    const entry = this.#ledger.begin(planned);
    const outcome = await send(this.#wire!);
    if (outcome.kind === "unknown") throw new Silence();
    assert.equal(outcome.kind, "done", `${JSON.stringify(outcome)} for ${JSON.stringify(planned)}`);
    this.#ledger.acknowledge(entry);
    return (outcome as { body: Record<string, unknown> }).body;
  }

  #post(planned: PlannedWrite, path: string, fields: object): Promise<Record<string, unknown>> {
    return this.#write(planned, (wire) => wire.send("POST", path, fields));
  }

  async #createExperiment(): Promise<void> {
    const name = `experiment-${this.#ledger.nextNumber()}`;
    const tags = [{ key: "of", value: name }];
    const { experiment_id: id } = await this.#post({ facts: [`experiment ${name}`, `experiment ${name} tag of=${name}`] }, "experiments/create", { name, tags });
    this.#known.experiments.push(String(id));
  }

  async #createRun(own: boolean): Promise<void> {
    const label = this.#ledger.nextNumber();
    const tags = ["born", "twin"].map((key) => ({ key, value: String(label) }));
    const experiment = this.#random.pick(this.#known.experiments);
    const body = await this.#post({ facts: tags.map(({ key, value }) => `run ${label} tag ${key}=${value}`) }, "runs/create", { experiment_id: experiment, run_name: "unnamed", tags });
    const { info } = body["run"] as { info: { run_id: string } };
    const run = { label, id: info.run_id, experiment };
    if (own) this.#own = run;
    else this.#known.runs.push(run);
  }

  async #deleteOwn(): Promise<void> {
    const { label, id } = this.#own!;
    this.#own = undefined;
    await this.#post({ facts: [`run ${label} deleted`] }, "runs/delete", { run_id: id });
  }

  #metric({ label }: KnownRun): { fact: string; fields: { key: string; value: number; timestamp: number; step: number } } {
    const key = this.#random.pick(keysOfMetrics);
    // Steps come in no order, so that the latest value is seldom the last one; the value tells the points apart.
    const fields = { key, value: this.#ledger.nextNumber(), timestamp: 1_700_000_000_000 + this.#random.integer(0, 1000), step: this.#random.integer(0, 200) };
    return { fact: `run ${label} metric ${key} ${fields.step} ${fields.timestamp} ${fields.value}`, fields };
  }

  async #logMetric(run: KnownRun): Promise<void> {
    const { fact, fields } = this.#metric(run);
    await this.#post({ facts: [fact] }, "runs/log-metric", { run_id: run.id, ...fields });
  }

  #pair(kind: "param" | "tag", { label }: KnownRun): { fact: string; pair: { key: string; value: string } } {
    const number = this.#ledger.nextNumber();
    const pair = { key: `${kind}-${number}`, value: `value ${number}` };
    return { fact: `run ${label} ${kind} ${pair.key}=${pair.value}`, pair };
  }

  async #logParam(run: KnownRun): Promise<void> {
    const { fact, pair } = this.#pair("param", run);
    await this.#post({ facts: [fact] }, "runs/log-parameter", { run_id: run.id, ...pair });
  }

  async #setTag(run: KnownRun): Promise<void> {
    const key = this.#random.pick(shared);
    const value = this.#ledger.nextNumber();
    await this.#post({ registers: [{ register: `run ${run.label} tag ${key}`, value }] }, "runs/set-tag", { run_id: run.id, key, value: String(value) });
  }

  async #logBatch(run: KnownRun): Promise<void> {
    const metrics = Array.from({ length: this.#random.integer(0, 40) }, () => this.#metric(run));
    const params = Array.from({ length: this.#random.integer(0, 4) }, () => this.#pair("param", run));
    const tags = Array.from({ length: this.#random.integer(1, 4) }, () => this.#pair("tag", run));
    const key = this.#random.pick(shared);
    const value = this.#ledger.nextNumber();
    await this.#post(
      { facts: [...metrics, ...params, ...tags].map(({ fact }) => fact), registers: [{ register: `run ${run.label} tag ${key}`, value }] }, "runs/log-batch",
      { run_id: run.id, metrics: metrics.map(({ fields }) => fields), params: params.map(({ pair }) => pair), tags: [...tags.map(({ pair }) => pair), { key, value: String(value) }] },
    );
  }

  /** Its name and its end say the same number. */
  async #update({ label, id }: KnownRun): Promise<void> {
    const value = this.#ledger.nextNumber();
    const fields = { run_id: id, run_name: `named-${value}`, end_time: value, status: this.#random.pick(statuses) };
    await this.#post({ registers: [{ register: `run ${label} end`, value }, { register: `run ${label} name`, value }] }, "runs/update", fields);
  }

  async #logInputs({ label, id }: KnownRun): Promise<void> {
    const names = Array.from({ length: this.#random.integer(1, 3) }, () => `data-${this.#ledger.nextNumber()}`);
    const datasets = names.map((name) => ({ tags: [{ key: "mlflow.data.context", value: name }], dataset: { name, digest: `of-${name}`, source_type: "local", source: name } }));
    await this.#post({ facts: names.map((name) => `run ${label} dataset ${name} of-${name} ${name}`) }, "runs/log-inputs", { run_id: id, datasets });
  }

  /** Each adds to one list: only one caller at a time may. */
  async #logModel({ label, id }: KnownRun): Promise<void> {
    const number = this.#ledger.nextNumber();
    const model = { artifact_path: `model-${number}`, flavors: {}, utc_time_created: "2026-01-01 00:00:00", run_id: id };
    await this.#post({ facts: [`run ${label} model model-${number}`] }, "runs/log-model", { run_id: id, model_json: JSON.stringify(model) });
  }

  async #createLoggedModel(): Promise<void> {
    const label = this.#ledger.nextNumber();
    const params = [1, 2].map((index) => ({ key: `p${index}`, value: String(label) }));
    const tags = [{ key: "born", value: String(label) }];
    const fields = { experiment_id: this.#random.pick(this.#known.experiments), name: `logged-${label}`, params, tags };
    const body = await this.#post({ facts: ["p1", "p2", "born"].map((key) => `logged ${label} ${key}`) }, "logged-models", fields);
    const { info } = body["model"] as { info: { model_id: string } };
    this.#known.loggedModels.push({ label, id: info.model_id });
    await this.#write({ facts: [`logged ${label} ready`] }, (wire) => wire.send("PATCH", `logged-models/${info.model_id}`, { status: "LOGGED_MODEL_READY" }));
  }

  async #logOutput({ label, id }: KnownRun): Promise<void> {
    const model = this.#random.pick(this.#known.loggedModels);
    const step = this.#ledger.nextNumber();
    const fact = `run ${label} output ${model.label}`;
    if (this.#known.outputs.has(fact)) return;
    this.#known.outputs.add(fact);
    await this.#post({ facts: [fact] }, "runs/outputs", { run_id: id, models: [{ model_id: model.id, step }] });
  }

  async #tagExperiment(): Promise<void> {
    const experiment = this.#random.pick(this.#known.experiments);
    const value = this.#ledger.nextNumber();
    await this.#post({ registers: [{ register: `experiment ${experiment} tag a`, value }] }, "experiments/set-experiment-tag", { experiment_id: experiment, key: "a", value: String(value) });
  }

  async #createModel(): Promise<void> {
    const name = `model-${this.#ledger.nextNumber()}`;
    const tags = [{ key: "of", value: name }];
    await this.#post({ facts: [`model ${name}`, `model ${name} tag of=${name}`] }, "registered-models/create", { name, tags });
    this.#known.models.push(name);
  }

  async #createVersion(): Promise<void> {
    const model = this.#random.pick(this.#known.models);
    const label = this.#ledger.nextNumber();
    const fields = { name: model, source: `s3://bucket/${label}`, tags: [{ key: "of", value: String(label) }] };
    const body = await this.#post({ facts: [`version ${label} of ${model}`, `version ${label} tagged`] }, "model-versions/create", fields);
    const { version } = body["model_version"] as { version: string };
    // What was answered, as a fact of its own: the number stays this version's.
    this.#ledger.acknowledge(this.#ledger.begin({ facts: [`version ${label} is ${model} ${version}`] }));
    this.#fresh.push({ model, version, label });
  }

  async #setAlias(): Promise<void> {
    const { model, version, label } = this.#fresh.pop()!;
    const alias = this.#random.pick(shared);
    await this.#post({ registers: [{ register: `model ${model} alias ${alias}`, value: label }] }, "registered-models/alias", { name: model, alias, version });
  }

  async #describeModel(): Promise<void> {
    const name = this.#random.pick(this.#known.models);
    const value = this.#ledger.nextNumber();
    await this.#write({ registers: [{ register: `model ${name} description`, value }] }, (wire) => wire.send("PATCH", "registered-models/update", { name, description: String(value) }));
  }

  async #putArtifact({ id, experiment }: KnownRun): Promise<void> {
    const value = this.#ledger.nextNumber();
    const again = this.#known.artifacts.length > 0 && this.#random.integer(0, 2) === 0;
    const path = again ? this.#random.pick(this.#known.artifacts) : `${experiment}/${id}/artifacts/folder/file-${value}`;
    await this.#write({ registers: [{ register: `file ${path}`, value }] }, (wire) => wire.put(path, contentOf(value)));
    if (!again) this.#known.artifacts.push(path);
  }

  /** Reads come between the writes: what one of them saw holds for those that come later. */
  async #readRun({ label, id }: KnownRun): Promise<void> {
    await this.#ledger.read(async () => {
      const body = await this.#wire!.get("runs/get", { run_id: id }).catch(() => { throw new Silence(); });
      const tags = new Map((body["run"] as WireRun).data.tags.map(({ key, value }) => [key, Number(value)]));
      return new Map(shared.map((key) => [`run ${label} tag ${key}`, tags.get(key) ?? null]));
    });
  }
}
