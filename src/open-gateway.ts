import { randomBytes, randomUUID } from "node:crypto";
import type { AccessServices } from "./access/index.ts";
import { NodeEgressClient } from "./adapters/egress/node-egress-client.ts";
import { replicaName } from "./adapters/filesystem/replica-name.ts";
import { readSecretFile } from "./adapters/filesystem/secret-files.ts";
import { openRedis, RedisAnswerCache, RedisBudgetStore, RedisLimitStore, type RedisConnection } from "./adapters/redis/index.ts";
import { SqlGatewayStore, SqlRouteRevisionStore } from "./adapters/sql/index.ts";
import type { SqlDatabase } from "./adapters/sql/sql-database.ts";
import { followLocalProviders, localProviderAt, localProviderHosts, usualSearch, type LocalSearch } from "./adapters/undici/find-local-providers.ts";
import { UndiciTransport } from "./adapters/undici/undici-transport.ts";
import { environmentValue, type Config, type Posture } from "./config/index.ts";
import type { AnswerMemory } from "./core/answer-memory.ts";
import { localCaller, type Caller } from "./core/caller.ts";
import type { Clock, EpochMs } from "./core/clock.ts";
import type { DoctorCheck } from "./core/doctor-check.ts";
import { AppError } from "./core/errors.ts";
import type { IdGenerator } from "./core/ids.ts";
import type { Logger } from "./core/logger.ts";
import type { MetricFamily } from "./core/metric-family.ts";
import type { StopSignal } from "./core/stop-signal.ts";
import type { TurnedAway } from "./core/turned-away.ts";
import type { Route } from "./core/route.ts";
import type { SecretBox } from "./core/secret-box.ts";
import { stopInOrder, stopTogether } from "./core/stop-in-order.ts";
import type { OutboxFollower } from "./events/index.ts";
import {
  Admission, AnswerCache, CallableModels, callBudgets, CallFloor, CallLedger, CallMetrics, ChatCalls, ClassifierModels, clientRoutes, FallbackLimitStore, GatewayCatalog, gatewayChecks, gatewayMetrics, gatewayRoutes, GatewaySettingsService, Guardrails, isSecretName, localTransport, MemoryAnswerCache,
  MemoryLimitStore, OutputChecker, ProviderHealth, providerMappings, ProviderSettings, providersOfEnvironment, RefusedCalls, RouteSplits, SemanticCache, SideCalls, SplitCalls, TargetCallRunner, textInputOf, TokenCounter, type CallObserver, type GuardParts, type RouteSettings,
} from "./gateway/index.ts";
import type { Attribution, ReserveRequest } from "./ledger/index.ts";
import { openLedger, type OpenedLedger } from "./open-ledger.ts";
import type { RegistryService } from "./registry/index.ts";
import type { ServingService, SpanAround } from "./serving/index.ts";
import type { ServedCalls, SpanSink } from "./tracing/index.ts";

export type { LocalSearch };

interface Parts {
  config: Config;
  posture: Posture;
  database: SqlDatabase;
  follower: Pick<OutboxFollower, "keepFresh">;
  spans: SpanSink;
  /** Is told of each call, so that spans of it which come from its caller are known. */
  served: Pick<ServedCalls, "note">;
  serving: ServingService;
  /** Whether a caller may know of a model. */
  registry: Pick<RegistryService, "sees">;
  access: AccessServices;
  /** Ends what splits the calls of a route. */
  endRollouts: ConstructorParameters<typeof GatewaySettingsService>[0]["endRollouts"];
  secrets: SecretBox;
  /** Memory of large answers, of all that this server asks. */
  answers: AnswerMemory;
  turnedAway: TurnedAway;
  /** Where an open server looks for others on its machine: at their usual ports where nothing is said. */
  localSearch?: LocalSearch | undefined;
  clock: Clock;
  ids: IdGenerator;
  logger: Logger;
}

export interface OpenedGateway {
  ledger: OpenedLedger;
  catalog: GatewayCatalog;
  callable: CallableModels;
  settings: GatewaySettingsService;
  health: ProviderHealth;
  refused: RefusedCalls;
  /** Its name among those on one database. */
  server: string;
  metrics(caller: Caller, now: EpochMs): Promise<MetricFamily[]>;
  chats: ChatCalls;
  splits: RouteSplits;
  sides: SideCalls;
  /** `servers` tells how many of them on this database are up. */
  checks(servers: () => Promise<number>): DoctorCheck[];
  /** The server goes down: after so long nobody waits for a limit any more. */
  endWaitingAfter(milliseconds: number): void;
  stop(): Promise<void>;
}

const cacheBytes = 64 << 20;

/** The gateway with its providers, ready for the first call. */
export async function openGateway(parts: Parts): Promise<OpenedGateway> {
  const { config, posture, database, follower, spans, served, serving, registry, access, secrets, answers, turnedAway, localSearch = usualSearch, clock, ids, logger } = parts;
  const redisAt = (url: string, keeps: string): Promise<RedisConnection> => openRedis({ url, clock, onChange: ({ ready, cause }) => (ready ? logger.info("redis.ready", { keeps }) : logger.warn("redis.away", { keeps, cause })) });
  const redis = config.redisUrl === undefined ? null : await redisAt(config.redisUrl, config.cacheRedisUrl === undefined ? "limits, budgets, answers" : "limits, budgets");
  const cacheRedis = config.cacheRedisUrl === undefined ? redis : await redisAt(config.cacheRedisUrl, "answers");
  const ledger = await openLedger({ config, database, follower, clock, ids, logger, ...(redis === null ? {} : { budgets: (spentBefore) => new RedisBudgetStore({ redis, spentBefore, whenAway: config.budgetsWithoutRedis }) }) });
  const store = new SqlGatewayStore(database, ids);
  const revisions = new SqlRouteRevisionStore(database, ids);
  // Only where the server is its owner's alone: there, what listens on the machine is the owner's too.
  const looksAround = posture.mode === "open" && config.findProviders;
  const allowed = [...config.egressAllowed, ...(looksAround ? localProviderHosts(localSearch.servers) : [])];
  const egress = new NodeEgressClient({ allowed });
  const transport = localTransport(new UndiciTransport({ allowed }), clock);
  const readSecret = (source: { from: "environment"; name: string } | { from: "file"; path: string }): string | undefined =>
    source.from === "file" ? readSecretFile(config.secretFiles, source.path) : isSecretName(source.name) ? environmentValue(source.name) : undefined;
  const catalog = new GatewayCatalog({ store, mappings: providerMappings, secrets: () => secrets, readSecret, clock });
  const ofEnvironment = providersOfEnvironment((name) => environmentValue(name) !== undefined);
  if (looksAround) catalog.setSought(localSearch.servers.map(localProviderAt));
  catalog.setKnown(ofEnvironment);
  await catalog.load();
  ledger.settings.knowNames(() => ({ providers: catalog.providers().map(({ name, settings: { kind } }) => ({ name, kind })), models: catalog.routes().flatMap(({ settings: { targets } }) => targets) }));
  follower.keepFresh("gateway settings", (type) => type.startsWith("gateway."), () => catalog.load());

  const local = new MemoryLimitStore({ clock });
  const limits = redis === null ? local : new FallbackLimitStore({ shared: new RedisLimitStore(redis), local, share: () => 1 / config.gatewayReplicas });
  const admission = new Admission({ store: limits, clock, instance: randomUUID(), shared: redis !== null, turnedAway });
  catalog.onChange(() => admission.limitsChanged());
  const health = new ProviderHealth(clock);
  const provider = catalog.provider.bind(catalog);
  const runner = new TargetCallRunner({ transport, answers, provider, whereabouts: catalog.whereabouts.bind(catalog), health, clock, random: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48, alarm, logger });
  const budgetsOf = ({ actor, route }: Attribution): ReserveRequest["limits"] => ({ key: catalog.policyOf({ actor })?.budget, route: route === null ? undefined : catalog.resolve(route)?.settings.budget });
  const calls = new CallLedger({ prices: ledger.prices, keeper: ledger.keeper, ledger: ledger.ledger, underWay: ledger.underWay, provider, budgetsOf, clock, ids });
  const metrics = new CallMetrics((name) => calls.providerName(name));
  const refused = new RefusedCalls();
  const observer: CallObserver = {
    ended: (record, ending) => {
      metrics.ended(record, ending);
      refused.ended(record, ending);
      const { attribution: { team, actor, traceId, route }, target, usage: { inputTokens, outputTokens }, startedAt } = record;
      served.note({ team, actor, traceId, cost: ending.cost }, record, { route, target, inputTokens, outputTokens, start: startedAt, end: startedAt + ending.totalMs });
    },
  };
  const directModels = config.directModels === "auto" ? (posture.mode === "open" ? "all" : "granted") : config.directModels;
  const floor = new CallFloor({ catalog, directModels, admission, calls, spans, clock, logger, observer, missed: refused.missed.bind(refused) });
  const callable = new CallableModels({ catalog, directModels });
  const counter = new TokenCounter(turnedAway);
  const checker = new OutputChecker(undefined, undefined, turnedAway);
  const splits = new RouteSplits({ settingsOf: async (name, revision) => (await revisions.revision(name, revision))?.settings ?? null });
  const splitCalls = new SplitCalls({ splits, floor, clock, alarm, logger });
  const cache = new AnswerCache({ clock, store: cacheRedis === null ? new MemoryAnswerCache({ clock, maxBytes: cacheBytes }) : new RedisAnswerCache(cacheRedis), semantic: new SemanticCache({ clock }) });
  const guards = new WeakMap<RouteSettings, Guardrails>();
  const guarding: Pick<GuardParts, "guardrailsOf" | "classify"> = {
    guardrailsOf: (settings) => {
      if (settings.guardrails.length === 0) return null;
      const made = guards.get(settings) ?? new Guardrails(settings.guardrails);
      guards.set(settings, made);
      return made;
    },
    classify: (model, text, within, { remainingMs, signal }) => classify(serving, clock, { model, text, within, signal, deadlineMs: Math.max(1, Math.min(mostClassifyMs, Math.ceil(remainingMs))) }),
  };
  const sides = new SideCalls({ floor, splits, splitCalls, runner, answers, counter, clock, ids, ...guarding });
  const chats = new ChatCalls({
    floor, splits, splitCalls, runner, answers, cache, checker, clock, ids, ...guarding,
    embed: (route, context, within) => (texts) => sides.vectors(route, texts, context, within),
  });
  const settings = new GatewaySettingsService({
    store, revisions, splits, endRollouts: parts.endRollouts, catalog, transport, secrets: () => secrets, clock,
    classifiers: new ClassifierModels({ names: () => serving.modelNames, signature: (model) => serving.signature(model), sees: (caller, model) => registry.sees(caller, model) }),
    assertAddress: (url) => egress.assertPlausible(url),
    teamOfKey: async (caller, key) => (await access.keys.list(caller)).find(({ id }) => id === key)?.team ?? null,
  });
  ledger.settings.knowCallBudgets(async (caller) => callBudgets(caller, { policies: catalog.keyPolicies(), routes: settings.routes(caller), keys: await access.keys.list(caller) }));
  const stopLooking = !looksAround ? undefined : followLocalProviders(localSearch, (found) => {
    catalog.setKnown([...ofEnvironment, ...found.map(({ name, kind, baseUrl }) => ({ name, origin: "found" as const, settings: ProviderSettings.parse({ kind, baseUrl }) }))]);
  });
  return {
    ledger, catalog, callable, settings, health, refused, server: replicaName(config.data), metrics: (caller, now) => gatewayMetrics({ calls: metrics, refused, health, catalog, admission, turnedAway, budgets: ledger.settings, ledger: ledger.ledger }, caller, now), chats, splits, sides,
    checks: (servers) => gatewayChecks({
      catalog, settings, servers, redis: redis === null ? null : { get isReady() { return redis.isReady; }, room: () => redis.room(), hasAnswers: cacheRedis === redis }, hasPrice: (kind, target, now) => ledger.prices.priceOf(kind, target.provider, target.model, now) !== null,
      teamBudgets: async (now) => (await ledger.settings.budgets(localCaller, now)).length,
    }),
    endWaitingAfter: (milliseconds) => void setTimeout(() => admission.endWaiting(), milliseconds).unref(),
    stop: () => {
      stopLooking?.();
      return stopInOrder([
        ["split calls", () => splitCalls.stop()],
        ["providers", () => stopTogether([["connections", () => transport.close()], ["token counter", () => counter.close()], ["output checker", () => checker.close()]])],
        ["ledger", () => ledger.stop()], ["Redis", async () => { await Promise.all([redis?.close(), cacheRedis === redis ? undefined : cacheRedis?.close()]); }],
      ]);
    },
  };
}

export function openedGatewayRoutes(opened: OpenedGateway): Route[] {
  return [...clientRoutes(opened), ...gatewayRoutes(opened)];
}

/** Of timers that are called off before they ring, as nearly all are, Node's own are the cheapest. */
function alarm(ms: number, ring: () => void): () => void {
  const timer = setTimeout(ring, ms);
  return () => clearTimeout(timer);
}

const mostClassifyMs = 10_000;

/** Asks a model that takes one text: the label is its first output of texts or whole numbers, the score the highest number of its others. */
async function classify(serving: ServingService, clock: Clock, { model, text, within, signal, deadlineMs }: { model: string; text: string; within: SpanAround; signal: StopSignal; deadlineMs: number }): Promise<{ label?: string; score?: number }> {
  const input = textInputOf(serving.signature(model));
  if (input === null) throw new AppError("INVALID_REQUEST", `The model ${model} of a guardrail does not take one text.`);
  const { outputs } = await serving.infer({
    model, version: undefined, id: null, inputs: [{ name: input.name, datatype: "BYTES", shape: input.shape.map(() => 1), data: [text] }], outputs: undefined, deadlineMs,
    connection: { signal, headers: {} }, routingKey: undefined, now: clock.now(), door: "rest", within,
  });
  const answer: { label?: string; score?: number } = {};
  for (const { datatype, data } of outputs) {
    if (datatype === "BYTES" || datatype.includes("INT") || datatype === "BOOL") answer.label ??= String(data[0]);
    else answer.score = Math.max(answer.score ?? -Infinity, ...Array.from(data as Float32Array, Number));
  }
  return answer;
}
