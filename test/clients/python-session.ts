import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { pythonEnvironment, pythonOf } from "./python-script.ts";

/** A task that takes longer hangs. */
const limitMs = 240_000;

/** A check, or the end of a task. */
type Line = { check: string; ok: boolean; reason?: string } | { done: true };

/**
 * A script that stays and does one task after the other: to import MLflow and scikit-learn takes longer than most tasks. A task is a
 * line of words on its stdin; it prints its checks, and then a line that says that it is done.
 */
export class PythonSession {
  readonly #script: string;
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  #errors = "";
  #onLine: (line: Line) => void = () => undefined;
  #onEnd: (error: Error) => void = () => undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** Runs in `directory`, where MLflow leaves files of its own. */
  constructor(script: string, directory: string) {
    this.#script = script;
    this.#process = spawn(pythonOf(), [fileURLToPath(new URL(script, import.meta.url))], {
      cwd: directory,
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...pythonEnvironment },
    });
    this.#process.stderr!.on("data", (part: Buffer) => (this.#errors = `${this.#errors}${part.toString()}`.slice(-20_000)));
    this.#process.stdin!.on("error", () => undefined);
    createInterface({ input: this.#process.stdout! }).on("line", (text) => this.#read(text));
    this.#ended = new Promise((resolve) => this.#process.once("close", resolve));
    void this.#ended.then(() => this.#onEnd(this.#failure("ended")));
  }

  /** Each check of the task is a subtest. Fails too when the task checks nothing or the script ends. Tasks wait for each other. */
  run(test: TestContext, ...words: string[]): Promise<void> {
    const done = this.#last.then(() => this.#run(test, words));
    this.#last = done.catch(() => undefined);
    return done;
  }

  async stop(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#ended;
  }

  async #run(test: TestContext, words: readonly string[]): Promise<void> {
    const subtests: Promise<void>[] = [];
    const limit = setTimeout(() => this.#process.kill("SIGKILL"), limitMs);
    await new Promise<void>((resolve, reject) => {
      this.#onEnd = reject;
      this.#onLine = (line) => {
        if ("done" in line) resolve();
        else subtests.push(test.test(line.check, () => assert.ok(line.ok, line.reason)));
      };
      if (this.#process.exitCode !== null || this.#process.signalCode !== null) reject(this.#failure("had ended"));
      else this.#process.stdin!.write(`${JSON.stringify(words)}\n`);
    }).finally(() => clearTimeout(limit));
    await Promise.all(subtests);
    assert.ok(subtests.length > 0, `${this.#script} checked nothing:\n${this.#errors}`);
  }

  #read(text: string): void {
    try {
      this.#onLine(JSON.parse(text) as Line);
    } catch (cause) {
      this.#onEnd(new Error(`${this.#script} printed something else than a check: ${text}`, { cause }));
      this.#process.kill();
    }
  }

  #failure(what: string): Error {
    return new Error(`${this.#script} ${what}:\n${this.#errors}`);
  }
}
