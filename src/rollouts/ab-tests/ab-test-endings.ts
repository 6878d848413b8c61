import type { EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { championAlias } from "../../registry/index.ts";
import { liveReplicas } from "../replicas/live-replicas.ts";
import { crownIn } from "../rollback.ts";
import { endingOf, endsIt } from "../rollout-moves.ts";
import type { RolloutParts } from "../rollout-parts.ts";
import { openStates, type Rollout, type RolloutRequest } from "../schemas.ts";
import { testOf } from "./schemas.ts";

export interface AbTestEndingsParts extends Pick<RolloutParts, "store" | "registry" | "serving" | "clock" | "events" | "logger"> {
  /** Name of this server since its start. */
  replica: string;
}

/** How a test is to end. `why` are the words of who asks, `reason` what is kept with the test. */
export interface WantedEnd {
  promote: string | null;
  reason: string;
  why: string;
  actor: string;
  now: EpochMs;
}

/** What passes by itself: the wish stands until then. */
const passing: ReadonlySet<string> = new Set(["DATABASE_UNAVAILABLE", "STORAGE_FULL"]);

/**
 * Ends of A/B tests. An end and the promotion that belongs to it are several writes, so the wish for both is written first, as the one wish that counts; then the promotion is done, then the test is ended.
 * Whoever finds the wish carries it out, so after a crash all of it is done. A promotion that is impossible takes the wish back: the test goes on as if nobody had asked.
 */
export class AbTestEndings {
  readonly #parts: AbTestEndingsParts;

  constructor(parts: AbTestEndingsParts) {
    this.#parts = parts;
  }

  /** Writes the wish. Throws ROLLOUT_ENDED where the test has ended, or somebody else ends it. */
  async claim(rollout: Rollout, { promote, reason, why, actor, now }: WantedEnd): Promise<void> {
    const { store, registry, replica } = this.#parts;
    const champion = promote === null ? null : ((await registry.model(rollout.model)).aliases[championAlias] ?? null);
    const asked = await store.request(rollout.id, { action: "stop", by: actor, at: now, reason, stop: { promote, champion, why, server: replica } });
    if (asked === null) throw ended((await store.find(rollout.id)) ?? rollout);
    if (!asked.isTaken) throw ended(asked.rollout);
  }

  /** Whether it is this server's to carry out: its own wish, or that of a server that is gone. */
  async isOurs({ stop }: RolloutRequest): Promise<boolean> {
    const { store, replica } = this.#parts;
    if (stop === undefined || stop.server === replica) return true;
    return !liveReplicas(await store.replicas()).some(({ id }) => id === stop.server);
  }

  /**
   * Does what the wish says and ends the test; null where there is no wish. It may be done again, by another server too, and then changes nothing more. Throws what stands against the promotion: the test
   * goes on then, unless that passes by itself (DATABASE_UNAVAILABLE, STORAGE_FULL).
   */
  async carryOut(id: string): Promise<Rollout | null> {
    const { store, clock } = this.#parts;
    const rollout = await store.find(id);
    const request = rollout?.request ?? null;
    if (rollout === null || request === null || !openStates.includes(rollout.state)) return null;
    const now = clock.now();
    if (endsIt(request)) {
      const { state, actor, reason } = endingOf(request);
      return this.#told(await store.change(id, { state, reason, endedAt: now }, { now, actor, event: state === "aborted" ? "rollout.aborted" : "rollout.rolled_back", request }));
    }
    if (request.stop === undefined) return null;
    const overtaken = request.stop.promote === null ? "" : await this.#promote(rollout, request, request.stop.promote, request.stop);
    return this.#told(await store.change(id, { state: "succeeded", reason: `${request.reason}${overtaken}`, endedAt: now }, { now, actor: request.by, event: "rollout.succeeded", request }));
  }

  /** Answers what there is to say of it. */
  async #promote(rollout: Rollout, request: RolloutRequest, promote: string, { champion, why }: { champion: string | null; why: string }): Promise<string> {
    const { store, registry, clock, logger } = this.#parts;
    const { id, model } = rollout;
    const winner = testOf(rollout).variants.find(({ name }) => name === promote)!.version;
    const present = async (): Promise<string | null> => (await registry.model(model)).aliases[championAlias] ?? null;
    try {
      const now = await present();
      // The word of who moved the alias meanwhile is the later one.
      if (now !== champion && now !== winner) return `; but version ${now ?? "none"} was made the champion meanwhile, and stays it`;
      await crownIn(this.#parts, model, winner, champion, { actor: request.by, now: request.at, reason: why });
    } catch (error) {
      if (!(error instanceof AppError) || passing.has(error.code)) throw error;
      if ((await present().catch(() => null)) === winner) return "";
      logger.warn("abtest.not_promoted", { model, rollout: id, variant: promote, code: error.code, reason: error.message });
      this.#told(await store.change(id, { reason: `${promote} could not be promoted: ${error.message}` }, { now: clock.now(), actor: request.by, request }));
      throw error;
    }
    return "";
  }

  #told(changed: Rollout | null): Rollout | null {
    if (changed !== null) this.#parts.events.emit("rollout.changed", { model: changed.model, rollout: changed.id });
    return changed;
  }
}

export function ended({ id, state, request }: Rollout): AppError {
  if (!openStates.includes(state)) return new AppError("ROLLOUT_ENDED", `The A/B test ${id} has ended: it is ${state}.`);
  return new AppError("ROLLOUT_ENDED", request === null ? `The A/B test ${id} was just ended.` : `The A/B test ${id} is being ended already: ${request.reason}.`);
}
