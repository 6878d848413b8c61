import { readFile, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { AnswerMemory } from "../../core/answer-memory.ts";
import { AppError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { Artifact, BlobStore, Contract, PythonFacts, Signature } from "../../registry/index.ts";
import type { ModelRunner, ModelRuntime } from "../../serving/versions/model-runtime.ts";
import { ChildRunner } from "../runner/child-runner.ts";
import { readMlmodel, type Mlmodel } from "./mlmodel-file.ts";
import { makeModelPlan } from "./model-plan.ts";
import type { PythonEnvironment, PythonEnvironments } from "./python-environments.ts";
import { PythonRunner } from "./python-runner.ts";
import { parseRequirements } from "./requirements.ts";
import { RunnerFolder } from "./runner-folder.ts";

export interface PythonRuntimeOptions {
  blobs: BlobStore;
  environments: PythonEnvironments;
  /** Folder for the files of runners, of this server alone: what is there when it opens was left by one that was killed. */
  directory: string;
  /** What programs need to run, such as PATH and LANG; no secrets. */
  environment: Readonly<Record<string, string>>;
  /** User of the processes where the server is root; `null` keeps root. Where it is not required, a user who may not read the environment is passed over. */
  user: { name: string | null; required: boolean };
  /** Most that a process may take, in bytes; null leaves it to the machine. */
  memoryBytes: number | null;
  /** Threads of one model; 0 lets the libraries choose. */
  intraOpThreads: number;
  logger: Logger;
  /** From the start of a process until its model is loaded: 180,000 ms by default, since large libraries are slow to import. */
  startTimeoutMs?: number;
  closeGraceMs?: number;
  /** Where large answers of versions count; see `ChildRunnerOptions`. */
  answers?: AnswerMemory;
}

/** Of one process that is to be started. */
export interface PythonStart {
  files: readonly Artifact[];
  python: PythonFacts;
  signature: Pick<Signature, "inputs" | "outputs">;
  logFields: Readonly<Record<string, unknown>>;
  /** Of a version that answers callers, who release what they get. */
  answers?: AnswerMemory | undefined;
  /** For an inspection: a run without inputs answers with facts of the model. */
  inspect?: boolean;
  /** The process converts its model and does nothing else; these packages come to the model's own. */
  exportWith?: readonly string[];
  /** Told what is going on while the environment is built. */
  progress?: (note: string) => void;
}

/** The largest file that a model may write, in its working folder or elsewhere. */
const fileBytes = 1024 ** 3;

/** Runs models of Python, each in a process of its own, in an environment made of its requirements. */
export class PythonRuntime implements ModelRuntime {
  readonly kind = "python";
  readonly #options: PythonRuntimeOptions;
  /** Environments that were prepared, by what was asked for. */
  readonly #prepared = new Map<string, Promise<PythonEnvironment>>();
  readonly #running = new Map<string, number>();

  private constructor(options: PythonRuntimeOptions) {
    this.#options = options;
  }

  static async open(options: PythonRuntimeOptions): Promise<PythonRuntime> {
    await rm(options.directory, { recursive: true, force: true });
    return new PythonRuntime(options);
  }

  /** Digests of the environments in which runners of this server live. */
  get environmentsInUse(): ReadonlySet<string> {
    return new Set(this.#running.keys());
  }

  /** Rejects with PYTHON_MISSING, ENVIRONMENT_FAILED and, for everything else, VERSION_FAILED. The placement is always a process. */
  async start(_path: string, contract: Contract): Promise<ModelRunner> {
    const { python, artifacts } = contract.runtime;
    if (python === undefined) throw new AppError("VERSION_FAILED", "The version does not say how Python loads it.");
    return this.startProcess({ files: artifacts, python, signature: contract.signature, logFields: { model: contract.model, version: contract.version }, answers: this.#options.answers });
  }

  /** A model of Python is never in the server's process. */
  inlineAllowed(): Promise<boolean> {
    return Promise.resolve(false);
  }

  /** What `start` does, also for a model that is no version yet. */
  async startProcess(wanted: PythonStart): Promise<ModelRunner> {
    const { logger } = this.#options;
    const startedAt = performance.now();
    let folder: RunnerFolder | undefined;
    try {
      const environment = await this.#environment(wanted);
      const dropsRights = this.#dropsRights();
      folder = await RunnerFolder.make(this.#options.directory, wanted.files, this.#options.blobs, dropsRights);
      const child = await this.#startChild(wanted, environment, folder);
      const { digest } = environment;
      this.#count(digest, 1);
      const runner = new PythonRunner(child, folder, () => this.#count(digest, -1));
      logger.info("runner.started", {
        ...wanted.logFields, placement: "runner", processId: runner.processId, python: environment.pythonVersion,
        environment: digest ?? "own packages", notes: environment.notes, startMs: Math.round(performance.now() - startedAt),
      });
      return runner;
    } catch (error) {
      await folder?.remove();
      if (error instanceof AppError && ["VERSION_FAILED", "EXPORT_FAILED", "PYTHON_MISSING", "ENVIRONMENT_FAILED"].includes(error.code)) throw error;
      const reason = error instanceof AppError ? error.message : "its runner could not be started.";
      throw new AppError("VERSION_FAILED", `The version cannot be loaded: ${reason}`, { cause: error });
    }
  }

  /** The environment of a model, built where it is not there yet. Throws PYTHON_MISSING, ENVIRONMENT_FAILED, MODEL_FILE_INVALID. */
  async #environment({ python, exportWith = [], progress }: PythonStart): Promise<PythonEnvironment> {
    const key = [python.requirements, python.pythonVersion, ...exportWith].join(" ");
    let prepared = this.#prepared.get(key);
    if (prepared === undefined) {
      prepared = this.#prepare(python, exportWith, progress);
      this.#prepared.set(key, prepared);
      // The next start tries again; and a kept environment may be removed when nothing runs in it.
      const forget = (): void => void this.#prepared.delete(key);
      prepared.then(({ digest }) => digest !== null && forget(), forget);
    }
    return prepared;
  }

  async #prepare({ requirements, pythonVersion }: PythonFacts, further: readonly string[], progress?: (note: string) => void): Promise<PythonEnvironment> {
    const { blobs, environments } = this.#options;
    const text = requirements === null ? "" : await readFile(await blobs.verifiedPath(requirements), "utf8");
    // The model's own word on a package counts where the converter needs it too.
    const own = parseRequirements(text).packages;
    const added = further.filter((wanted) => !own.some((line) => packageName(line) === packageName(wanted)));
    return environments.prepare([...own, ...added].sort(), pythonVersion, progress);
  }

  async #startChild(wanted: PythonStart, environment: PythonEnvironment, folder: RunnerFolder): Promise<ChildRunner> {
    const { logger, user, memoryBytes, startTimeoutMs = 180_000, closeGraceMs } = this.#options;
    const mlmodel = await readModelFile(wanted, this.#options.blobs);
    const script = fileURLToPath(new URL("./runner/runner.py", import.meta.url));
    return ChildRunner.start({
      answers: wanted.answers,
      command: {
        executable: environment.executable,
        arguments: ["-I", "-S", "-B", "-u", "-X", "faulthandler", script],
        environment: this.#processEnvironment(folder.work),
      },
      path: folder.model,
      settings: {
        model: { ...makeModelPlan(wanted.python.entry, mlmodel, wanted.signature), ...(wanted.exportWith !== undefined && { signature: wanted.signature }) },
        modules: mlmodel?.codePath === null || mlmodel === null ? [] : [`${folder.model}/${mlmodel.codePath}`],
        workingFolder: folder.work,
        readable: environment.readable,
        limits: { user: user.name, userRequired: user.required, fileBytes, memoryBytes },
        inspect: wanted.inspect === true,
        export: wanted.exportWith !== undefined,
      },
      logger,
      logFields: wanted.logFields,
      startTimeoutMs,
      ...(closeGraceMs !== undefined && { closeGraceMs }),
    });
  }

  /** Libraries write caches where their variables or the home lead them: into the runner's own folder. */
  #processEnvironment(work: string): Record<string, string> {
    const { environment, intraOpThreads } = this.#options;
    const threads = intraOpThreads === 0 ? [] : ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"].map((name) => [name, String(intraOpThreads)]);
    return {
      ...environment,
      HOME: work, TMPDIR: work, XDG_CACHE_HOME: work, MPLCONFIGDIR: work, NUMBA_CACHE_DIR: work, HF_HOME: work, TORCH_HOME: work,
      // No model asks anything of the network because it was loaded.
      HF_HUB_OFFLINE: "1", TRANSFORMERS_OFFLINE: "1", MLFLOW_DISABLE_TELEMETRY: "true", DO_NOT_TRACK: "1",
      MLFLOW_TRACKING_URI: `file://${work}/none`,
      ...Object.fromEntries(threads),
    };
  }

  #dropsRights(): boolean {
    return this.#options.user.name !== null && process.getuid?.() === 0;
  }

  #count(digest: string | null, change: number): void {
    if (digest === null) return;
    const left = (this.#running.get(digest) ?? 0) + change;
    if (left > 0) this.#running.set(digest, left);
    else this.#running.delete(digest);
  }
}

/** As the index compares names: `scikit_learn[x]>=1` is `scikit-learn`. */
function packageName(requirement: string): string {
  return /^[A-Za-z0-9._-]+/.exec(requirement)![0].toLowerCase().replaceAll(/[._-]+/g, "-");
}

async function readModelFile({ python, files }: PythonStart, blobs: BlobStore): Promise<Mlmodel | null> {
  if (python.entry !== "MLmodel") return null;
  const file = files.find(({ path }) => path === "MLmodel");
  if (file === undefined) throw new AppError("VERSION_FAILED", "The version has no file MLmodel.");
  return readMlmodel(await readFile(await blobs.verifiedPath(file.digest)));
}
