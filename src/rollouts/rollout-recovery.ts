import type { Logger } from "../core/logger.ts";
import type { Timers } from "../workflows/index.ts";
import { TroubleLog } from "./replicas/trouble-log.ts";

export interface RolloutRecoveryParts {
  /** Takes up what nobody carries out; may be done at any time, and by several servers at once. */
  recover(): Promise<void>;
  timers: Timers;
  logger: Logger;
}

/** One read of the open rollouts. */
const everyMs = 15_000;

/** Looks again and again for rollouts whose server died between writing them and starting their run: any server that is up takes them up, and none has to be started for it. */
export class RolloutRecovery {
  readonly #parts: RolloutRecoveryParts;
  readonly #troubles: TroubleLog;
  #looking: Promise<void> | null = null;
  #cancel: () => void = () => undefined;
  #isRunning = false;

  constructor(parts: RolloutRecoveryParts) {
    this.#parts = parts;
    this.#troubles = new TroubleLog(parts.logger, "rollouts.not_recovered");
  }

  /** Answers after the first look. Never throws. */
  async start(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    await this.#look();
  }

  /** Answers when the look under way is over. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#cancel();
    await this.#looking;
  }

  async #look(): Promise<void> {
    this.#looking = this.#troubles.attempt("recover", () => this.#parts.recover());
    await this.#looking;
    if (this.#isRunning) this.#cancel = this.#parts.timers.after(everyMs, () => void this.#look());
  }
}
