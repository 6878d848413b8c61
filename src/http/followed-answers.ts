import type { ServerResponse } from "node:http";
import type { Caller } from "../core/caller.ts";
import type { Clock } from "../core/clock.ts";
import { toAppError, type AppError } from "../core/errors.ts";
import type { Credentials, RequestGate } from "../core/request-gate.ts";
import type { Access, AccessTarget } from "../core/route.ts";

/** How often an answer that goes on is asked again whether its caller may have it. */
const intervalMs = 2000;

/** Answers that have no end of their own, such as live figures: each ends soon after its caller has lost the right to it. */
export class FollowedAnswers {
  readonly #answers = new Map<ServerResponse, { mayGoOn: () => Promise<void>; end: (why: AppError) => void; nextCheck: number }>();

  /** `mayGoOn` throws when the caller may not; `end` is told what. */
  add(response: ServerResponse, monotonic: number, mayGoOn: () => Promise<void>, end: (why: AppError) => void): void {
    this.#answers.set(response, { mayGoOn, end, nextCheck: monotonic + intervalMs });
  }

  remove(response: ServerResponse): void {
    this.#answers.delete(response);
  }

  sweep(monotonic: number): void {
    for (const [response, answer] of this.#answers) {
      if (monotonic < answer.nextCheck) continue;
      answer.nextCheck = monotonic + intervalMs;
      answer.mayGoOn().catch((thrown: unknown) => {
        const error = toAppError(thrown);
        // A database that is away for a moment takes nobody's right, and what is whole by now needs no end.
        if (error.status < 500 && this.#answers.get(response) === answer) answer.end(error);
      });
    }
  }
}

interface Shown {
  credentials: Credentials;
  access: Access;
  target: AccessTarget;
  params: Readonly<Record<string, string | undefined>>;
}

/** Asks for the caller of a request once more, by what it showed: a key may have ended since. */
export function shownAgain(gate: RequestGate, clock: Clock, { credentials, access, target, params }: Shown): () => Promise<Caller> {
  return async () => {
    const caller = await gate.identify(credentials, clock.now());
    await gate.authorize(caller, access, target, params);
    return caller;
  };
}
