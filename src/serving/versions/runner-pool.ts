import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import type { ModelRunner } from "./model-runtime.ts";

export interface RunnerPoolOptions {
  size: number;
  /** Loads and warms one runner. */
  start: () => Promise<ModelRunner>;
  /** Called when a runner became free or was added. */
  onIdle: () => void;
  /** Called when the last runner died. */
  onEmpty?: () => void;
  clock: Clock;
  logger: Logger;
  /** For log events: model and version. */
  name: string;
}

const longestBackoffMs = 30_000;

/**
 * Keeps `size` runners alive. One that ends by itself or is killed is replaced: at once the first time, then with
 * exponential backoff and full jitter while replacements die before they finish a run.
 */
export class RunnerPool {
  readonly #options: RunnerPoolOptions;
  readonly #idle: ModelRunner[] = [];
  readonly #alive = new Set<ModelRunner>();
  #starting = 0;
  #failures = 0;
  #closed = false;
  #timers = new Set<NodeJS.Timeout>();
  restarts = 0;
  lastFailure: string | null = null;

  constructor(options: RunnerPoolOptions) {
    this.#options = options;
  }

  get ready(): number {
    return this.#alive.size;
  }

  get wanted(): number {
    return this.#options.size;
  }

  get hasIdle(): boolean {
    return this.#idle.length > 0;
  }

  /** Alive or being started. */
  get started(): boolean {
    return this.#alive.size + this.#starting + this.#timers.size > 0;
  }

  /** Starts one runner and answers with it (loading errors reject); the others follow on their own. */
  async open(): Promise<ModelRunner> {
    const first = await this.#options.start();
    this.#add(first);
    this.fill();
    return first;
  }

  /** Starts what is missing, without waiting. */
  fill(): void {
    while (!this.#closed && this.#alive.size + this.#starting + this.#timers.size < this.#options.size) this.#startLater(0);
  }

  acquire(): ModelRunner | undefined {
    return this.#idle.pop();
  }

  /** Gives back a runner after a run that did not end its life. */
  release(runner: ModelRunner): void {
    if (!this.#alive.has(runner)) return;
    this.#failures = 0;
    if (this.#closed) void runner.close();
    else {
      this.#idle.push(runner);
      this.#options.onIdle();
    }
  }

  /** Ends the runners; those in a run are left to finish it first when `now` is false. */
  async close(now = false): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    const runners = [...this.#alive];
    if (now) for (const runner of runners) runner.kill("closed");
    await Promise.allSettled(runners.map((runner) => runner.close()));
  }

  #startLater(delayMs: number): void {
    if (delayMs > 0) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#startLater(0);
      }, delayMs);
      this.#timers.add(timer);
      return;
    }
    this.#starting++;
    void this.#options.start().then(
      (runner) => {
        this.#starting--;
        if (this.#closed) void runner.close();
        else {
          this.#add(runner);
          this.#options.onIdle();
        }
      },
      (error: unknown) => {
        this.#starting--;
        this.lastFailure = error instanceof Error ? error.message : String(error);
        this.#options.logger.warn("runner.start_failed", { name: this.#options.name, reason: this.lastFailure });
        this.#replace();
      },
    );
  }

  #add(runner: ModelRunner): void {
    this.#alive.add(runner);
    this.#idle.push(runner);
    runner.onExit((reason) => {
      this.#alive.delete(runner);
      const index = this.#idle.indexOf(runner);
      if (index >= 0) this.#idle.splice(index, 1);
      if (this.#closed) return;
      this.lastFailure = reason;
      this.#options.logger.warn("runner.exited", { name: this.#options.name, reason, processId: runner.processId });
      this.#replace();
      if (this.#alive.size === 0) this.#options.onEmpty?.();
    });
  }

  #replace(): void {
    if (this.#closed) return;
    this.restarts++;
    const delay = this.#failures === 0 ? 0 : this.#jitter(Math.min(longestBackoffMs, 100 * 2 ** this.#failures));
    this.#failures++;
    this.#startLater(delay);
  }

  /** Full jitter, from the clock's fractions: spreading needs no quality of randomness. */
  #jitter(milliseconds: number): number {
    const fraction = (this.#options.clock.monotonic() * 1000) % 1;
    return Math.max(1, milliseconds * fraction);
  }
}
