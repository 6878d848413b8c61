import type { Logger } from "../../core/logger.ts";
import type { HttpAnswer } from "../../core/route.ts";
import type { RouteChoice } from "../../serving/index.ts";
import { ArmCall, type ArmCallParts } from "./arm-call.ts";
import type { RouteSplit, RouteSplits } from "./route-splits.ts";
import { mark, sampleOf, stableArm } from "./split-samples.ts";
import { SplitShadows } from "./split-shadows.ts";
import type { SplittableCall } from "./splittable-call.ts";
import { isOwnFailure, limitOf } from "./trial-outcome.ts";

export interface SplitCallParts extends Omit<ArmCallParts, "tell"> {
  splits: Pick<RouteSplits, "observer">;
  logger: Logger;
}

/** Calls of routes that are split: each goes to one arm for the whole of it, and some that stable answered are asked of another too. */
export class SplitCalls {
  readonly #parts: ArmCallParts;
  readonly #shadows: SplitShadows;

  constructor({ splits, floor, clock, alarm, logger }: SplitCallParts) {
    const tell: ArmCallParts["tell"] = (told) => {
      const { observer } = splits;
      if (observer === null) return;
      try {
        told(observer);
      } catch (cause) {
        logger.error("gateway.split.not_told", { cause });
      }
    };
    this.#parts = { floor, clock, alarm, tell };
    this.#shadows = new SplitShadows(this.#parts);
  }

  /** Ends the shadows under way; answers when they are written down. */
  stop(): Promise<void> {
    return this.#shadows.stop();
  }

  answer(split: RouteSplit, call: SplittableCall): Promise<HttpAnswer> {
    const choice = split.active.assign({ inputs: [], routingKey: sessionKey(split, call), connection: { headers: call.context.headers } }, call.id);
    const { arm } = choice;
    return arm === null ? this.#stable(split, call, choice) : new ArmCall(this.#parts, { split, call, choice, arm: arm.name, revision: arm.version }).answer();
  }

  #stable(split: RouteSplit, call: SplittableCall, choice: RouteChoice): Promise<HttpAnswer> {
    const assigned = { split, call, choice, arm: stableArm, revision: split.active.route.stable };
    const entered = split.with(call.entered, assigned.revision);
    const record = call.record(entered);
    mark(record, assigned);
    record.watch = {
      ended: (ending) => {
        this.#parts.tell((observer) => observer.answered(sampleOf(assigned, record, ending, { limit: limitOf(ending, null, this.#parts.floor.accountOf), isFailure: ending.outcome === "failed" && ending.error !== null && isOwnFailure(ending.error) })));
        if (ending.outcome !== "ok") return;
        split.usual.whole.add(ending.totalMs * 1000);
        if (record.firstByteMs !== null) split.usual.begin.add(record.firstByteMs * 1000);
        this.#shadows.offer(split, call, { record, ending });
      },
    };
    return call.carryOut({ entered, record, context: call.context, holdsBack: false });
  }
}

/** The key's header goes before the session. */
function sessionKey({ active }: RouteSplit, { session, context }: SplittableCall): string | undefined {
  const header = context.headers[active.route.key.header];
  const key = typeof header === "object" ? header[0] : header;
  return session === null || (key !== undefined && key !== "") ? undefined : session;
}
