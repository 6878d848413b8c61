import type { Caller } from "../core/caller.ts";
import { epochMs, systemClock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { EventBus } from "../core/events.ts";
import { TimeOrderedIds } from "../core/ids.ts";
import { silentLogger } from "../core/logger.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Span } from "../tracing/index.ts";
import { Policy, type ModelVersion, type PolicyRevision, type RegistryService, type Signature } from "../registry/index.ts";
import type { ModelRunner, ModelRuntime, RunResult } from "./versions/model-runtime.ts";
import type { CallConnection, InferenceResult, SpanAround } from "./open-inference/inference-service.ts";
import type { PredictionEntry } from "./predictions/prediction-log.ts";
import { PredictionTracing } from "./predictions/prediction-tracing.ts";
import type { ServingSample } from "./serving-observer.ts";
import { ServingService } from "./serving-service.ts";
import type { ArmSample, PairedSample } from "./traffic/traffic-observer.ts";

/** How versions are good or bad: `x` in, `y` out, which is x times the version's number for good ones. */
export type Behaviour = "good" | "throws" | "hangs" | "not a number" | "wrong shape" | "another name" | "dies" | "cannot load" | "refuses";

const signature: Signature = {
  inputs: [{ name: "x", datatype: "FP32", shape: [-1, 1], missingAllowed: false }], outputs: [{ name: "y", datatype: "FP32", shape: [-1, 1], missingAllowed: false }], batchable: true,
};

function answerOf(behaviour: Behaviour, factor: number, { data }: Tensor): Tensor[] {
  const values = Float32Array.from(data as Float32Array, (value) => value * factor);
  if (behaviour === "not a number") values.fill(NaN);
  if (behaviour === "wrong shape") return [{ name: "y", datatype: "FP32", shape: [values.length, 2], data: new Float32Array(values.length * 2) }];
  return [{ name: behaviour === "another name" ? "z" : "y", datatype: "FP32", shape: [values.length, 1], data: values }];
}

class ScriptedRunner implements ModelRunner {
  readonly executionProvider = "cpu";
  readonly processId = undefined;
  readonly placement: "inline" | "runner";
  readonly #behaviour: () => Behaviour;
  readonly #factor: number;
  readonly #pending = new Set<(error: Error) => void>();
  #exit: ((reason: string) => void) | undefined;

  constructor(placement: "inline" | "runner", factor: number, behaviour: () => Behaviour) {
    this.placement = placement;
    this.#factor = factor;
    this.#behaviour = behaviour;
  }

  run(inputs: readonly Tensor[]): Promise<RunResult> {
    const behaviour = this.#behaviour();
    if (behaviour === "throws") return Promise.reject(new AppError("OUTPUT_INVALID", "It threw."));
    if (behaviour === "refuses") return Promise.reject(new AppError("MODEL_RUN_FAILED", "It refuses these values."));
    if (behaviour === "hangs") return new Promise((_, reject) => this.#pending.add(reject));
    if (behaviour === "dies") {
      this.#exit?.("it died");
      return Promise.reject(new AppError("RUNNER_CRASHED", "It died."));
    }
    return new Promise((resolve) => setImmediate(() => resolve({ outputs: answerOf(behaviour, this.#factor, inputs[0]!), runUs: 10 })));
  }

  onExit(listener: (reason: string) => void): void {
    this.#exit = listener;
  }

  kill(reason: string): void {
    this.#exit?.(reason);
    for (const reject of this.#pending) reject(new AppError("RUNNER_CRASHED", reason));
    this.#pending.clear();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Serving of models whose registry, runners, log and observers are in memory. Versions are loaded good; what they are from then on is `behave`d. */
export class ServingBench {
  readonly behaviours = new Map<string, Behaviour>();
  readonly started: string[] = [];
  readonly closedVersions: string[] = [];
  readonly entries: PredictionEntry[] = [];
  readonly answered: ArmSample[] = [];
  readonly paired: PairedSample[] = [];
  readonly observed: ServingSample[] = [];
  /** With the team that each was emitted for. */
  readonly spans: (Span & { team: string })[] = [];
  /** Models that are to be followed again. */
  readonly changed: string[] = [];
  /** Called when the registry has an answer, or has written, before it tells it: for one that is late or away. */
  beforeAnswer: (what: string, model: string) => Promise<void> | void = () => undefined;
  skipped = 0;
  inlineAllowed = false;
  readonly serving: ServingService;
  readonly #models = new Map<string, { champion: string; versions: string[]; policy: Policy }>();

  /** `given` runs the files at `pathOf` of `MODEL/VERSION`, in the place of versions that are scripted; `share` of the predictions without a caller's trace get one. */
  constructor(given?: { runtime: ModelRuntime; pathOf: (version: string) => string }, share = 0) {
    const events = new EventBus();
    events.on("version.state", ({ model, version, state }) => {
      if (state === "unloaded") this.closedVersions.push(`${model}/${version}`);
    });
    events.on("model.changed", ({ model }) => void this.changed.push(model));
    const runtime: ModelRuntime = {
      kind: "onnx",
      start: (path, _contract, placement) => {
        if (this.behaviours.get(path) === "cannot load") return Promise.reject(new AppError("VERSION_FAILED", "It cannot be loaded."));
        this.started.push(`${path} ${placement}`);
        return Promise.resolve(new ScriptedRunner(placement, Number(path.split("/")[1]), () => this.behaviours.get(path) ?? "good"));
      },
      inlineAllowed: () => Promise.resolve(this.inlineAllowed),
    };
    this.serving = new ServingService({
      registry: this.#registry(), runtime: given?.runtime ?? runtime, events, clock: systemClock, ids: new TimeOrderedIds(systemClock), logger: silentLogger, machine: "test",
      blobs: { verifiedPath: (digest: string) => Promise.resolve(given?.pathOf(digest) ?? digest) } as never,
      measurements: { read: () => Promise.resolve(null), write: () => Promise.resolve() } as never,
      log: { append: (entry: PredictionEntry) => Promise.resolve(void this.entries.push(entry)), list: () => Promise.resolve([]) } as never,
      observer: { answered: (sample) => void this.observed.push(sample), ran: () => undefined, refused: () => undefined, unlogged: () => undefined },
      tracing: new PredictionTracing({ sink: { emit: (team, made) => void this.spans.push(...(typeof made === "function" ? made() : [made]).map((span) => ({ ...span, team }))), passesOver: () => false }, clock: systemClock, share, teamOf: () => "owners" }),
      traffic: { answered: (sample) => void this.answered.push(sample), paired: (sample) => void this.paired.push(sample), shadowSkipped: () => void this.skipped++ },
    });
  }

  /** Versions 1 to `count`, of which the first is the champion and loaded. */
  async add(model: string, count: number, policy: object = {}): Promise<void> {
    this.write(model, count, policy);
    await this.serving.load(model, "1");
  }

  /** The same without loading anything: what another server does. */
  write(model: string, count: number, policy: object = {}): void {
    this.#models.set(model, { champion: "1", versions: Array.from({ length: count }, (_, index) => String(index + 1)), policy: Policy.parse(policy) });
  }

  remove(model: string): void {
    this.#models.delete(model);
  }

  async infer(model: string, values: readonly number[], more: { version?: string; key?: string; headers?: CallConnection["headers"]; deadlineMs?: number; within?: SpanAround; caller?: Caller } = {}): Promise<InferenceResult> {
    return this.serving.infer({
      model, version: more.version, id: null, inputs: [{ name: "x", datatype: "FP32", shape: [values.length, 1], data: Float32Array.from(values) }], outputs: undefined,
      deadlineMs: more.deadlineMs, connection: { signal: undefined, headers: more.headers ?? {}, ...(more.caller === undefined ? {} : { caller: more.caller }) }, routingKey: more.key, now: epochMs(1), door: "rest", within: more.within,
    });
  }

  /** Changes the policy past its checks. */
  async setPolicy(model: string, policy: object): Promise<void> {
    this.#models.get(model)!.policy = Policy.parse(policy);
    await this.serving.follow(model);
  }

  #registry(): RegistryService {
    const find = (name: string) => {
      const model = this.#models.get(name);
      if (model === undefined) throw new AppError("MODEL_NOT_FOUND", `There is no model ${name}.`);
      return model;
    };
    const version = (name: string, number: string): ModelVersion => {
      if (!find(name).versions.includes(number)) throw new AppError("VERSION_NOT_FOUND", `${name} has no version ${number}.`);
      return { model: name, version: number, contractDigest: `${name}/${number}`, contract: { signature, runtime: { kind: "onnx", artifacts: [{ digest: `${name}/${number}` }], notes: [] } } } as unknown as ModelVersion;
    };
    const registry = {
      listModels: async () => [...this.#models].map(([name, { champion }]) => ({ name, aliases: { champion } })),
      model: async (name: string) => ({ name, aliases: { champion: find(name).champion }, latestVersion: find(name).versions.at(-1)! }),
      version: async (name: string, number: string) => version(name, number),
      versions: async (name: string) => find(name).versions.map((number) => version(name, number)),
      policy: async (name: string) => ({ policy: find(name).policy }),
      setAlias: async (name: string, _alias: string, number: string) => void (find(name).champion = number),
      changePolicy: async (revision: PolicyRevision) => {
        find(revision.model).policy = revision.policy;
        return revision;
      },
    };
    const told = Object.entries(registry).map(([what, ask]) => [what, async (...given: never[]): Promise<unknown> => {
      const answer = await (ask as (...given: never[]) => Promise<unknown>)(...given);
      await this.beforeAnswer(what, String(given[0]));
      return answer;
    }]);
    return Object.fromEntries(told) as RegistryService;
  }
}
