import type { Clock, EpochMs } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import { routeOfSubject } from "../../core/traffic-subject.ts";
import type { ServingService, TrafficRoute, TruthStore } from "../../serving/index.ts";
import type { FeedbackFeed } from "../../tracing/index.ts";
import type { Timers } from "../../workflows/index.ts";
import { mergeFigures, withoutHashes } from "../figures/merge-figures.ts";
import type { RolloutFigures } from "../figures/rollout-figures.ts";
import type { RolloutStore } from "../rollout-store.ts";
import type { PhaseFigures, RolloutRequest } from "../schemas.ts";
import { FiguresWriter } from "./figures-writer.ts";
import { liveReplicas } from "./live-replicas.ts";
import { RouteTaker } from "./route-taker.ts";
import { scoresReplica } from "./stored-scores.ts";
import { TroubleLog } from "./trouble-log.ts";
import { RolloutScores } from "./rollout-scores.ts";
import { TruthFollower } from "./truth-follower.ts";

export interface RouteReplicaParts {
  /** Of this process, another one after each start: what a former process counted stays beside what this one counts. */
  id: string;
  /** One server at a time has the database: any other that is in it was killed, and is not waited for. */
  isAlone: boolean;
  store: Pick<RolloutStore, "find" | "request" | "route" | "routes" | "writeFigures" | "readFigures" | "reportReplica" | "replicas" | "removeReplica">;
  serving: Pick<ServingService, "applyRoute" | "cutArm">;
  figures: RolloutFigures;
  truths: Pick<TruthStore, "readSince">;
  feedback: FeedbackFeed;
  clock: Clock;
  timers: Timers;
  logger: Logger;
  /** A rollout was asked to go back, because an arm of it failed too often here. */
  onTrip?: (model: string, rollout: string) => void;
}

const beatMs = 1000;
const idleBeatMs = 3000; // Where no model has a route, a disk may rest.
/** Without a write for so long, the database counts as away. */
const cutOffMs = 5000;
/** All routes are looked at so often, whatever the events say. */
const lookMs = 10_000;
const truthMs = 3000;
const askMs = 200;
/** The end of a server does not wait longer for a database that is away. */
const farewellMs = 5000;

/**
 * One server among those that share a database: it takes the routes of models, says which revisions it has, and brings what it counted to where the others see it.
 * Without the database it goes on with the routes that it has.
 */
export class RouteReplica {
  readonly #parts: RouteReplicaParts;
  readonly #writer: FiguresWriter;
  readonly #truth: TruthFollower;
  readonly #scores: RolloutScores;
  readonly #troubles: TroubleLog;
  readonly #routes: RouteTaker;
  /** Of each model with a route. */
  readonly #rollouts = new Map<string, string>();
  readonly #trips: { model: string; rollout: string; request: RolloutRequest }[] = [];
  #state: "new" | "running" | "stopped" = "new";
  #cancelTick: () => void = () => undefined;
  #beating: Promise<void> | null = null;
  #beatAgain = false;
  #readingTruth = false;
  #beatAt = 0;
  #lookAt = 0;
  #truthAt = 0;
  #lastWriteAt = 0;
  #lastSeenAt: EpochMs;
  #saidCutOff = false;

  constructor(parts: RouteReplicaParts) {
    this.#parts = parts;
    this.#troubles = new TroubleLog(parts.logger, "rollouts.trouble");
    this.#writer = new FiguresWriter({ ...parts, replica: parts.id });
    this.#truth = new TruthFollower(parts.truths, parts.figures);
    this.#scores = new RolloutScores(parts);
    this.#routes = new RouteTaker({
      ...parts,
      onTaken: (model, route) => this.#hasTaken(model, route),
      onTrouble: (model, error) => this.#troubles.say("route", error, { model }),
    });
    this.#lastWriteAt = parts.clock.monotonic();
    this.#lastSeenAt = parts.clock.now();
  }

  get id(): string {
    return this.#parts.id;
  }

  /** Whether routes and figures are shared at present. */
  get state(): { lastSeenDatabaseAt: EpochMs; isCutOff: boolean } {
    return { lastSeenDatabaseAt: this.#lastSeenAt, isCutOff: this.#state === "running" && this.#parts.clock.monotonic() - this.#lastWriteAt >= cutOffMs };
  }

  /** Answers when the stored routes are taken; one that cannot be is tried again later. */
  async start(): Promise<void> {
    if (this.#state !== "new") return;
    this.#state = "running";
    const { clock } = this.#parts;
    this.#lastWriteAt = clock.monotonic();
    this.#lookAt = Infinity;
    if (this.#parts.isAlone) await this.#troubles.attempt("former servers", () => this.#removeOthers(this.#parts.store));
    // Others wait for this server from now on.
    this.#tick();
    let areKnown = false;
    await this.#troubles.attempt("routes", async () => {
      const models = await this.#routes.behind();
      areKnown = true;
      await Promise.all(models.map((model) => this.#routes.take(model)));
    });
    this.#lookAt = clock.monotonic() + (areKnown ? lookMs : 0);
  }

  /** Writes the last figures and takes leave. Routes stay as they are, for requests under way. */
  async stop(): Promise<void> {
    if (this.#state !== "running") return;
    this.#state = "stopped";
    this.#cancelTick();
    const late = Promise.withResolvers<void>();
    const cancel = this.#parts.timers.after(farewellMs, late.resolve);
    await Promise.race([late.promise, this.#farewell().catch((error: unknown) => this.#troubles.say("farewell", error))]);
    cancel();
  }

  /** The model's route may have changed: an event said so. */
  follow(model: string): void {
    if (this.#state === "running") void this.#routes.take(model);
  }

  /** The stored route, or that there is none, is in effect when this answers. Throws VERSION_FAILED and what else keeps a version from loading; the former route stays then. */
  apply(model: string): Promise<void> {
    return this.#routes.apply(model);
  }

  /**
   * Settles when every server that is up has the revision, this one too, or after the time with those that have not. A server that dies is waited for until it counts as
   * dead; one that appears is waited for. Throws the reason of the signal, and DATABASE_UNAVAILABLE where the others could not be asked once.
   */
  async whenTaken(model: string, revision: number, { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number }): Promise<{ missing: string[] }> {
    const { clock, store } = this.#parts;
    const end = clock.monotonic() + timeoutMs;
    if (this.#routes.revisionOf(model) < revision) void this.#routes.take(model);
    let missing: string[] | null = null;
    for (;;) {
      signal.throwIfAborted();
      let trouble: unknown = null;
      try {
        const others = liveReplicas(await store.replicas()).filter(({ id, routes }) => id !== this.id && (routes[model] ?? -1) < revision);
        missing = [...(this.#routes.revisionOf(model) < revision ? [this.id] : []), ...others.map(({ id }) => id)];
      } catch (error) {
        trouble = error;
      }
      if (trouble === null && missing?.length === 0) return { missing };
      const left = end - clock.monotonic();
      if (left <= 0) {
        if (missing !== null) return { missing };
        throw trouble;
      }
      await this.#pause(Math.min(askMs, left), signal);
    }
  }

  /** Of all servers, with what this one has not written yet. */
  async figuresOf(rollout: string, phase: string): Promise<PhaseFigures> {
    const { store, figures } = this.#parts;
    const stored = await store.readFigures(rollout, phase);
    const isOpenHere = figures.open().some((open) => open.rollout === rollout && open.phase === phase);
    const scores = this.#scores.ofPhase(rollout, phase);
    const others = stored.filter(({ replica }) => (replica !== this.id || !isOpenHere) && (replica !== scoresReplica || scores === null));
    return withoutHashes(mergeFigures([...others.map((one) => one.figures), ...(isOpenHere ? [figures.ofPhase(rollout, phase)] : []), ...(scores === null ? [] : [scores])]));
  }

  /** The arm has no traffic here when this returns; the rollout is asked to go back as soon as the database can be told. For `RolloutFigures`. */
  trip(route: TrafficRoute, arm: string, reason: string): void {
    const { serving, clock } = this.#parts;
    const { model, rollout, hard } = route;
    serving.cutArm(model, rollout, arm);
    const times = hard.failures === 1 ? "once" : `${hard.failures} times`;
    const request: RolloutRequest = { action: "trip", by: "rollouts", at: clock.now(), reason: `${arm} failed ${times} on one server, the last time with: ${reason}` };
    this.#trips.push({ model, rollout, request });
    this.#parts.logger.warn("rollout.tripped", { model, rollout, arm, reason });
    this.#beat(true);
  }

  #hasTaken(model: string, route: TrafficRoute | null): void {
    const former = this.#rollouts.get(model);
    if (former !== undefined && former !== route?.rollout) {
      this.#writer.ended(former);
      this.#scores.ended(former);
    }
    if (route?.kind === "rollout" && routeOfSubject(model) !== null) this.#scores.follow(route.rollout);
    if (route === null) this.#rollouts.delete(model);
    else {
      this.#rollouts.set(model, route.rollout);
      // Without an arm and a shadow nothing is counted, so what was is complete.
      if (route.arms.length > 0 || route.shadow !== null) this.#writer.began(route.rollout);
      else this.#writer.ended(route.rollout);
    }
    this.#beat(true);
  }

  readonly #tick = (): void => {
    if (this.#state !== "running") return;
    const now = this.#parts.clock.monotonic();
    if (this.state.isCutOff && !this.#saidCutOff) {
      this.#saidCutOff = true;
      this.#parts.logger.warn("rollouts.cut_off", { lastSeenDatabaseAt: this.#lastSeenAt, models: [...this.#rollouts.keys()] });
    }
    if (this.#rollouts.size > 0 || this.#trips.length > 0 || now >= this.#beatAt) this.#beat(false);
    this.#routes.retry(now);
    if (now >= this.#lookAt) void this.#look(now);
    if (now >= this.#truthAt && (this.#parts.figures.open().length > 0 || this.#scores.size > 0)) void this.#readTruth(now);
    this.#cancelTick = this.#parts.timers.after(beatMs, this.#tick);
  };

  /** One at a time; `isNews`: another follows at once where one is under way. */
  #beat(isNews: boolean): void {
    if (this.#state !== "running") return;
    if (this.#beating !== null) {
      this.#beatAgain ||= isNews;
      return;
    }
    this.#beatAt = this.#parts.clock.monotonic() + idleBeatMs;
    this.#beating = this.#beatOnce().finally(() => {
      this.#beating = null;
      if (!this.#beatAgain) return;
      this.#beatAgain = false;
      this.#beat(false);
    });
  }

  async #beatOnce(): Promise<void> {
    await this.#troubles.attempt("trip", () => this.#sendTrips());
    await this.#troubles.attempt("report", () => this.#report());
    await this.#troubles.attempt("figures", () => this.#writer.write());
  }

  async #report(): Promise<void> {
    const { store, clock, id, logger } = this.#parts;
    await store.reportReplica({ id, seenAt: clock.now(), routes: this.#routes.taken });
    this.#lastWriteAt = clock.monotonic();
    this.#lastSeenAt = clock.now();
    this.#troubles.forget();
    if (!this.#saidCutOff) return;
    this.#saidCutOff = false;
    logger.info("rollouts.connected", {});
    this.#lookAt = 0;
  }

  async #removeOthers(store: RouteReplicaParts["store"]): Promise<void> {
    for (const { id } of await store.replicas()) if (id !== this.id) await store.removeReplica(id);
  }

  async #sendTrips(): Promise<void> {
    for (let trip = this.#trips[0]; trip !== undefined; trip = this.#trips[0]) {
      await this.#parts.store.request(trip.rollout, trip.request);
      this.#trips.shift();
      this.#parts.onTrip?.(trip.model, trip.rollout);
    }
  }

  /** Takes what no event told of. */
  async #look(now: number): Promise<void> {
    this.#lookAt = now + lookMs;
    await this.#troubles.attempt("routes", async () => {
      // What loads for long must not keep the next look waiting.
      for (const model of await this.#routes.behind()) void this.#routes.take(model);
    });
  }

  async #readTruth(now: number): Promise<void> {
    if (this.#readingTruth) return;
    this.#readingTruth = true;
    this.#truthAt = now + truthMs;
    await this.#troubles.attempt("truth", () => this.#truth.read(this.#parts.clock.now()));
    await this.#troubles.attempt("scores", () => this.#scores.read());
    this.#readingTruth = false;
  }

  async #farewell(): Promise<void> {
    await this.#beating;
    await this.#troubles.attempt("trip", () => this.#sendTrips());
    await this.#troubles.attempt("figures", () => this.#writer.write());
    await this.#parts.store.removeReplica(this.id);
  }

  #pause(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const cancel = this.#parts.timers.after(milliseconds, end);
      signal.addEventListener("abort", end, { once: true });
    });
  }
}
