import { toAppError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";

/** Says what goes wrong beside requests: the same trouble again and again once. A database that is away is said elsewhere. */
export class TroubleLog {
  readonly #logger: Logger;
  readonly #event: string;
  #last = "";

  constructor(logger: Logger, event: string) {
    this.#logger = logger;
    this.#event = event;
  }

  /** Never throws: what failed is done again at the next beat. */
  async attempt(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.say(what, error);
    }
  }

  say(what: string, error: unknown, of: Readonly<Record<string, unknown>> = {}): void {
    const { code, message, cause } = toAppError(error);
    const trouble = `${what} ${code} ${JSON.stringify(of)}`;
    if (code === "DATABASE_UNAVAILABLE" || this.#last === trouble) return;
    this.#last = trouble;
    this.#logger.warn(this.#event, { what, ...of, code, reason: message, cause });
  }

  /** What goes wrong from here on is news. */
  forget(): void {
    this.#last = "";
  }
}
