import { randomInt } from "node:crypto";
import type { EpochMs } from "../../../core/clock.ts";

const perMillisecond = 1024;

/** Numbers of new runs: by time, so that neighbours lie together, and hardly ever one that another process takes. */
export class RunNumbers {
  #last = 0;

  next(now: EpochMs): number {
    this.#last = Math.max(this.#last + 1, now * perMillisecond + randomInt(perMillisecond / 2));
    return this.#last;
  }
}
