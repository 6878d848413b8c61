import { counted } from "../core/counted.ts";
import { AppError, toAppError } from "../core/errors.ts";
import type { RolloutPlan } from "../registry/index.ts";
import { judge, type Judgement } from "./judge.ts";
import { limitsMet } from "./judge-limits.ts";
import { candidateArm, phaseKey } from "./phase-routes.ts";
import { endsIt } from "./rollout-moves.ts";
import type { RolloutParts } from "./rollout-parts.ts";
import { openStates, type PhaseFigures, type Rollout, type Verdict } from "./schemas.ts";

/** What a watch ends with. `again`: nothing was decided in its time. `ended`: the rollout is over, or is to be. */
export type WatchResult = { next: "promote" | "roll back"; reason: string } | { next: "again" | "ended" };

export interface WatchOptions {
  revision: number;
  /** Of the whole watch. */
  timeMs: number;
  signal: AbortSignal;
}

const lookEveryMs = 1000;
const writeEveryMs = 60_000;

/** Judges one phase again and again. All that it needs is in the store: another server goes on where this one ends. */
export class PhaseWatch {
  readonly #parts: RolloutParts;

  constructor(parts: RolloutParts) {
    this.#parts = parts;
  }

  /** Looks each second until the gates or a person decide, the time is over, or the signal aborts: then it throws. */
  async watch(id: string, phase: number, { revision, timeMs, signal }: WatchOptions): Promise<WatchResult> {
    const { clock, wakes, logger } = this.#parts;
    const end = clock.monotonic() + timeMs;
    let written = await this.#latestOf(id, phase);
    // Decided already, by a process that ended before it could say so.
    if (written !== null && written.decision !== "hold") return { next: written.decision, reason: written.reason };
    let isTaken = false;
    for (;;) {
      signal.throwIfAborted();
      if (clock.monotonic() >= end) return { next: "again" };
      try {
        isTaken ||= await this.#isTaken(id, phase, revision, signal);
        const looked = await this.#look(id, phase, isTaken, written, signal);
        if ("next" in looked) return looked;
        written = looked.written;
      } catch (error) {
        signal.throwIfAborted();
        // Without the database nothing is decided; the traffic stays as it is, and hard failures cut the candidate all the same.
        if (!(error instanceof AppError) || (error.code !== "DATABASE_UNAVAILABLE" && error.code !== "STORAGE_FULL")) throw error;
        logger.warn("rollout.not_judged", { rollout: id, code: toAppError(error).code });
      }
      await wakes.wait(id, lookEveryMs, signal);
    }
  }

  /** The judgement of this moment. Null before the phase counts. */
  async judge(rollout: Rollout, signal: AbortSignal): Promise<(Judgement & Pick<Verdict, "seconds" | "figures" | "metrics">) | null> {
    const { clock, metrics, store } = this.#parts;
    const { plan, phase, phaseSince } = rollout;
    if (phase < 0 || (phaseSince === null && openStates.includes(rollout.state))) return null;
    const figures = await this.#figuresOf(rollout.id, plan, phase);
    const paused = rollout.state === "paused" ? ((await store.verdicts(rollout.id, { limit: 1 }))[0]?.seconds ?? null) : null;
    const facts = { plan, phase, seconds: paused ?? (phaseSince === null ? 0 : Math.max(0, clock.now() - phaseSince) / 1000), figures, metrics: await metrics.read(rollout, signal) };
    return { ...judge(facts), seconds: facts.seconds, figures, metrics: facts.metrics };
  }

  /** Where the candidate met limits and stable has no traffic to compare with, with what stable met when it had some. */
  async #figuresOf(id: string, plan: RolloutPlan, phase: number): Promise<PhaseFigures> {
    const { figuresOf } = this.#parts;
    const figures = await figuresOf(id, phaseKey(plan, phase));
    const former = plan.phases.slice(0, phase).findLastIndex(({ weight }) => weight < 1);
    const isLimited = figures.arms.some(({ arm, limited }) => arm === candidateArm && limited !== undefined);
    if (plan.phases[phase]!.weight < 1 || former < 0 || !isLimited) return figures;
    const stable = (await figuresOf(id, phaseKey(plan, former))).arms.find(({ arm }) => arm === "stable");
    return stable === undefined ? figures : { ...figures, stableLimits: limitsMet(stable) };
  }

  /** The numbers of the moment at which a rollout was ended past the gates. They are looked at afterwards: the traffic could not wait for them. Never throws. */
  async writeLast(ended: Rollout, by: string): Promise<void> {
    try {
      const judged = await this.judge(ended, AbortSignal.timeout(10_000));
      if (judged !== null) await this.write(ended, { ...judged, decision: "roll back", reason: ended.reason }, by);
    } catch (cause) {
      this.#parts.logger.warn("rollout.last_verdict_not_written", { rollout: ended.id, cause });
    }
  }

  /** Writes what was judged. `by` decided past the gates, and says why. */
  async write(rollout: Rollout, judged: Judgement & Pick<Verdict, "seconds" | "figures" | "metrics">, by: string | null = null): Promise<Verdict> {
    const { store, ids, clock } = this.#parts;
    const verdict: Verdict = { ...judged, id: ids.next("verdict"), rollout: rollout.id, phase: rollout.phase, time: clock.now(), by };
    await store.addVerdict(verdict);
    this.#parts.events.emit("rollout.changed", { model: rollout.model, rollout: rollout.id });
    return verdict;
  }

  async #look(id: string, phase: number, isTaken: boolean, before: Verdict | null, signal: AbortSignal): Promise<WatchResult | { written: Verdict | null }> {
    const { store, clock } = this.#parts;
    const rollout = await store.find(id);
    if (rollout === null || !openStates.includes(rollout.state) || endsIt(rollout.request)) return { next: "ended" };
    const { request } = rollout;
    const isPromoted = request?.action === "promote";
    if (rollout.phase !== phase) return { next: "ended" };
    if (!isTaken && !isPromoted) return { written: before };
    const judged = await this.judge(rollout, signal);
    // Who has lost the run meanwhile writes nothing beside the one who has it now.
    signal.throwIfAborted();
    if (judged === null) return { written: before };
    if (isPromoted) {
      const { by, reason } = request;
      const why = reason === "" ? `promoted by ${by}` : `promoted by ${by}: ${reason}`;
      // The wish stays until the phase is left, so that a second one finds it and is not taken for one to leave the next phase too.
      await this.write(rollout, { ...judged, decision: "promote", reason: why }, by);
      return { next: "promote", reason: why };
    }
    if (rollout.state === "paused") return { written: before };
    if (judged.decision !== "hold") {
      await this.write(rollout, judged);
      return { next: judged.decision, reason: judged.reason };
    }
    const isNews = before === null || clock.now() - before.time >= writeEveryMs || sayOf(judged) !== sayOf(before);
    return { written: isNews ? await this.write(rollout, judged) : before };
  }

  async #latestOf(id: string, phase: number): Promise<Verdict | null> {
    const [latest] = await this.#parts.store.verdicts(id, { limit: 1 });
    return latest?.phase === phase ? latest : null;
  }

  /** Every live server has the route: the phase counts from now on, unless it did before. */
  async #isTaken(id: string, phase: number, revision: number, signal: AbortSignal): Promise<boolean> {
    const { store, replicas, clock } = this.#parts;
    const rollout = await store.find(id);
    if (rollout?.phase !== phase || !openStates.includes(rollout.state)) return true;
    if (rollout.phaseSince !== null) return true;
    const { missing } = await replicas.whenTaken(rollout.model, revision, { signal, timeoutMs: lookEveryMs });
    if (missing.length > 0) {
      const reason = `waits for ${counted(missing.length, "server")} to take the route`;
      if (rollout.reason !== reason) await store.change(id, { reason }, { now: clock.now(), actor: "rollouts" });
      return false;
    }
    const state = rollout.state === "preparing" ? ("running" as const) : rollout.state;
    const running = await store.change(id, { state, phaseSince: clock.now(), reason: "" }, { now: clock.now(), actor: "rollouts" });
    if (running !== null) this.#parts.events.emit("rollout.changed", { model: running.model, rollout: id });
    return true;
  }
}

/** What of a judgement is news: its decision and how each gate stands. */
function sayOf({ decision, gates }: Pick<Judgement, "decision" | "gates">): string {
  return `${decision} ${gates.map(({ gate, result }) => `${gate} ${result}`).join(", ")}`;
}
