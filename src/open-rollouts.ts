import { randomBytes } from "node:crypto";
import { DuckdbMetricSource } from "./adapters/duckdb/duckdb-metric-source.ts";
import { replicaName } from "./adapters/filesystem/replica-name.ts";
import { SqlAbTestStore } from "./adapters/sql/rollouts/sql-ab-test-store.ts";
import { SqlFeedbackFeed } from "./adapters/sql/tracing/sql-feedback-feed.ts";
import { SqlRouteRevisionStore } from "./adapters/sql/gateway/sql-route-revision-store.ts";
import { SqlRolloutStore } from "./adapters/sql/rollouts/sql-rollout-store.ts";
import type { SqlDatabase } from "./adapters/sql/sql-database.ts";
import type { Config, Posture } from "./config/index.ts";
import type { AccessServices } from "./access/index.ts";
import { mayOn, type Caller } from "./core/caller.ts";
import { epochMs, type Clock } from "./core/clock.ts";
import type { DoctorCheck } from "./core/doctor-check.ts";
import { AppError, toAppError } from "./core/errors.ts";
import type { EventBus } from "./core/events.ts";
import type { IdGenerator } from "./core/ids.ts";
import type { Logger } from "./core/logger.ts";
import { stopInOrder } from "./core/stop-in-order.ts";
import { routeOfSubject, routeSubject, subjectReference } from "./core/traffic-subject.ts";
import type { RecordedEvent, Subscriber } from "./events/index.ts";
import type { OpenedGateway } from "./open-gateway.ts";
import type { BlobStore, ChangeBy, RegistrySearch, RegistryService, RolloutPlan } from "./registry/index.ts";
import {
  AbTestKeeper, AbTestService, keepFormerVersions, liveReplicas, probeWithHostileInputs, replicaCheck, RolloutMetricReader, RolloutMoves, RolloutRecovery, RolloutService, rolloutSubscriber, RolloutWakes, rolloutWorkflow, RouteReplica, PhaseWatch, scanModelFiles,
  type AbTestCounts, type CheckParts, type Rollout, type RolloutFigures, type RolloutParts, type RolloutRegistry,
  assertMetricsReadable, assertRoutePlan, chosenBySubject, registryBySubject, routeOnlyProblems, RouteRegistry, RouteRollouts, servingBySubject, shadowProblems, verdictAt,
} from "./rollouts/index.ts";
import type { ServingRouteParts, ServingService, TrafficRoute, TruthStore } from "./serving/index.ts";
import { systemTimers, type CommandRunner, type WorkflowDefinition, type WorkflowService } from "./workflows/index.ts";

interface Parts {
  config: Config;
  posture: Posture;
  database: SqlDatabase;
  registry: RegistryService;
  registryStore: Pick<RegistrySearch, "listChanges">;
  blobs: BlobStore;
  serving: ServingService;
  log: ConstructorParameters<typeof DuckdbMetricSource>[0]["log"];
  truth: TruthStore;
  gateway: Pick<OpenedGateway, "catalog" | "ledger" | "settings" | "splits">;
  environment: Readonly<Record<string, string>>;
  access: () => AccessServices;
  /** Made after the definition. */
  workflows: () => { service: WorkflowService; commands: CommandRunner };
  /** Where programs of checks reach this server. */
  url: () => string;
  events: EventBus;
  clock: Clock;
  ids: IdGenerator;
  logger: Logger;
}

export interface OpenedRollouts {
  /** What serving asks of rollouts. */
  forServing: Required<Pick<ServingRouteParts, "verdictAt" | "assertPolicy">>;
  rollouts: RolloutService;
  abTests: AbTestService;
  ofRoutes: RouteRollouts;
  /** Whether the caller may know of a model, or of a route as `route:NAME`. */
  sees(caller: Caller, subject: string): boolean;
  /** Ends what splits the calls of a route, where something does. */
  endOfRoute(route: string, reason: string, by: ChangeBy): Promise<void>;
  /** An arm failed too often on this server: it has no traffic here when this returns. */
  trip(route: TrafficRoute, arm: string, reason: string): void;
  definition: WorkflowDefinition;
  subscriber: Subscriber;
  /** What other servers, and this one, did to routes and rollouts. */
  follow(event: RecordedEvent): void;
  replica: RouteReplica;
  check: DoctorCheck;
  /** How many servers on this database are up. */
  servers(): Promise<number>;
  /** Takes the stored routes; before it answers, requests go to champions alone. And finds rollouts that nobody carries out. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Checks end within their own time; a key that outlives its server ends by itself. */
const keyLivesMs = 3_600_000;

/** Rollouts: what watches, what changes traffic, and what starts and ends them. `figures` and `counts` were made before, for serving to tell of requests. */
export function openRollouts(parts: Parts, figures: RolloutFigures, counts: AbTestCounts): OpenedRollouts {
  const { config, database, serving, clock, ids, events, logger, truth } = parts;
  const store = new SqlRolloutStore(database, ids, config.databaseUrl === undefined ? "given" : "database");
  const failed = (what: string, model: string) => (error: unknown): void => {
    const { code, message, cause } = toAppError(error);
    logger.error(what, { model, code, reason: message, cause });
  };
  // Another one after each start: what a former process counted stays beside what this one counts.
  const id = `${replicaName(config.data)}-${randomBytes(4).toString("hex")}`;
  const feedback = new SqlFeedbackFeed(database);
  const revisions = new SqlRouteRevisionStore(database, ids);
  const routes = new RouteRegistry({ revisions, splits: parts.gateway.splits, refresh: () => parts.gateway.catalog.load(), troubleWith: (route, settings) => parts.gateway.settings.troubleWith(route, settings), clock });
  parts.gateway.splits.watch({
    answered: (sample) => {
      figures.answeredCall(sample);
      counts.answeredCall(sample);
    },
    // A/B tests have no shadows.
    paired: (pair) => figures.pairedCalls(pair),
    skipped: (route) => figures.shadowSkipped(route),
  });
  const traffic = servingBySubject({ model: serving, route: routes.serving });
  const replica = new RouteReplica({
    id, isAlone: config.databaseUrl === undefined, store, serving: traffic, figures, truths: truth, feedback, clock, timers: systemTimers, logger,
    onTrip: (model, rollout) => void rollouts.tripped(rollout).catch(failed("rollout.not_ended", model)),
  });
  const wakes = new RolloutWakes(systemTimers);
  const registry = registryBySubject({ model: registryOf(parts), route: routes });
  const source = new DuckdbMetricSource({ log: parts.log, truth, environment: parts.environment, logger, signatureOf: async (model, version) => (await parts.registry.version(model, version)).contract.signature });
  const rolloutParts: RolloutParts = {
    store, registry, serving: traffic, replicas: replica, wakes, clock, timers: systemTimers, ids, events, logger,
    metrics: new RolloutMetricReader({ source, clock, logger, wakes }),
    figuresOf: (rollout, phase) => replica.figuresOf(rollout, phase),
  };
  const moves = new RolloutMoves(rolloutParts);
  const watch = new PhaseWatch(rolloutParts);
  const teamOf = chosenBySubject({ model: (name: string) => parts.registry.teamOf(name), route: (subject: string) => parts.gateway.catalog.route(routeOfSubject(subject)!)?.team ?? null });
  const seenBy = chosenBySubject({
    model: (caller: Caller, name: string) => parts.registry.sees(caller, name),
    route: (caller: Caller, subject: string) => mayOn(caller, "viewer", subjectReference(subject, parts.gateway.catalog.route(routeOfSubject(subject)!)?.team ?? null)),
  });
  const chosenTeam = (subject: string): ReturnType<RegistryService["teamOf"]> => teamOf(subject)(subject);
  const assertPlanOf = chosenBySubject({
    model: async (plan: RolloutPlan, path: string) => {
      const problems = [...routeOnlyProblems(plan, path), ...shadowProblems(plan, path)];
      if (problems.length > 0) throw new AppError("POLICY_INVALID", problems.map(({ message }) => message).join(" "), { problems });
      await assertMetricsReadable(plan, path, source);
    },
    route: (plan: RolloutPlan) => Promise.resolve(assertRoutePlan(plan)),
  });
  const rollouts: RolloutService = new RolloutService({
    ...rolloutParts, moves, watch,
    workflows: { start: (...asked) => parts.workflows().service.start(...asked), signal: (asked) => parts.workflows().service.signal(asked), steps: (run) => parts.workflows().service.steps(run) },
    teamOf: chosenTeam,
    modelNames: async () => [...(await parts.registry.listModels()), ...parts.gateway.catalog.routes().map(({ name, team }) => ({ name: routeSubject(name), team }))],
    assertPlan: (model, plan) => assertPlanOf(model)(plan, "plan"),
  });
  const forTests = { ...rolloutParts, abTests: new SqlAbTestStore(database), counts, replica: id, teamOf: chosenTeam };
  const abTests = new AbTestService(forTests);
  const keeper = new AbTestKeeper({ ...forTests, service: abTests, truths: truth, feedback });
  events.on("alias.changed", ({ model, alias, version }) => {
    if (alias === "champion") void rollouts.championMoved(model, version).catch(failed("rollout.champion_not_followed", model));
  });
  const isPriced = ({ provider, model }: { provider: string; model: string }): boolean => {
    const { catalog, ledger } = parts.gateway;
    const kind = catalog.provider(provider)?.settings.kind;
    return kind !== undefined && ledger.prices.priceOf(kind, provider, model, clock.now()) !== null;
  };
  const recovery = new RolloutRecovery({ recover: () => rollouts.recover(), timers: systemTimers, logger });
  const stopping = new AbortController();
  return {
    rollouts, replica, abTests,
    ofRoutes: new RouteRollouts({ rollouts, abTests, store, settings: parts.gateway.settings, revisions, logger, isPriced }),
    sees: (caller, subject) => seenBy(subject)(caller, subject),
    endOfRoute: async (route, reason, by) => {
      const open = await store.current(routeSubject(route));
      if (open?.kind === "rollout") await rollouts.abort(open.model, { ...by, reason });
      if (open?.kind === "ab-test") await abTests.end(open, reason, by);
    },
    trip: (route, arm, reason) => (route.kind === "ab-test" ? keeper : replica).trip(route, arm, reason),
    forServing: {
      verdictAt: (rollout, time) => verdictAt(store, rollout, time),
      assertPolicy: (policy) => assertPlanOf("")(policy.rollout, "policy.rollout"),
    },
    definition: rolloutWorkflow({ ...rolloutParts, moves, watch, checks: checksOf(parts, store) }),
    subscriber: rolloutSubscriber(rollouts, registry),
    check: replicaCheck({ replica, store }),
    servers: async () => liveReplicas(await store.replicas()).length,
    follow({ type, payload }) {
      const { model } = payload as { model: string };
      if (type === "model.route.changed") replica.follow(model);
      if (type === "model.route.changed" || type.startsWith("rollout.")) {
        const { rollout } = payload as { rollout: string | null };
        if (rollout !== null) {
          events.emit("rollout.changed", { model, rollout });
          wakes.wake(rollout);
        }
      }
    },
    async start() {
      await replica.start();
      await recovery.start();
      keeper.start();
      // Champions first; nobody waits for these.
      void serving.whenLoaded().then(() => keepFormerVersions({ store, serving: traffic, clock, logger }, stopping.signal));
    },
    stop() {
      stopping.abort();
      return stopInOrder([["recovery", () => recovery.stop()], ["figures", () => keeper.stop()], ["routes", () => replica.stop()], ["metrics by SQL", () => source.close()]]);
    },
  };
}

/** The registry as rollouts change it: by whoever asked, past the rights that were judged before. */
function registryOf({ registry, registryStore }: Pick<Parts, "registry" | "registryStore">): RolloutRegistry {
  const callerOf = ({ actor }: ChangeBy): Caller => ({ actor, name: actor, grants: [{ role: "admin", team: "*" }] });
  return {
    model: (name) => registry.model(name),
    version: (model, version) => registry.version(model, version),
    policy: (model) => registry.policy(model),
    changes: (model, page) => registryStore.listChanges(model, page),
    transition: async (model, version, stage, by) => void (await registry.catalog.transition(callerOf(by), model, version, stage, { archiveExisting: false }, by)),
    setAlias: (model, alias, version, by) => registry.catalog.setAlias(callerOf(by), model, alias, version, by),
    deleteAlias: async (model, alias, by) => void (await registry.catalog.deleteAlias(callerOf(by), model, alias, by)),
  };
}

function checksOf({ registry, blobs, serving, posture, access, url, workflows, clock }: Parts, store: SqlRolloutStore): CheckParts {
  const filesOf = async ({ model, candidate }: Rollout): Promise<{ name: string; path: string }[]> => {
    const { contract } = await registry.version(model, candidate);
    const files: { name: string; path: string }[] = [];
    for (const { path, digest } of contract.runtime.artifacts) files.push({ name: path, path: await blobs.verifiedPath(digest) });
    return files;
  };
  return {
    store, filesOf,
    commands: () => workflows().commands,
    async environmentOf({ id, model, team }): ReturnType<CheckParts["environmentOf"]> {
      if (posture.mode === "open") return { environment: { SLIPWAY_URL: url() }, release: () => Promise.resolve() };
      const maker: Caller = { actor: "rollouts", name: "rollouts", grants: [{ role: "admin", team: "*" }] };
      const key = await access().keys.issue(maker, { name: `checks of ${id}`, grants: [{ role: "viewer", team, models: [model] }], team, expiresAt: epochMs(clock.now() + keyLivesMs) }, clock.now());
      return { environment: { SLIPWAY_URL: url(), SLIPWAY_API_KEY: key.key }, release: async () => void (await access().keys.revoke(maker, key.id, clock.now())) };
    },
    scanFiles: async (rollout) => scanModelFiles((await registry.version(rollout.model, rollout.candidate)).contract, await filesOf(rollout)),
    async scanEndpoint({ model, candidate }, signal) {
      await serving.load(model, candidate);
      const { contract } = await registry.version(model, candidate);
      return probeWithHostileInputs(contract.signature, async (inputs) => {
        await serving.infer({ model, version: candidate, id: null, inputs, outputs: undefined, deadlineMs: undefined, connection: { signal, headers: {} }, routingKey: undefined, now: clock.now(), door: "rest" });
      });
    },
  };
}
