import { rolloutStoreOn } from "../adapters/sql/rollouts/rollout-store.fixture.ts";
import type { SqlDatabase } from "../adapters/sql/sql-database.ts";
import { localCaller } from "../core/caller.ts";
import { epochMs, ManualClock } from "../core/clock.ts";
import { EventBus } from "../core/events.ts";
import { TimeOrderedIds } from "../core/ids.ts";
import { silentLogger } from "../core/logger.ts";
import { championAlias, RolloutPlan } from "../registry/index.ts";
import { registryAddition } from "../registry/registry-addition.fixture.ts";
import { ManualTimers } from "../workflows/manual-timers.fixture.ts";
import type { CommandRunner, WorkflowEngineOptions } from "../workflows/index.ts";
import { until, workflowStage } from "../workflows/workflow-stage.fixture.ts";
import type { CheckParts } from "./entry-checks.ts";
import { RolloutMoves } from "./rollout-moves.ts";
import type { RolloutParts, RolloutRegistry } from "./rollout-parts.ts";
import { RolloutService } from "./rollout-service.ts";
import { RolloutWakes } from "./rollout-wakes.ts";
import { rolloutWorkflow } from "./rollout-workflow.ts";
import { openStates, type ArmFigures, type PhaseFigures, type Rollout, type RolloutStatus } from "./schemas.ts";
import { PhaseWatch } from "./watch-phase.ts";

export const by = { actor: "key:key_1", now: epochMs(1_700_000_000_500), reason: "" };

/** A plan that goes through canary and full within seconds of the test's clock. */
export function shortPlan(more: Partial<Record<keyof RolloutPlan, unknown>> = {}, phase: Record<string, unknown> = {}): RolloutPlan {
  return RolloutPlan.parse({
    keepWarmSeconds: 5,
    phases: [
      { phase: "canary", weight: 0.1, minSeconds: 30, minSamples: 50, gates: [], ...phase },
      { phase: "full", weight: 1, minSeconds: 10, gates: [] },
    ],
    ...more,
  });
}

export function armFigures(arm: string, requests: number, failures: Record<string, number> = {}): ArmFigures {
  return { arm, version: arm === "stable" ? "1" : "2", requests, rows: requests, failures, retries: 0, latencyUs: [], predictions: null, errors: { count: 0, mean: 0, m2: 0 } };
}

/** For tests: the model flights with two versions, the first of them champion, and a server on the database; serving, servers and figures are pretended. */
export async function rolloutWorld(database: SqlDatabase, engine: Partial<WorkflowEngineOptions> = {}) {
  const { store, registry: registryStore, events: written } = rolloutStoreOn(database);
  const model = `flights-${Math.random().toString(36).slice(2, 10)}`;
  for (let version = 0; version < 2; version++) await registryStore.addVersion(registryAddition(model));
  await registryStore.setAlias({ model, alias: championAlias, version: "1", ...by });

  const registry: RolloutRegistry = {
    model: async (name) => (await registryStore.findModel(name))!,
    version: async (name, version) => (await registryStore.findVersion(name, version))!,
    policy: async (name) => (await registryStore.currentPolicy(name))!,
    changes: (name, page) => registryStore.listChanges(name, page),
    transition: async (name, version, stage, change) => void (await registryStore.transition(name, version, stage, { archiveExisting: false }, change)),
    setAlias: (name, alias, version, change) => registryStore.setAlias({ model: name, alias, version, ...change }),
    deleteAlias: async (name, alias, change) => void (await registryStore.deleteAlias(name, alias, change)),
  };
  const world = {
    figures: new Map<string, PhaseFigures>(),
    /** What happened to the traffic on this server, in order. */
    traffic: [] as string[],
    missing: [] as string[],
    refuses: null as Error | null,
    commands: [] as { command: readonly string[]; environment: Readonly<Record<string, string>> }[],
    commandFails: null as Error | null,
  };
  const clock = new ManualClock();
  const timers = new ManualTimers(clock);
  const commands: CommandRunner = {
    run: async ({ command, environment = {} }) => {
      world.commands.push({ command, environment });
      if (world.commandFails !== null) throw world.commandFails;
      return { exitCode: 0, output: null, durationMs: 1 };
    },
  };
  const checks: CheckParts = {
    store, commands: () => commands,
    environmentOf: async () => ({ environment: { SLIPWAY_URL: "http://127.0.0.1:1" }, release: async () => undefined }),
    filesOf: async () => [], scanFiles: async () => [], scanEndpoint: async () => [],
  };
  const wakes = new RolloutWakes(timers);
  const ids = new TimeOrderedIds(clock);
  /** One server; another on the same database goes on where it ends. */
  const begin = () => {
    const parts: RolloutParts = {
      store, registry, clock, timers, wakes, events: new EventBus(), logger: silentLogger,
      ids,
      serving: {
        cutArm: (_, rollout, arm) => void world.traffic.push(`cut ${arm} of ${rollout === "" ? "?" : "it"}`),
        follow: async () => undefined,
        activate: async (name, version, actor) => {
          world.traffic.push(`activate ${version}`);
          await registryStore.setAlias({ model: name, alias: championAlias, version, actor, now: clock.now() });
        },
      },
      replicas: {
        apply: async (name) => {
          if (world.refuses !== null) throw world.refuses;
          const route = (await store.route(name))?.route ?? null;
          world.traffic.push(route === null ? "no route" : `${route.phase}: ${route.arms.map(({ version, to }) => `${version} ${to}`).join(", ") || `all ${route.stable}`}`);
        },
        whenTaken: async () => ({ missing: world.missing }),
      },
      metrics: { read: async () => [] },
      figuresOf: async (_, phase) => world.figures.get(phase) ?? { arms: [], paired: [] },
    };
    const moves = new RolloutMoves(parts);
    const watch = new PhaseWatch(parts);
    const stage = workflowStage(database, { clock, timers, definitions: [rolloutWorkflow({ ...parts, moves, watch, checks })], engine: { leaseMs: 20_000, ...engine } });
    const service = new RolloutService({ ...parts, moves, watch, workflows: stage.service, teamOf: async () => "default", modelNames: async () => [{ name: model, team: "default" }], assertPlan: async () => undefined });
    stage.engine.start();
    return { stage, service, moves, watch };
  };
  let life = begin();
  /** Moves the clock in small steps until the condition holds. */
  const when = <Result>(condition: (rollout: Rollout) => Promise<Result | false | null> | Result | false | null, what: string, stepMs = 500): Promise<Result> =>
    until(async () => {
      const rollout = (await store.list({ models: [model], limit: 1 }))[0];
      const result = rollout === undefined ? false : await condition(rollout);
      if (result !== false && result !== null) return result;
      timers.advance(stepMs);
      return false;
    }, what);
  const more = {
    model, store, registry: registryStore, clock, timers, when, written, checks,
    get service() { return life.service; },
    get stage() { return life.stage; },
    /** The server dies without a word, and another one goes on. */
    restart: () => { life = begin(); },
    start: (plan: RolloutPlan) => life.service.start(model, { plan, reason: "" }, by),
    status: (): Promise<RolloutStatus> => life.service.statusOfModel(model),
    ended: () => when((rollout) => (openStates.includes(rollout.state) ? null : rollout), "the end of the rollout"),
    phase: (phase: number) => when((rollout) => (rollout.phase === phase && rollout.state === "running" ? rollout : null), `phase ${phase}`),
    find: (): Promise<Rollout> => store.list({ models: [model], limit: 1 }).then(([rollout]) => rollout!),
    aliases: async () => (await registryStore.findModel(model))!.aliases,
    stages: async () => [(await registryStore.findVersion(model, "1"))!.stage, (await registryStore.findVersion(model, "2"))!.stage],
    caller: localCaller,
  };
  // As they are, and not as they are now: the server in it may be another later.
  return Object.defineProperties(world, Object.getOwnPropertyDescriptors(more)) as typeof world & typeof more;
}
