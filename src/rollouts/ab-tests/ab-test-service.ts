import { randomBytes } from "node:crypto";
import type { Caller } from "../../core/caller.ts";
import { counted } from "../../core/counted.ts";
import { AppError } from "../../core/errors.ts";
import { requireOn } from "../../core/request-gate.ts";
import { subjectReference, versionWords } from "../../core/traffic-subject.ts";
import { RolloutPlan } from "../../registry/index.ts";
import type { TrafficRoute } from "../../serving/index.ts";
import { assertAnswering } from "../assert-answering.ts";
import type { RolledVersion, RolloutParts } from "../rollout-parts.ts";
import type { AskedBy } from "../rollout-service.ts";
import { startableRollout } from "../rollout-start.ts";
import { openStates, type Rollout } from "../schemas.ts";
import { AbTestEndings, ended, type WantedEnd } from "./ab-test-endings.ts";
import { plannedTest, testRoute } from "./ab-test-plan.ts";
import { abTestReport, lookOf, withLook } from "./ab-test-report.ts";
import type { AbTestCounts } from "./ab-test-counts.ts";
import type { AbTestStore } from "./ab-test-store.ts";
import { mergeAbTestFigures } from "./merge-units.ts";
import { covariatePlace } from "./metric-values.ts";
import { testOf, type AbTestOutcome, type AbTestReport, type AbTestState, type NewAbTest } from "./schemas.ts";

export interface AbTestServiceParts extends Pick<RolloutParts, "store" | "registry" | "serving" | "replicas" | "clock" | "ids" | "events" | "logger"> {
  abTests: AbTestStore;
  counts: AbTestCounts;
  /** Name of this server since its start, as its figures are kept under. */
  replica: string;
  teamOf(model: string): string | null | Promise<string | null>;
}

/** Looks are kept so many times in the age of a test, and not oftener than each 5 s. */
const looksPerAge = 50;
const shortestLookMs = 5000;
const longestLookMs = 3_600_000;
const dayMs = 86_400_000;
const ownActor = "rollouts";

/** Starting, reading and ending A/B tests. A test is a rollout of kind `ab-test` without phases: one row, one route, and what its arms do. */
export class AbTestService {
  readonly #parts: AbTestServiceParts;
  readonly #endings: AbTestEndings;
  /** Changes of tests come one after the other here: each is of what the one before left. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(parts: AbTestServiceParts) {
    this.#parts = parts;
    this.#endings = new AbTestEndings(parts);
  }

  /** Throws MODEL_NOT_FOUND, VERSION_NOT_FOUND, VERSION_NOT_RUNNABLE, ROLLOUT_IMPOSSIBLE, ROLLOUT_UNDER_WAY, INVALID_REQUEST, VERSION_FAILED. */
  async start(model: string, asked: NewAbTest, { actor, now }: Omit<AskedBy, "reason">): Promise<Rollout> {
    const { store, registry, ids, clock } = this.#parts;
    const test = plannedTest(asked);
    const [first] = test.variants;
    const plan = RolloutPlan.parse({});
    let found: { team: string; stable: string } | null = null;
    for (const { version } of test.variants) found = await startableRollout(registry, model, { version, plan, reason: "" });
    if (first === undefined || found === null) throw new AppError("INVALID_REQUEST", "An A/B test needs a variant.");
    if (test.covariate !== null) assertCovariate(await registry.version(model, found.stable), test.covariate);
    const rollout: Rollout = {
      id: ids.next("rollout"), model, team: found.team, kind: "ab-test", stable: found.stable, candidate: first.version, state: "running", plan, phase: -1, phaseSince: now, startedAt: now,
      startedBy: actor, endedAt: null, reason: asked.reason, request: null, workflowRun: null, salt: randomBytes(12).toString("hex"), test,
    };
    await store.add(rollout);
    try {
      await this.#route(rollout);
    } catch (error) {
      await store.change(rollout.id, { state: "failed", reason: "a version could not be loaded", endedAt: now }, { now: clock.now(), actor: ownActor, event: "rollout.failed" });
      await this.#clear(rollout);
      throw error;
    }
    this.#changed(rollout);
    return rollout;
  }

  /** Throws ROLLOUT_NOT_FOUND, also for one that the caller may not see. */
  async report(caller: Caller, id: string): Promise<AbTestReport> {
    return this.#report(await this.#allowed(caller, id, "viewer"));
  }

  /**
   * The control has all traffic when it answers; or `promote`, the name of a variant, is the champion. Where it throws DATABASE_UNAVAILABLE or the server dies, the wish stands if it was written, and any server carries it
   * out; otherwise the test goes on. Throws ROLLOUT_NOT_FOUND, ROLLOUT_ENDED (also where somebody else ends it at this moment), ROLLOUT_IMPOSSIBLE, VERSION_NOT_FOUND, VERSION_NOT_RUNNABLE, VERSION_FAILED, INVALID_REQUEST.
   */
  async stop(caller: Caller, id: string, { promote, reason }: { promote: string | null; reason: string }, { actor, now }: Omit<AskedBy, "reason">): Promise<AbTestReport> {
    const rollout = await this.#allowed(caller, id, "deployer");
    const winner = promote === null ? null : testOf(rollout).variants.find(({ name }) => name === promote);
    if (winner === undefined) throw new AppError("INVALID_REQUEST", `The test has no variant ${JSON.stringify(promote)}.`);
    if (winner !== null) assertAnswering(rollout.model, await this.#parts.registry.version(rollout.model, winner.version));
    const said = `${winner === null ? "stopped" : `stopped, and ${winner.name} promoted,`} by ${actor}${reason === "" ? "" : `: ${reason}`}`;
    await this.#inTurn(() => this.#end(rollout, { promote, reason: said.trimEnd(), why: reason, actor, now }));
    return this.#report((await this.#parts.store.find(id)) ?? rollout);
  }

  /** What it is of goes away: nobody is in it any more when it answers. What somebody else asked for at this moment is done first. */
  end(rollout: Rollout, reason: string, by: Omit<AskedBy, "reason">): Promise<void> {
    return this.#inTurn(async () => {
      if (await this.#finish(rollout).catch(() => false)) return;
      await this.#end(rollout, { promote: null, reason, why: reason, ...by });
    });
  }

  /** Values that are known elsewhere, of predictions of this test. Throws ROLLOUT_NOT_FOUND, ROLLOUT_ENDED, INVALID_REQUEST for another metric. */
  async addOutcomes(caller: Caller, id: string, outcomes: readonly AbTestOutcome[], now: AskedBy["now"]): Promise<{ received: number }> {
    const rollout = await this.#allowed(caller, id, "deployer");
    if (!openStates.includes(rollout.state)) throw ended(rollout);
    const { metric } = testOf(rollout);
    const other = outcomes.find((outcome) => outcome.metric !== metric);
    if (other !== undefined) throw new AppError("INVALID_REQUEST", `The metric of this test is ${metric}, and not ${other.metric}.`);
    await this.#parts.abTests.addOutcomes(id, outcomes, now);
    return { received: outcomes.length };
  }

  /** The variant has no traffic on this server when it returns; `cut` takes it everywhere. */
  cutHere({ model, rollout }: TrafficRoute, arm: string): void {
    this.#parts.serving.cutArm(model, rollout, arm);
  }

  /** The variant has no traffic on any server soon after; the others go on. To be tried again as long as it throws. */
  cut(route: TrafficRoute, arm: string, reason: string): Promise<void> {
    return this.#inTurn(() => this.#cut(route.rollout, arm, `it failed ${counted(route.hard.failures, "time")} on one server, the last time with: ${reason}`));
  }

  /** Keeps a look where one is due, and ends what has lasted for long enough. */
  attend(rollout: Rollout): Promise<void> {
    return this.#inTurn(() => this.#attend(rollout));
  }

  /** Routes of tests that have ended are taken away, where a server died before it did so. */
  async clearEnded(): Promise<void> {
    const { store } = this.#parts;
    for (const { route } of await store.routes()) {
      if (route?.kind !== "ab-test") continue;
      const rollout = await store.find(route.rollout);
      if (rollout !== null && !openStates.includes(rollout.state)) await this.#clear(rollout);
    }
  }

  /** Those under way, of all models. */
  async open(): Promise<Rollout[]> {
    return (await this.#parts.store.list({ open: true, limit: 1000 })).filter(({ kind }) => kind === "ab-test");
  }

  async #cut(id: string, arm: string, why: string): Promise<void> {
    const { store, clock, logger } = this.#parts;
    let rollout = await store.find(id);
    if (rollout === null || !openStates.includes(rollout.state)) return;
    const now = clock.now();
    const state = testOf(rollout);
    if (state.variants.some(({ name, cut }) => name === arm && cut === null)) {
      logger.warn("abtest.cut", { model: rollout.model, rollout: id, arm, reason: why });
      const cut = { at: now, reason: why };
      rollout = await store.change(rollout.id, { test: (present) => withCut(testOf({ test: present }), arm, cut), reason: `${arm} lost its traffic: ${why}` }, { now, actor: ownActor });
      if (rollout === null) return;
    }
    if (testOf(rollout).variants.every(({ cut }) => cut !== null)) {
      return this.#endItself(rollout, `every variant lost its traffic; the last was ${arm}: ${why}`);
    }
    // Also where an earlier attempt came no further than the row.
    if ((await store.route(rollout.model))?.route?.arms.some(({ name }) => name === arm) !== false) await this.#route(rollout);
    this.#changed(rollout);
  }

  async #attend({ id }: Rollout): Promise<void> {
    const { store, clock } = this.#parts;
    const now = clock.now();
    const rollout = await store.find(id);
    if (rollout === null || !openStates.includes(rollout.state)) return;
    if (rollout.request !== null) {
      // The server that was asked has died, or could not do it then.
      if (await this.#endings.isOurs(rollout.request)) await this.#finish(rollout);
      return;
    }
    if ((await store.route(rollout.model))?.route?.rollout !== id) {
      // A server ended between writing the test and its route.
      await this.#route(rollout);
      await this.clearEnded();
    }
    const { looks, maxDays, variants } = testOf(rollout);
    for (const { name, version, cut } of variants) {
      if (cut === null && (await this.#isGone(rollout.model, version))) return this.#cut(id, name, `${versionWords(rollout.model, version)} was deleted`);
    }
    const age = now - rollout.startedAt;
    const isOver = age >= maxDays * dayMs;
    const gap = Math.min(longestLookMs, Math.max(shortestLookMs, age / looksPerAge));
    if (!isOver && now - (looks.at(-1)?.time ?? 0) < gap) return;
    const look = lookOf(await this.#report(rollout));
    if (look !== null) {
      const known = looks.at(-1)?.time;
      const added = (present: AbTestState): AbTestState => (present.looks.at(-1)?.time === known ? { ...present, looks: withLook(present.looks, look) } : present);
      // Where another server has looked meanwhile, its look is the one that was due.
      await store.change(id, { test: (present) => added(testOf({ test: present })) }, { now, actor: ownActor });
      this.#changed(rollout);
    }
    if (isOver) await this.#endItself(rollout, `it lasted for its ${counted(maxDays, "day")}`);
  }

  async #report(rollout: Rollout): Promise<AbTestReport> {
    const { abTests, counts, replica, clock } = this.#parts;
    const own = counts.of(rollout.id);
    const stored = await abTests.readFigures(rollout.id);
    const others = own === null ? stored : stored.filter((one) => one.replica !== replica);
    return abTestReport(rollout, mergeAbTestFigures([...others.map(({ figures }) => figures), ...(own === null ? [] : [own])]), clock.now());
  }

  /** Nobody asked for it: where somebody does at this moment, or another server was quicker, their word counts. */
  async #endItself(rollout: Rollout, reason: string): Promise<void> {
    try {
      await this.#end(rollout, { promote: null, reason, why: reason, actor: ownActor, now: this.#parts.clock.now() });
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "ROLLOUT_ENDED") throw error;
    }
  }

  async #end(rollout: Rollout, wanted: WantedEnd): Promise<void> {
    await this.#endings.claim(rollout, wanted);
    await this.#finish(rollout);
  }

  /** Does what was asked, and gives the traffic to the champion. Answers whether the test has ended. */
  async #finish(rollout: Rollout): Promise<boolean> {
    await this.#endings.carryOut(rollout.id);
    const latest = await this.#parts.store.find(rollout.id);
    if (latest !== null && openStates.includes(latest.state)) return false;
    await this.#clear(rollout);
    this.#changed(rollout);
    return true;
  }

  async #isGone(model: string, version: string): Promise<boolean> {
    try {
      await this.#parts.registry.version(model, version);
      return false;
    } catch (error) {
      if (error instanceof AppError && error.code === "VERSION_NOT_FOUND") return true;
      throw error;
    }
  }

  /** Writes the route and takes it here. Another server that cuts a variant meanwhile writes one too, and nobody knows whose is the later: who finds another test behind its own writes again. */
  async #route(rollout: Rollout): Promise<void> {
    const { store, replicas, clock } = this.#parts;
    for (let of = rollout; ;) {
      await store.writeRoute(of.model, testRoute(of), { actor: ownActor, now: clock.now(), of: of.id });
      const latest = await store.find(of.id);
      if (latest !== null && !openStates.includes(latest.state)) return this.#clear(latest);
      if (latest === null || cutsOf(latest) === cutsOf(of)) break;
      of = latest;
    }
    await replicas.apply(rollout.model);
  }

  /** The champion has all traffic, where the route is still that of this test. */
  async #clear({ id, model }: Rollout): Promise<void> {
    const { store, replicas, clock } = this.#parts;
    if ((await store.route(model))?.route?.rollout !== id) return;
    await store.writeRoute(model, null, { actor: ownActor, now: clock.now(), of: id });
    await replicas.apply(model);
  }

  async #allowed(caller: Caller, id: string, role: "viewer" | "deployer"): Promise<Rollout> {
    const missing = new AppError("ROLLOUT_NOT_FOUND", `There is no A/B test ${JSON.stringify(id)}.`);
    const rollout = await this.#parts.store.find(id);
    if (rollout?.kind !== "ab-test") throw missing;
    requireOn(caller, role, subjectReference(rollout.model, await this.#parts.teamOf(rollout.model)), missing);
    return rollout;
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    const turn = this.#tail.then(change, change);
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  #changed({ id, model }: Rollout): void {
    this.#parts.events.emit("rollout.changed", { model, rollout: id });
  }
}

function cutsOf(rollout: Rollout): string {
  return testOf(rollout).variants.map(({ cut }) => (cut === null ? "-" : "cut")).join();
}

/** A variant is cut once. */
function withCut(state: AbTestState, arm: string, cut: { at: number; reason: string }): AbTestState {
  return { ...state, variants: state.variants.map((variant) => (variant.name === arm && variant.cut === null ? { ...variant, cut } : variant)) };
}

function assertCovariate(version: RolledVersion, name: string): void {
  if (covariatePlace(version, name) === null) throw new AppError("INVALID_REQUEST", `Version ${version.version} has no input of numbers, and no column of one, with the name ${name}.`, { problems: [{ path: "covariate", message: "name an input or column of numbers" }] });
}
