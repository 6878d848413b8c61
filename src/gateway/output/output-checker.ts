import { Worker } from "node:worker_threads";
import { jsonDigest } from "../../core/canonical-json.ts";
import { AppError, type Problem } from "../../core/errors.ts";
import type { TurnedAway } from "../../core/turned-away.ts";
import { checkSchemaLimits, refused, type Schema } from "./schema-limits.ts";

// The same entry in the source tree and in the built package.
const entry = import.meta.url.endsWith(".ts") ? new URL("./output-checker-worker.ts", import.meta.url) : new URL("./output-checker-worker.js", import.meta.url);

export interface CheckOrder {
  digest: string;
  schema: Schema;
  /** JSON; null where only the schema is in question. */
  text: string | null;
}

export interface CheckAnswer {
  problems?: Problem[];
  /** The schema is none. */
  refusal?: string;
  failure?: string;
}

interface Job {
  order: CheckOrder;
  /** Its thread has ended once while it was checked. */
  again: boolean;
  resolve(answer: CheckAnswer): void;
  reject(error: AppError): void;
}

const longestOutput = 4_194_304;
const mostWaiting = 1000;
const mostSlow = 200;
/** So many times the limit is a check waited for on a machine that has no time for it. */
const mostRings = 10;

/**
 * Checks answers with their JSON Schema in a thread of its own, with a time of the processor for each: schemas come from callers, and a pattern or a reference in one can take exponential time. A schema that has once run out of its time
 * is refused from then on, and so is one whose check took all the memory of the thread; what waited behind it goes on in the next one. One check takes some 0.1 ms, the first one of a schema some 10 ms.
 */
export class OutputChecker {
  readonly #limitMs: number;
  readonly #processorMs: () => number;
  readonly #turnedAway: Pick<TurnedAway, "count"> | undefined;
  readonly #digests = new WeakMap<Schema, string>();
  readonly #slow = new Set<string>();
  readonly #jobs: Job[] = [];
  #worker: Worker | null = null;
  #isReady = false;
  #current: { job: Job; timer: NodeJS.Timeout; since: number; rings: number } | null = null;
  #isClosed = false;

  /** `processorMs`: what this process has had of the processor so far, in milliseconds. */
  constructor(limitMs = 1000, processorMs: () => number = usedProcessorMs, turnedAway?: Pick<TurnedAway, "count">) {
    this.#limitMs = limitMs;
    this.#processorMs = processorMs;
    this.#turnedAway = turnedAway;
  }

  /** Looks at a schema before anything is spent on it. Throws INVALID_REQUEST for one that is too large, none, points elsewhere or takes too long. */
  async accept(schema: Schema): Promise<void> {
    await this.#check(schema, null);
  }

  /** What is wrong with a JSON text that parses; nothing where it keeps to the schema. Throws INVALID_REQUEST as `accept` does, and STRUCTURED_OUTPUT_INVALID where the check takes too long. */
  async check(schema: Schema, text: string): Promise<readonly Problem[]> {
    if (text.length > longestOutput) return [{ path: "$", message: `must have at most ${longestOutput} characters` }];
    return this.#check(schema, text);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#failAll(new AppError("SHUTTING_DOWN", "The server is going down."));
    await this.#worker?.terminate();
  }

  async #check(schema: Schema, text: string | null): Promise<readonly Problem[]> {
    if (this.#isClosed) throw new AppError("SHUTTING_DOWN", "The server is going down.");
    let digest = this.#digests.get(schema);
    if (digest === undefined) {
      checkSchemaLimits(schema);
      this.#digests.set(schema, (digest = jsonDigest(schema)));
    }
    if (this.#slow.has(digest)) throw tooSlow();
    if (this.#jobs.length >= mostWaiting) {
      this.#turnedAway?.count("output checks");
      throw new AppError("GATEWAY_OVERLOADED", "Too many answers wait for their check already.", { retryAfterSeconds: 1 });
    }
    const { promise, resolve, reject } = Promise.withResolvers<CheckAnswer>();
    this.#jobs.push({ order: { digest, schema, text }, again: false, resolve, reject });
    this.#next();
    const answer = await promise;
    if (answer.refusal !== undefined) {
      const message = "It is not a JSON Schema of draft 2020-12 or draft-07.";
      throw new AppError("INVALID_REQUEST", `The schema of the answer cannot be used: ${message}`, { problems: [{ path: "schema", message }], cause: answer.refusal });
    }
    return answer.problems ?? [];
  }

  #next(): void {
    if (this.#current !== null) return;
    const worker = (this.#worker ??= this.#start());
    if (worker === null || !this.#isReady) return;
    const job = this.#jobs.shift();
    if (job === undefined) {
      worker.unref();
      return;
    }
    worker.ref();
    this.#current = { job, timer: setTimeout(() => this.#ring(worker), this.#limitMs), since: this.#processorMs(), rings: 1 };
    worker.postMessage(job.order);
  }

  /** Where other processes had the processor meanwhile, the thread cannot have had its time: the schema is not to blame. */
  #ring(worker: Worker): void {
    const current = this.#current;
    if (current === null) return;
    const leftMs = this.#limitMs - (this.#processorMs() - current.since);
    if (leftMs <= 0 || current.rings++ >= mostRings) return this.#giveUp(worker);
    current.timer = setTimeout(() => this.#ring(worker), Math.max(1, leftMs));
  }

  /** Ends the thread, which is the only way to stop what it does; what waits goes to the next one. */
  #giveUp(worker: Worker, cause?: unknown): void {
    const current = this.#current;
    if (current === null) return;
    clearTimeout(current.timer);
    this.#current = null;
    this.#forget(worker);
    void worker.terminate();
    const { digest, text } = current.job.order;
    const [oldest] = this.#slow;
    if (this.#slow.size >= mostSlow && oldest !== undefined) this.#slow.delete(oldest);
    this.#slow.add(digest);
    current.job.reject(text === null ? tooSlow() : new AppError("STRUCTURED_OUTPUT_INVALID", `The answer could not be checked with its schema in ${cause === undefined ? "time" : "the memory that there is for it"}.`, { cause }));
    if (this.#jobs.length > 0) this.#next();
  }

  /**
   * After a thread that ended by itself. Who used up its memory would use up the next one's. Any other end may have been nobody's fault: what was checked then, or waited for the thread to come up, has one more try.
   */
  #replace(worker: Worker, cause: unknown): void {
    const current = this.#current;
    if (current !== null && (cause as { code?: unknown } | undefined)?.code === "ERR_WORKER_OUT_OF_MEMORY") return this.#giveUp(worker, cause);
    this.#forget(worker);
    clearTimeout(current?.timer);
    this.#current = null;
    const met = current === null ? this.#jobs.splice(0) : [current.job];
    for (const job of met) if (job.again) job.reject(notChecked(cause));
    this.#jobs.unshift(...met.filter(({ again }) => !again).map((job) => ({ ...job, again: true })));
    if (this.#jobs.length > 0) this.#next();
  }

  /** Null where the machine has no thread left: everything that waits fails, and the next check looks again. */
  #start(): Worker | null {
    try {
      return this.#newWorker();
    } catch (cause) {
      this.#failAll(notChecked(cause));
      return null;
    }
  }

  #newWorker(): Worker {
    const worker = new Worker(entry, { name: "output-checker", execArgv: ["--disable-warning=ExperimentalWarning", "--report-exclude-env"], resourceLimits: { maxOldGenerationSizeMb: 256 } });
    worker.on("message", (message: "ready" | CheckAnswer) => {
      // What a thread that was given up had still sent is nobody's answer.
      if (this.#worker !== worker) return;
      if (message === "ready") this.#isReady = true;
      else if (this.#current !== null) {
        const { job, timer } = this.#current;
        clearTimeout(timer);
        this.#current = null;
        job.resolve(message);
      }
      this.#next();
    });
    const died = (cause?: unknown): void => {
      if (this.#worker === worker) this.#replace(worker, cause);
    };
    worker.on("error", died);
    worker.on("exit", died);
    return worker;
  }

  #forget(worker: Worker): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    this.#isReady = false;
  }

  #failAll(error: AppError): void {
    const { job, timer } = this.#current ?? {};
    clearTimeout(timer);
    this.#current = null;
    for (const { reject } of [...(job === undefined ? [] : [job]), ...this.#jobs.splice(0)]) reject(error);
  }
}

function usedProcessorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function notChecked(cause: unknown): AppError {
  return new AppError("INTERNAL", "The answer could not be checked.", { cause });
}

function tooSlow(): AppError {
  return refused("schema", "It takes too long, or too much memory, to check an answer with it; look at its patterns and at references that branch.");
}
