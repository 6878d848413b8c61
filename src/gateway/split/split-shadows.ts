import { isStreamed } from "../../core/route.ts";
import { newTraceId } from "../../core/trace-context.ts";
import { patienceMs } from "../../serving/index.ts";
import type { CallEnding } from "../calls/call-ending.ts";
import type { CallRecord } from "../calls/call-record.ts";
import type { ArmCallParts } from "./arm-call.ts";
import type { RouteSplit } from "./route-splits.ts";
import { dollars, mark, microseconds } from "./split-samples.ts";
import type { SplittableCall } from "./splittable-call.ts";
import { armTimeout, isWorthAnother, limitOf, outcomeOf } from "./trial-outcome.ts";

/** Entries of the ledger with this tag cost nobody's caller anything; its value is the rollout. */
const shadowTag = "slipway.shadow";

/** What stable made of the call. */
interface Mirrored {
  record: CallRecord;
  ending: CallEnding;
}

/**
 * Asks other settings what stable has just answered, for comparison alone, when the caller's answer is on its way. Nobody sees what it comes to; the route's budget pays for it, and not the caller's key. Where too many are
 * under way, they come too fast, or no budget has room, a call is left out and counted.
 */
export class SplitShadows {
  readonly #parts: ArmCallParts;
  readonly #underWay = new Map<AbortController, Promise<void>>();
  #isStopped = false;

  constructor(parts: ArmCallParts) {
    this.#parts = parts;
  }

  /** Never throws and never waits. */
  offer(split: RouteSplit, call: SplittableCall, mirrored: Mirrored): void {
    const { active } = split;
    const shadow = active.shadowFor(call.id);
    if (shadow === null || this.#isStopped) return;
    if (!active.shadowGate.enters(this.#parts.clock.monotonic())) return this.#parts.tell((observer) => observer.skipped(active.route));
    setImmediate(() => {
      const stop = new AbortController();
      const asked = this.#isStopped ? Promise.resolve() : this.#ask(split, call, mirrored, shadow, stop);
      // What it failed with is in its record.
      const ended = asked.catch(() => undefined).finally(() => {
        this.#underWay.delete(stop);
        active.shadowGate.leave();
      });
      this.#underWay.set(stop, ended);
    });
  }

  /** Ends what is under way; answers when it is written down. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const stop of this.#underWay.keys()) stop.abort();
    await Promise.all(this.#underWay.values());
  }

  async #ask(split: RouteSplit, call: SplittableCall, mirrored: Mirrored, { arm, version: revision }: { arm: string; version: string }, stop: AbortController): Promise<void> {
    const { clock, alarm, floor, tell } = this.#parts;
    const { route } = split.active;
    const { policy, remarks } = call.entered;
    const now = clock.now();
    const own = {
      ...call.entered, now, isShadow: true as const, policy: policy === null ? null : { project: policy.project },
      remarks: { ...remarks, traceId: newTraceId(now), parentSpanId: null, tags: { ...remarks.tags, [shadowTag]: route.rollout } },
    };
    const entered = split.asShadow(own, revision);
    const record = call.record(entered);
    mark(record, { split, arm, revision });
    record.attributes["slipway.shadow_of"] = mirrored.record.attribution.traceId;
    // Beside calls of its own a shadow's scores are of other calls.
    if (route.arms.some(({ name, from, to }) => name === arm && to > from)) record.attributes["slipway.scored"] = false;
    const usualMs = split.usual.whole.p99Ms;
    // As long as an arm is waited for: one that hangs is to be found out as soon here.
    const limitMs = Math.min(entered.route.settings.deadlineMs, route.hard.latencyMs ?? patienceMs(usualMs));
    let isLate = false;
    let isLeftOut = false;
    record.watch = {
      ended: (ending) => {
        if (isLeftOut || (ending.error !== null && (ending.error.code === "RATE_LIMITED" || !isWorthAnother(ending.error)))) return tell((observer) => observer.skipped(route));
        if (ending.outcome === "cancelled") return;
        const limit = limitOf(ending, mirrored.record.target?.provider ?? null, floor.accountOf);
        if (limit === "shared") return tell((observer) => observer.skipped(route));
        tell((observer) => observer.paired({
          route, callId: call.id, time: call.context.now, stable: { revision: route.stable, latencyUs: microseconds(mirrored.ending.totalMs), costDollars: dollars(mirrored.ending.cost) },
          shadow: {
            arm, revision, latencyUs: microseconds(ending.totalMs), costDollars: dollars(ending.cost), outcome: outcomeOf(ending, isLate), traceId: record.attribution.traceId,
            isFailure: limit === undefined && ending.outcome === "failed" && (!isLate || limitMs >= (usualMs ?? 0)), ...(limit === undefined ? {} : { isLimited: true }),
          },
        }));
      },
    };
    const ring = (): void => {
      isLate = true;
      stop.abort(armTimeout());
    };
    const cancel = alarm(limitMs, ring);
    const context = { ...call.context, now, signal: stop.signal, whenAnswered: undefined };
    const admit = async (bounds: Parameters<typeof floor.reserve>[2]): Promise<void> => {
      try {
        await floor.reserve(entered, record, bounds);
      } catch (error) {
        isLeftOut = true;
        throw error;
      }
    };
    try {
      const { body } = await call.carryOut({ entered, record, context, admit, holdsBack: false });
      if (!isStreamed(body)) return;
      const reading = body[Symbol.asyncIterator]();
      while ((await reading.next()).done !== true);
    } finally {
      cancel();
    }
  }
}
