import { spawn, type ChildProcess } from "node:child_process";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

/** A script that takes longer hangs. */
const limitMs = 240_000;

export interface ScriptRun {
  /** A path. */
  script: string;
  words: readonly string[];
  /** Where it runs, and where MLflow leaves files of its own. */
  directory: string;
  /** Given each line that it prints, parsed. */
  onReport(report: unknown): void;
}

/** The exit code, null where a signal ended it, and what was printed to stderr. */
export interface ScriptEnd {
  code: number | null;
  errors: string;
}

/**
 * The Python that runs scripts, each in a fork of itself: what one has imported the next ones need not, and to import MLflow and scikit-learn takes
 * longer than most scripts. Scripts wait for each other.
 */
class ScriptHost {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  hasEnded = false;
  #errors = "";
  #onLine: (text: string) => void = () => undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(python: string, environment: NodeJS.ProcessEnv) {
    this.#process = spawn(python, [fileURLToPath(new URL("script_host.py", import.meta.url))], { cwd: tmpdir(), stdio: ["pipe", "pipe", "pipe"], env: environment });
    this.#process.stderr!.on("data", (part: Buffer) => (this.#errors = `${this.#errors}${part.toString()}`.slice(-20_000)));
    this.#process.stdin!.on("error", () => undefined);
    createInterface({ input: this.#process.stdout! }).on("line", (text) => this.#onLine(text));
    this.#ended = new Promise<unknown>((resolve) => this.#process.once("close", resolve)).then(() => (this.hasEnded = true));
  }

  run(task: ScriptRun): Promise<ScriptEnd> {
    const end = this.#last.then(() => this.#run(task));
    this.#last = end.catch(() => undefined);
    return end;
  }

  /** Ends a script that runs. */
  async stop(): Promise<void> {
    this.hasEnded = true;
    this.#process.stdin!.destroy();
    await this.#ended;
  }

  #run({ script, words, directory, onReport }: ScriptRun): Promise<ScriptEnd> {
    this.#errors = "";
    const limit = setTimeout(() => void this.stop(), limitMs);
    return new Promise<ScriptEnd>((resolve, reject) => {
      this.#onLine = (text) => {
        try {
          const line = JSON.parse(text) as object;
          if (!("ended" in line)) onReport(line);
          // What it said last on stderr may lie there unread.
          else setImmediate(() => resolve({ code: line.ended as number | null, errors: this.#errors }));
        } catch (cause) {
          reject(new Error(`${script} printed something else than a check: ${text}`, { cause }));
          void this.stop();
        }
      };
      void this.#ended.then(() => reject(new Error(`Python ended before ${script} did:\n${this.#errors}`)));
      this.#process.stdin!.write(`${JSON.stringify({ script, words, directory })}\n`);
    }).finally(() => clearTimeout(limit));
  }
}

const hosts = new Map<string, ScriptHost>();
after(() => Promise.all([...hosts.values()].map((host) => host.stop())));

/** Runs it by a fork of the interpreter that this process of tests has already, or has from now on with these variables. */
export function runScript(python: string, environment: NodeJS.ProcessEnv, task: ScriptRun): Promise<ScriptEnd> {
  let host = hosts.get(python);
  if (host === undefined || host.hasEnded) hosts.set(python, (host = new ScriptHost(python, environment)));
  return host.run(task);
}
