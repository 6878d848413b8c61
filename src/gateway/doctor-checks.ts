import type { EpochMs } from "../core/clock.ts";
import { ok, problem, skipped, warning, type DoctorCheck, type Finding } from "../core/doctor-check.ts";
import { goneProvider } from "./settings/gone-provider.ts";
import { secretTrouble } from "./settings/missing-secret.ts";
import type { GatewaySettingsService } from "./settings/gateway-settings-service.ts";
import type { GatewayCatalog } from "./settings/gateway-catalog.ts";
import type { GatewayProvider, GatewayRoute, ProviderKind, RouteTarget } from "./schemas.ts";

export interface GatewayDoctorParts {
  catalog: Pick<GatewayCatalog, "providers" | "provider" | "routes" | "keyPolicies" | "resolve" | "whereabouts">;
  settings: Pick<GatewaySettingsService, "testProvider" | "troubleWith">;
  /** Whether what a target costs is known. */
  hasPrice(kind: ProviderKind, target: Pick<RouteTarget, "provider" | "model">, now: EpochMs): boolean;
  /** Budgets of teams and projects. */
  teamBudgets(now: EpochMs): Promise<number>;
  /** Servers on this database that are up. */
  servers(): Promise<number>;
  /** The Redis where they share limits and budgets. */
  redis: SharedRedis | null;
  /** How long a provider may take to say that it is there; 5 s when absent. Milliseconds. */
  patienceMs?: number;
}

export interface SharedRedis {
  readonly isReady: boolean;
  /** What it does when its memory is full; `mostBytes` is 0 where it has no bound. */
  room(): Promise<{ policy: string; mostBytes: number }>;
  /** Whether cached answers are there too. */
  hasAnswers: boolean;
}

/** Without a key of theirs nobody is answered; at an address of its own there may be a proxy that has it. */
const wantsKey: ReadonlySet<ProviderKind> = new Set<ProviderKind>(["openai", "azure", "anthropic", "gemini", "bedrock", "mistral", "cohere"]);
/** Servers of one's own, which nobody else watches. */
const ownServers: ReadonlySet<ProviderKind> = new Set<ProviderKind>(["ollama", "compatible"]);
const mostNamed = 10;

/** What keeps the gateway's calls from being answered, priced and limited, before a caller meets it. */
export function gatewayChecks(parts: GatewayDoctorParts): DoctorCheck[] {
  return [
    { name: "keys of providers", run: () => keysOfProviders(parts) },
    { name: "own providers", run: () => ownProviders(parts) },
    { name: "routes of the gateway", run: () => routesOfGateway(parts) },
    { name: "prices of routes", run: (now) => pricesOfRoutes(parts, now) },
    { name: "limits of several servers", run: (now) => limitsOfServers(parts, now) },
  ];
}

function keysOfProviders({ catalog }: GatewayDoctorParts): Finding {
  const providers = catalog.providers().filter(({ settings, secret }) => wantsKey.has(settings.kind) || secret !== "none");
  if (providers.length === 0) return skipped("No provider that wants a key is set up.");
  const wrong = providers.flatMap(({ name, settings, secret }) => {
    if (secret === "none") return settings.baseUrl === undefined || settings.kind === "azure" ? [`${name} has no key.`] : [];
    const trouble = troubleOfSecret(catalog, name);
    return trouble === null ? [] : [trouble];
  });
  if (wrong.length > 0) return problem(listed(wrong), "Put it there, or enter the key: `slipway gateway set-provider NAME --kind KIND --key-from FILE`. Where it is sealed here, the server needs the secret key with which that was done.");
  return ok(providers.length === 1 ? "It is there." : `All ${providers.length} are there.`);
}

async function ownProviders({ catalog, settings, patienceMs = 5000 }: GatewayDoctorParts): Promise<Finding> {
  // Those whose key cannot be read are named with the keys.
  const own = catalog.providers().filter(({ name, settings: { kind } }) => ownServers.has(kind) && troubleOfSecret(catalog, name) === null);
  if (own.length === 0) return skipped("No provider is a server of your own.");
  const silent = (await Promise.all(own.map((provider) => troubleOf(provider, settings, patienceMs)))).filter((trouble) => trouble !== null);
  if (silent.length > 0) return problem(listed(silent), "Look whether it runs and whether the address is right; `slipway gateway test-provider NAME` asks again. Routes go on with their other targets.");
  return ok(own.length === 1 ? `${own[0]!.name} answers.` : `All ${own.length} answer.`);
}

function troubleOfSecret(catalog: GatewayDoctorParts["catalog"], name: string): string | null {
  const ready = catalog.provider(name);
  return ready === null ? null : secretTrouble(ready);
}

async function troubleOf({ name }: GatewayProvider, settings: GatewayDoctorParts["settings"], patienceMs: number): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`${name} did not answer within ${patienceMs / 1000} s.`), patienceMs);
  });
  try {
    return await Promise.race([late, settings.testProvider(name).then(({ ok: answers, message }) => (answers ? null : `${name} does not answer as it should: ${message}`))]);
  } finally {
    clearTimeout(timer);
  }
}

function routesOfGateway({ catalog, settings }: GatewayDoctorParts): Finding {
  const routes = catalog.routes();
  if (routes.length === 0) return skipped("There are no routes.");
  const dead = routes.flatMap(({ name, settings: own }) => {
    const trouble = settings.troubleWith(name, own);
    return trouble === null ? [] : [`${name} answers no call. ${trouble}`];
  });
  if (dead.length > 0) return problem(listed(dead), "Mend the route with `slipway gateway set-route`, or remove it.");
  const gone = [...new Set(routes.flatMap(({ settings: { targets } }) => targets.map(({ provider }) => provider)))].filter((provider) => catalog.provider(provider) === null);
  const halves = [
    ...gone.map((provider) => {
      const halved = routes.filter(({ settings: { targets } }) => targets.some((target) => target.provider === provider)).map(({ name }) => name);
      return `${halved.slice(0, mostNamed).join(", ")}${halved.length > mostNamed ? ` and ${halved.length - mostNamed} more` : ""} ${halved.length === 1 ? "goes" : "go"} on without targets of ${provider}. ${goneProvider(catalog, provider)}`;
    }),
    ...routes.flatMap(({ name, settings: { cache } }) => (cache?.semantic === undefined || catalog.resolve(cache.semantic.route) !== null ? [] : [`${name} has a cache by meaning with ${cache.semantic.route}, which nobody can call.`])),
  ];
  if (halves.length > 0) return warning(listed(halves), "Bring back what is gone, or take it out of the route with `slipway gateway set-route`.");
  return ok(routes.length === 1 ? `All targets of ${routes[0]!.name} are there.` : `All targets of ${routes.length} routes are there.`);
}

async function pricesOfRoutes({ catalog, hasPrice, teamBudgets }: GatewayDoctorParts, now: EpochMs): Promise<Finding> {
  const routes = catalog.routes();
  if (routes.length === 0) return skipped("There are no routes.");
  const paid = new Set(catalog.providers().filter(({ secret }) => secret !== "none").map(({ name }) => name));
  const hasBudgets = (await teamBudgets(now)) > 0 || catalog.keyPolicies().some(({ settings: { budget } }) => budget !== undefined);
  const unpriced = (route: GatewayRoute): string[] => route.settings.targets.flatMap(({ provider, model }) => {
    const kind = catalog.provider(provider)?.settings.kind;
    const counts = kind !== undefined && (wantsKey.has(kind) || paid.has(provider) || isRefusing(route) || (hasBudgets && route.settings.unknownPrice === "refuse"));
    return counts && !hasPrice(kind, { provider, model }, now) ? [`${provider}/${model}`] : [];
  });
  const found = routes.flatMap((route) => unpriced(route).map((target) => ({ route, target })));
  const refusing = found.filter(({ route }) => isRefusing(route));
  const advice = "Add the price with `slipway prices set`, or let the route take unknown prices as free (unknownPrice).";
  if (refusing.length > 0) return problem(listed(refusing.map(({ route: { name }, target }) => `${name} has a budget, and ${target} no price: its calls are refused.`)), advice);
  if (found.length > 0) return warning(listed(found.map(({ route: { name }, target }) => `${target} of ${name} has no price.`)), `What it costs is in no sum${found.some(({ route }) => route.settings.unknownPrice === "refuse") ? `, and calls under a budget of key, team or project are refused${hasBudgets ? ", of which there are some here" : ""}` : ""}. ${advice}`);
  return ok(hasBudgets ? "All targets that a budget may hold have a price." : "All targets that cost something have a price.");
}

async function limitsOfServers({ catalog, teamBudgets, servers, redis }: GatewayDoctorParts, now: EpochMs): Promise<Finding> {
  const own = [...catalog.routes(), ...catalog.keyPolicies()].filter(({ settings: { limits, budget } }) => limits !== undefined || budget !== undefined).length;
  const limited = own + (await teamBudgets(now)) + catalog.providers().filter(({ settings: { limits, modelLimits } }) => limits !== undefined || modelLimits !== undefined).length;
  if (limited === 0) return skipped("Nothing has limits or a budget.");
  if (redis !== null) return limitsInRedis(redis, catalog.routes().some(({ settings: { cache } }) => cache?.exact === true));
  const count = await servers();
  if (count <= 1) return ok("There is one server, which counts them.");
  return warning(`${count} servers share the database, and each counts limits and budgets for itself: together they may let up to ${count} times as much pass.`, "Give all of them one Redis (SLIPWAY_REDIS_URL).");
}

const ownRedis = "give cached answers a Redis of their own (SLIPWAY_CACHE_REDIS_URL)";

async function limitsInRedis(redis: SharedRedis, hasCache: boolean): Promise<Finding> {
  if (!redis.isReady) return problem("Redis is away: each server keeps to its share of the limits, and calls under a budget are refused.", "Look whether it runs and whether SLIPWAY_REDIS_URL is right.");
  // One that does not tell it is taken for one that forgets nothing.
  const { policy, mostBytes } = await redis.room().catch(() => ({ policy: "", mostBytes: 0 }));
  if (mostBytes === 0) return ok("They are shared by Redis.");
  if (policy !== "" && policy !== "noeviction") return warning(`Redis forgets what it has no room for (maxmemory-policy ${policy}): also what is spent and reserved.`, `Let it forget nothing (noeviction), and ${ownRedis}.`);
  if (redis.hasAnswers && hasCache) return warning("Cached answers fill the Redis that has the budgets: when it is full, calls under a budget are refused.", `Better ${ownRedis}, with a maxmemory-policy such as allkeys-lru.`);
  return ok("They are shared by Redis, which forgets nothing.");
}

/** A budget of its own, under which no unknown price passes. */
function isRefusing({ settings: { budget, unknownPrice } }: GatewayRoute): boolean {
  return budget !== undefined && unknownPrice === "refuse";
}

function listed(sentences: readonly string[]): string {
  const more = sentences.length - mostNamed;
  return `${sentences.slice(0, mostNamed).join(" ")}${more > 0 ? ` And ${more} more.` : ""}`;
}
