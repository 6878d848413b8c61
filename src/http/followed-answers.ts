import type { ServerResponse } from "node:http";
import { toAppError } from "../core/errors.ts";

/** How often an answer that goes on is asked again whether its caller may have it. */
const intervalMs = 2000;

/** Answers that have no end of their own, such as live figures: each ends soon after its caller has lost the right to it. */
export class FollowedAnswers {
  readonly #answers = new Map<ServerResponse, { mayGoOn: () => Promise<void>; nextCheck: number }>();

  /** `mayGoOn` throws when the caller may not. */
  add(response: ServerResponse, monotonic: number, mayGoOn: () => Promise<void>): void {
    this.#answers.set(response, { mayGoOn, nextCheck: monotonic + intervalMs });
  }

  remove(response: ServerResponse): void {
    this.#answers.delete(response);
  }

  sweep(monotonic: number): void {
    for (const [response, answer] of this.#answers) {
      if (monotonic < answer.nextCheck) continue;
      answer.nextCheck = monotonic + intervalMs;
      answer.mayGoOn().catch((thrown: unknown) => {
        // A database that is away for a moment takes nobody's right.
        if (toAppError(thrown).status < 500) response.destroy();
      });
    }
  }
}
