import { CallStop } from "../../core/call-stop.ts";
import type { Clock } from "../../core/clock.ts";
import type { RouteTarget } from "../schemas.ts";
import type { AttemptPlace, CallOrder, ReadyProvider } from "./call-plan.ts";
import { CallTimer, overReason, type Alarm } from "./call-timer.ts";

/** The places of one call's attempts in the limits of their providers. */
export class AttemptPlaces {
  readonly #parts: { clock: Clock; alarm: Alarm };
  readonly #admit: NonNullable<CallOrder<unknown>["admit"]>;
  readonly #deadline: number;
  readonly #over = new CallStop();

  constructor(parts: { clock: Clock; alarm: Alarm }, admit: NonNullable<CallOrder<unknown>["admit"]>, deadline: number) {
    this.#parts = parts;
    this.#admit = admit;
    this.#deadline = deadline;
  }

  /** Null where it does not come before the deadline, or the call is over. Throws what the limits say. */
  async take(target: RouteTarget, provider: ReadyProvider): Promise<AttemptPlace | null> {
    const timer = new CallTimer(this.#parts.alarm);
    const outOfTime = new Promise<null>((resolve) => timer.set(this.#deadline - this.#parts.clock.monotonic(), () => resolve(null)));
    try {
      const admission = this.#admit(target, provider, this.#over);
      const place = await Promise.race([admission, outOfTime]);
      if (place !== null && !this.#over.aborted) return place;
      admission.then((late) => late.giveBack(), () => undefined);
      return null;
    } finally {
      timer.clear();
    }
  }

  /** The call is over: an attempt that waits for its place is not made, and stands in nobody's way. */
  end(): void {
    this.#over.abort(overReason);
  }
}
