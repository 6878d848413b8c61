import type { EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { championAlias, type ChangeBy } from "../registry/index.ts";
import { candidateArm, phaseRoute, preparingRoute, stableRoute, wonRoute, type NewRoute } from "./phase-routes.ts";
import type { RolloutParts } from "./rollout-parts.ts";
import { openStates, type Rollout, type RolloutRequest } from "./schemas.ts";

export const challengerAlias = "challenger";
/** Whose doing it is what nobody asked for. */
export const ownActor = "rollouts";

/** How a rollout ends before its end. */
export interface Ending {
  state: "rolled back" | "aborted" | "failed";
  reason: string;
  actor: string;
}

/**
 * What a rollout does to traffic and registry. Every move may be made again, by another server too, and then changes nothing more:
 * whoever finds one half done does it whole. Moves forward answer null where the rollout has ended, or somebody asked for its end.
 */
export class RolloutMoves {
  readonly #parts: RolloutParts;
  readonly #tails = new Map<string, Promise<unknown>>();
  /** Rollouts whose registry is being given back here: changes of the alias are their own then. */
  readonly #ending = new Set<string>();

  constructor(parts: RolloutParts) {
    this.#parts = parts;
  }

  isEnding(rollout: string): boolean {
    return this.#ending.has(rollout);
  }

  /** Both versions are loaded on this server and named to the others. Answers the route's revision. Throws VERSION_FAILED. */
  prepare(id: string): Promise<number | null> {
    return this.#forward(id, (rollout) => this.#route(rollout, preparingRoute(rollout)));
  }

  /** The checks of the first phase passed. */
  stage(id: string): Promise<true | null> {
    return this.#forward<true>(id, async ({ model, candidate }) => {
      const { registry } = this.#parts;
      const by = this.#by(ownActor, "Its rollout began.");
      if ((await registry.version(model, candidate)).stage !== "Staging") await registry.transition(model, candidate, "Staging", by);
      if ((await registry.model(model)).aliases[challengerAlias] !== candidate) await registry.setAlias(model, challengerAlias, candidate, by);
      return true;
    });
  }

  /** The phase has its traffic on this server; it counts from when all have it. Answers the route's revision. */
  enter(id: string, phase: number): Promise<number | null> {
    return this.#forward(id, async (rollout) => {
      const { store, clock } = this.#parts;
      const isNew = rollout.phase !== phase || rollout.state !== "preparing";
      const entered = !isNew ? rollout : await store.change(id, { state: "preparing", phase, phaseSince: null, reason: "" }, { now: clock.now(), actor: ownActor, event: "rollout.phase.entered" });
      if (entered === null) return null;
      const revision = await this.#route(entered, phaseRoute(entered, phase));
      this.changed(entered);
      return revision;
    });
  }

  /** The candidate is the champion, and in Production. */
  crown(id: string): Promise<true | null> {
    return this.#forward<true>(id, async ({ model, candidate, stable }) => {
      const { registry, serving } = this.#parts;
      const by = this.#by(ownActor, "Its rollout gave it all traffic.");
      if ((await registry.version(model, candidate)).stage !== "Production") await registry.transition(model, candidate, "Production", by);
      if ((await registry.version(model, stable)).stage !== "Archived") await registry.transition(model, stable, "Archived", by);
      const { aliases } = await registry.model(model);
      if (aliases[championAlias] !== candidate) await registry.setAlias(model, championAlias, candidate, by);
      if (aliases[challengerAlias] === candidate) await registry.deleteAlias(model, challengerAlias, by);
      await serving.follow(model);
      return true;
    });
  }

  /** Everything is with the candidate; its route stays until every server follows the alias, and `clear` takes it away. */
  async succeed(id: string, reason: string): Promise<Rollout | null> {
    const { store, clock } = this.#parts;
    return this.#exclusively(id, async () => {
      const rollout = await store.find(id);
      if (rollout === null) return null;
      const isOpen = openStates.includes(rollout.state);
      if (isOpen && endsIt(rollout.request)) return null;
      const ended = isOpen ? await store.change(id, { state: "succeeded", endedAt: clock.now(), reason }, { now: clock.now(), actor: ownActor, event: "rollout.succeeded" }) : rollout;
      if (ended?.state !== "succeeded") return null;
      if ((await store.route(ended.model))?.route?.rollout === id) await this.#route(ended, wonRoute(ended));
      this.changed(ended);
      return ended;
    });
  }

  /**
   * Takes the traffic from the candidate on this server before anything else, then everywhere, gives the registry back, and ends the rollout.
   * What asked for the end first says how it ended. Null where there is no such rollout.
   */
  async end(id: string, ending: Ending, now: EpochMs): Promise<Rollout | null> {
    const { store, serving } = this.#parts;
    const rollout = await store.find(id);
    if (rollout === null) return null;
    if (openStates.includes(rollout.state)) {
      serving.cutArm(rollout.model, id, candidateArm);
      const request: RolloutRequest = { action: ending.state === "aborted" ? "abort" : "trip", by: ending.actor, at: now, reason: ending.reason, ...(ending.state === "failed" ? { failed: true } : {}) };
      const asked = await store.request(id, request);
      const first = asked?.rollout.request ?? request;
      if (first.action === "stop") throw new AppError("ROLLOUT_ENDED", `The A/B test ${id} is being ended already: ${first.reason}.`);
      return this.#exclusively(id, () => this.#end(id, isSame(first, request) ? ending : endingOf(first), now));
    }
    return this.#exclusively(id, () => this.#giveBack(rollout, { state: "failed", reason: rollout.reason, actor: ownActor }));
  }

  /** The route goes, where it is still that of this rollout: the champion answers. */
  async clear(id: string): Promise<void> {
    const { store } = this.#parts;
    await this.#exclusively(id, async () => {
      const rollout = await store.find(id);
      if (rollout === null || openStates.includes(rollout.state)) return;
      if ((await store.route(rollout.model))?.route?.rollout === id) await this.#route(rollout, null);
    });
  }

  /** Tells consoles and whoever watches here. */
  changed({ id, model }: Pick<Rollout, "id" | "model">): void {
    this.#parts.events.emit("rollout.changed", { model, rollout: id });
    this.#parts.wakes.wake(id);
  }

  async #end(id: string, ending: Ending, now: EpochMs): Promise<Rollout | null> {
    const { store } = this.#parts;
    const rollout = await store.find(id);
    if (rollout === null || !openStates.includes(rollout.state)) return rollout;
    await this.#giveBack(rollout, ending);
    const event = { "rolled back": "rollout.rolled_back", aborted: "rollout.aborted", failed: "rollout.failed" }[ending.state];
    const ended = await store.change(id, { state: ending.state, endedAt: now, reason: ending.reason }, { now, actor: ending.actor, event });
    if (ended !== null) this.changed(ended);
    return ended ?? store.find(id);
  }

  /** Traffic first. Where the candidate was the champion, the route keeps everything with the stable version until every server follows the alias. */
  async #giveBack(rollout: Rollout, { actor, reason }: Ending): Promise<Rollout> {
    const { id, model, candidate, stable, kind } = rollout;
    const { store, registry, serving } = this.#parts;
    this.#ending.add(id);
    try {
      const found = await registry.model(model).catch(unlessMissing);
      if (found === null) return rollout;
      const isOwn = (await store.route(model))?.route?.rollout === id;
      const wasCrowned = kind === "rollout" && found.aliases[championAlias] === candidate && isFull(rollout);
      if (isOwn) await this.#route(rollout, wasCrowned ? stableRoute(rollout) : null);
      // The registry may be another rollout's by now.
      if (kind !== "rollout" || ![undefined, id].includes((await store.current(model))?.id)) return rollout;
      const by = this.#by(actor, reason);
      const staged = await registry.version(model, candidate).catch(unlessMissing);
      if (wasCrowned) {
        await registry.setAlias(model, championAlias, stable, by).catch(unlessMissing);
        if ((await registry.version(model, stable).catch(unlessMissing))?.stage === "Archived") await registry.transition(model, stable, "Production", by);
        await serving.follow(model);
      }
      if (found.aliases[challengerAlias] === candidate) await registry.deleteAlias(model, challengerAlias, by).catch(unlessMissing);
      // One that somebody made the champion by hand keeps its place.
      const keeps = found.aliases[championAlias] === candidate && !wasCrowned;
      if (staged !== null && !keeps && (staged.stage === "Staging" || staged.stage === "Production")) await registry.transition(model, candidate, "None", by).catch(unlessMissing);
      return rollout;
    } finally {
      this.#ending.delete(id);
    }
  }

  /** Writes the route and takes it here. */
  async #route({ id, model }: Rollout, route: NewRoute | null): Promise<number> {
    const { store, replicas, clock } = this.#parts;
    const revision = await store.writeRoute(model, route, { actor: ownActor, now: clock.now(), of: id });
    await replicas.apply(model);
    return revision;
  }

  #forward<Result>(id: string, move: (rollout: Rollout) => Promise<Result | null>): Promise<Result | null> {
    return this.#exclusively(id, async () => {
      const rollout = await this.#parts.store.find(id);
      if (rollout === null || !openStates.includes(rollout.state) || endsIt(rollout.request)) return null;
      return move(rollout);
    });
  }

  /** Moves of one rollout come one after the other in this process; those of others make the same moves. */
  #exclusively<Result>(id: string, move: () => Promise<Result>): Promise<Result> {
    const result = (this.#tails.get(id) ?? Promise.resolve()).then(move, move);
    const tail = result.then(() => undefined, () => undefined).then(() => {
      if (this.#tails.get(id) === tail) this.#tails.delete(id);
    });
    this.#tails.set(id, tail);
    return result;
  }

  #by(actor: string, reason: string): ChangeBy {
    return { actor, now: this.#parts.clock.now(), ...(reason === "" ? {} : { reason: reason.slice(0, 1000) }) };
  }
}

export function endsIt(request: RolloutRequest | null): request is RolloutRequest & { action: "abort" | "trip" } {
  return request?.action === "abort" || request?.action === "trip";
}

/** How a rollout ends that somebody asked to end. */
export function endingOf({ action, by, reason, failed }: RolloutRequest): Ending {
  return { state: action === "abort" ? "aborted" : failed === true ? "failed" : "rolled back", actor: by, reason };
}

/** The phase in which the candidate becomes the champion. */
export function isFull({ plan, phase }: Pick<Rollout, "plan" | "phase">): boolean {
  return plan.phases[phase]?.phase === "full";
}

function isSame(left: RolloutRequest, right: RolloutRequest): boolean {
  return left.at === right.at && left.by === right.by && left.action === right.action && left.reason === right.reason;
}

/** What was removed meanwhile needs no giving back. */
function unlessMissing(error: unknown): null {
  if (error instanceof AppError && (error.code === "MODEL_NOT_FOUND" || error.code === "VERSION_NOT_FOUND")) return null;
  throw error;
}
