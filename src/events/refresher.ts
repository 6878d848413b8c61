import { toAppError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { Alarm } from "./alarm.ts";

export interface RefresherParts {
  /** Reads anew what is kept of the key. */
  refresh: (key: string) => Promise<void>;
  alarm: Alarm;
  logger: Logger;
}

const firstPauseMs = 1000;
const longestPauseMs = 60_000;
/** About ten minutes; then what is kept stays old until the key changes again, and the log says so. A database that is away is waited for as long as it takes. */
const mostAttempts = 15;

/**
 * Keeps what a process holds of changing things fresh. One refresh of a key runs at a time; requests during it lead to
 * one more. What fails is tried again, so that a moment without database does not leave something old for ever.
 */
export class Refresher {
  readonly #parts: RefresherParts;
  /** Whether the key was asked for again while it was refreshed. */
  readonly #running = new Map<string, { again: boolean; wake: (() => void) | null }>();
  #stopped = false;

  constructor(parts: RefresherParts) {
    this.#parts = parts;
  }

  request(key: string): void {
    if (this.#stopped) return;
    const running = this.#running.get(key);
    if (running === undefined) {
      this.#running.set(key, { again: false, wake: null });
      void this.#run(key);
      return;
    }
    running.again = true;
    running.wake?.();
  }

  /** Tries nothing again; what is under way ends by itself. */
  stop(): void {
    this.#stopped = true;
    for (const { wake } of this.#running.values()) wake?.();
  }

  async #run(key: string): Promise<void> {
    const state = this.#running.get(key)!;
    for (let attempt = 1; !this.#stopped; ) {
      state.again = false;
      try {
        await this.#parts.refresh(key);
        if (!state.again) break;
        attempt = 1;
      } catch (thrown) {
        const { code, message } = toAppError(thrown);
        this.#parts.logger.warn("refresh.failed", { key, attempt, code, reason: message, cause: thrown });
        // A newer change starts over.
        attempt = state.again ? 1 : attempt + 1;
        if (attempt > mostAttempts) {
          if (code !== "DATABASE_UNAVAILABLE") break;
          attempt = mostAttempts;
        }
        await this.#pause(state, Math.min(longestPauseMs, firstPauseMs * 2 ** (attempt - 1)));
      }
    }
    this.#running.delete(key);
  }

  #pause(state: { wake: (() => void) | null }, milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        state.wake = null;
        resolve();
      };
      const putOff = this.#parts.alarm(milliseconds, end);
      state.wake = () => {
        putOff();
        end();
      };
    });
  }
}
