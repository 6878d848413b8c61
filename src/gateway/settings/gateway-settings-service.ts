import type { ChangeBy } from "../../access/index.ts";
import { mayInTeam, mayOn, mayOnServer, requireInTeam, type Caller } from "../../core/caller.ts";
import type { Clock, EpochMs } from "../../core/clock.ts";
import { counted } from "../../core/counted.ts";
import type { ErrorCode } from "../../core/error-catalogue.ts";
import { AppError, toAppError, type Problem } from "../../core/errors.ts";
import { inNameOrder } from "../../core/name-order.ts";
import { missingObject, requireOn } from "../../core/request-gate.ts";
import type { SecretBox } from "../../core/secret-box.ts";
import { providerSecretPurpose, type GatewayCatalog } from "./gateway-catalog.ts";
import type { GatewayStore, StoredProvider } from "./gateway-store.ts";
import { goneProvider, howToAdd } from "./gone-provider.ts";
import { Guardrails, type ClassifierModels, type GuardrailTrouble } from "../guardrails/index.ts";
import { listedProviders } from "./listed-providers.ts";
import { secretTrouble } from "./missing-secret.ts";
import { providerProblems } from "./provider-problems.ts";
import type { RouteRevisionStore } from "./route-revision-store.ts";
import { codeOfTrouble } from "../routing/call-failure.ts";
import { hideSecretOf } from "../routing/hide-secret.ts";
import type { UpstreamTransport } from "../routing/upstream-transport.ts";
import type { RouteSplits } from "../split/route-splits.ts";
import type { ChangedProvider, GatewayProvider, GatewayRoute, ChangedKeyPolicy, KeyPolicy, KeyPolicySettings, ListedProvider, ProviderRequest, RouteHistory, RouteRequestBody, RouteSettings, SecretSource } from "../schemas.ts";
import { policyNotes } from "./policy-notes.ts";
import { assertProviderUnused, assertRouteUnused, notEntered } from "./refused-removals.ts";

export interface GatewaySettingsParts {
  store: GatewayStore;
  revisions: Pick<RouteRevisionStore, "addDraft" | "find" | "turns">;
  catalog: GatewayCatalog;
  transport: UpstreamTransport;
  classifiers: ClassifierModels;
  splits: Pick<RouteSplits, "routesWith">;
  secrets: () => SecretBox;
  /** Throws EGRESS_REFUSED for an address that would never be called. */
  assertAddress(url: string): void;
  /** The team of a key that the caller may see; null where there is none. */
  teamOfKey(caller: Caller, key: string): Promise<string | null>;
  /** Nobody's calls are split any more when it answers. */
  endRollouts(route: string, reason: string, by: ChangeBy): Promise<void>;
  clock: Clock;
}

export interface ProviderTest {
  ok: boolean;
  /** 0 where nothing was asked. */
  ms: number;
  /** Of the error that a call would end with; null where it answered. */
  code: ErrorCode | null;
  /** What the provider said, or why it could not be asked, and what was asked. */
  message: string;
  models: string[];
}

const mostListed = 500;
const mostRevisions = 100;
const testMs = 15_000;
const mostTestBytes = 4 << 20;

/** What administrators and teams say of the gateway: checked, kept, and in force here at once and on other replicas within seconds. */
export class GatewaySettingsService {
  readonly #parts: GatewaySettingsParts;

  constructor(parts: GatewaySettingsParts) {
    this.#parts = parts;
  }

  providers(caller: Caller): ListedProvider[] {
    return listedProviders(this.#parts.catalog, caller);
  }

  /** Throws GATEWAY_CONFLICT, INVALID_REQUEST, EGRESS_REFUSED. */
  async putProvider(name: string, { revision, settings, secret: given }: ProviderRequest, by: ChangeBy): Promise<ChangedProvider> {
    const { store, catalog, assertAddress } = this.#parts;
    const secret = given === undefined && catalog.stored(name) === null ? catalog.secretOfKnown(name, settings.kind) : given;
    const problems = providerProblems(settings, secret ?? null);
    if (problems.length > 0) throw new AppError("INVALID_REQUEST", problems.map(({ path, message }) => `${path} ${message}`).join("; "), { problems });
    if (settings.baseUrl !== undefined) assertAddress(settings.baseUrl);
    await store.putProvider(name, revision, { settings, ...(secret === undefined ? {} : { secret: this.#sealed(name, secret) }) }, by);
    await catalog.load();
    const ready = catalog.provider(name);
    const trouble = ready === null ? null : secretTrouble(ready);
    return { ...this.#provider(name), notes: trouble === null ? [] : [`${trouble} Its calls fail until it is there.`] };
  }

  /** Throws PROVIDER_NOT_FOUND, INVALID_REQUEST for one that a route has, that is tried on one, or that nobody entered. */
  async removeProvider(name: string, by: ChangeBy): Promise<void> {
    const { store, catalog, splits } = this.#parts;
    // Another replica may have entered it a moment ago.
    if (catalog.stored(name) === null) await catalog.load();
    const origin = this.#provider(name).origin;
    if (origin !== "stored") throw notEntered(name, origin);
    assertProviderUnused(name, catalog.routes(), splits.routesWith(name));
    if (!(await store.removeProvider(name, by))) throw providerNotFound(name);
    await catalog.load();
  }

  /** Asks the provider for its models: whether it is there, and takes the secret. Nothing that it says holds that. */
  async testProvider(name: string): Promise<ProviderTest> {
    const { catalog, transport, clock } = this.#parts;
    const provider = catalog.provider(name);
    if (provider === null) throw providerNotFound(name);
    const { mapping, settings } = provider;
    const start = clock.monotonic();
    let asked = "";
    const took = (): number => clock.monotonic() - start;
    try {
      if (mapping.models === null) {
        provider.secret();
        return { ok: true, ms: 0, code: null, message: `Nothing was asked: this kind of provider lists no models. Call one of them: slipway gateway ask ${name}/MODEL hello`, models: [] };
      }
      const url = new URL((settings.baseUrl ?? "").replace(/\/$/, "") + mapping.models.path);
      // With what stands in its file now.
      provider.hasNewSecret?.(provider.secret());
      const headers = { accept: "application/json", ...settings.headers, ...mapping.authorize({ method: "GET", url, headers: {}, body: "" }, provider.secret(), settings, clock.now()) };
      asked = ` ${askedAt(url)}`;
      const answer = await transport.send({ provider: name, settings, method: "GET", url, headers, body: null, signal: AbortSignal.timeout(testMs) });
      const body = await readWhole(answer.body);
      if (answer.status >= 300) {
        const { kind, message } = mapping.failure(answer.status, answer.headers, body);
        return { ok: false, ms: took(), code: codeOfTrouble(kind), message: `${hideSecretOf(provider, message)} ${askedAt(url, answer.status)}`, models: [] };
      }
      const models = mapping.models.read(JSON.parse(Buffer.from(body).toString("utf8"))).slice(0, mostListed).map((model) => hideSecretOf(provider, model));
      return { ok: true, ms: took(), code: null, message: counted(models.length, "model"), models };
    } catch (thrown) {
      const error = thrown instanceof SyntaxError ? new AppError("PROVIDER_ANSWER_INVALID", "The answer is not JSON.") : toAppError(detailed(thrown));
      const isUnknown = error.code === "INTERNAL";
      return { ok: false, ms: asked === "" ? 0 : took(), code: isUnknown ? "PROVIDER_UNAVAILABLE" : error.code, message: `${isUnknown ? "The provider could not be asked." : hideSecretOf(provider, error.message)}${asked}`, models: [] };
    }
  }

  routes(caller: Caller): GatewayRoute[] {
    return inNameOrder(this.#parts.catalog.routes().filter(({ name, team }) => mayOn(caller, "viewer", { kind: "route", name, team })));
  }

  /** Throws GATEWAY_CONFLICT, INVALID_REQUEST, TEAM_NOT_FOUND, FORBIDDEN, ROLLOUT_UNDER_WAY. */
  async putRoute(caller: Caller, name: string, { revision, team, settings, reason }: RouteRequestBody, now: EpochMs): Promise<GatewayRoute> {
    const { store, catalog } = this.#parts;
    const current = catalog.route(name);
    if (current !== null) requireOn(caller, "deployer", { kind: "route", name, team: current.team });
    const wanted = team ?? current?.team ?? "default";
    if (current === null || wanted !== current.team) requireInTeam(caller, "deployer", wanted);
    this.#assertUsable(name, settings, caller);
    const route = await store.putRoute(name, revision, { team: wanted, settings, reason }, { actor: caller.actor, now });
    await catalog.load();
    return route;
  }

  /** Of all targets those that the caller may know of: a team's routes say which models it calls, and how much. */
  visibleTargets<Target extends { provider: string; model: string }>(caller: Caller, all: readonly Target[]): readonly Target[] {
    if (mayOnServer(caller, "viewer")) return all;
    const seen = new Set(this.routes(caller).flatMap(({ settings }) => settings.targets.map(({ provider, model }) => `${provider}/${model}`)));
    return all.filter(({ provider, model }) => seen.has(`${provider}/${model}`));
  }

  /** Of routes that the caller sees: guardrails that fail every call on this server. */
  guardrailTroubles(caller: Caller): GuardrailTrouble[] {
    return this.#parts.classifiers.troubles(this.routes(caller));
  }

  /** Why a route with these settings could answer no call on this server, such as one of long ago whose provider is gone; null where it could. */
  troubleWith(route: string, { targets, guardrails }: RouteSettings): string | null {
    const { catalog, classifiers } = this.#parts;
    const gone = [...new Set(targets.map(({ provider }) => provider))].filter((provider) => catalog.provider(provider) === null);
    // One that is left goes on in the place of the others.
    if (gone.length > 0 && targets.every(({ provider }) => gone.includes(provider))) return gone.map((provider) => goneProvider(catalog, provider)).join(" ");
    return classifiers.troubles([{ name: route, settings: { guardrails } }])[0]?.message ?? null;
  }

  /** Settings that a rollout or an A/B test tries; answers with their revision. Throws GATEWAY_MODEL_NOT_FOUND, INVALID_REQUEST. */
  async draftRoute(name: string, { settings, reason }: { settings: RouteSettings; reason: string }, by: ChangeBy, caller: Caller): Promise<number> {
    this.#assertUsable(name, settings, caller);
    return this.#parts.revisions.addDraft(name, { settings, reason }, by);
  }

  /** Ends a rollout or an A/B test of it first. Throws INVALID_REQUEST for one by which the cache of another finds what means the same. */
  async removeRoute(caller: Caller, name: string, now: EpochMs): Promise<void> {
    const { store, catalog, endRollouts } = this.#parts;
    requireOn(caller, "deployer", { kind: "route", name, team: catalog.route(name)?.team ?? null });
    assertRouteUnused(name, catalog.routes(), caller);
    await endRollouts(name, "the route is removed", { actor: caller.actor, now });
    if (!(await store.removeRoute(name, { actor: caller.actor, now }))) throw missingObject("route", name);
    await catalog.load();
  }

  /** Throws GATEWAY_MODEL_NOT_FOUND. */
  route(caller: Caller, name: string): GatewayRoute {
    const found = this.#parts.catalog.route(name);
    requireOn(caller, "viewer", { kind: "route", name, team: found?.team ?? null });
    if (found === null) throw missingObject("route", name);
    return found;
  }

  async routeHistory(caller: Caller, name: string): Promise<RouteHistory> {
    const { store, revisions, catalog } = this.#parts;
    requireOn(caller, "viewer", { kind: "route", name, team: catalog.route(name)?.team ?? null });
    const [found, listed, turns] = await Promise.all([revisions.find(name), store.routeRevisions(name, mostRevisions), revisions.turns(name, mostRevisions)]);
    return { revision: found?.revision ?? null, revisions: listed, turns };
  }

  /** Of keys whose team's admin the caller is. */
  async keyPolicies(caller: Caller): Promise<KeyPolicy[]> {
    const found: KeyPolicy[] = [];
    for (const policy of this.#parts.catalog.keyPolicies()) {
      const team = await this.#parts.teamOfKey(caller, policy.key);
      if (team !== null && mayInTeam(caller, "viewer", team)) found.push(policy);
    }
    return found;
  }

  /** Throws KEY_NOT_FOUND, FORBIDDEN: nobody raises limits of their own key but an admin of its team. */
  async putKeyPolicy(caller: Caller, key: string, revision: number, settings: KeyPolicySettings, now: EpochMs): Promise<ChangedKeyPolicy> {
    await this.#requireKey(caller, key);
    const policy = await this.#parts.store.putKeyPolicy(key, revision, settings, { actor: caller.actor, now });
    await this.#parts.catalog.load();
    return { ...policy, notes: policyNotes(policy.settings.routes ?? [], caller, this.#parts.catalog) };
  }

  async removeKeyPolicy(caller: Caller, key: string, now: EpochMs): Promise<void> {
    await this.#requireKey(caller, key);
    await this.#parts.store.removeKeyPolicy(key, { actor: caller.actor, now });
    await this.#parts.catalog.load();
  }

  #assertUsable(name: string, settings: RouteSettings, caller: Caller): void {
    const { catalog, classifiers } = this.#parts;
    const problems: Problem[] = settings.targets.flatMap(({ provider }, index) => (catalog.provider(provider) === null ? [{ path: `settings.targets[${index}].provider`, message: `names ${provider}, which ${catalog.whereabouts(provider)?.replace(/\.$/, "") ?? `is no provider: ${howToAdd(provider)}`}` }] : []));
    const places = settings.targets.map(({ provider, model, priority, when }) => JSON.stringify([provider, model, priority, when]));
    for (const [index, place] of places.entries()) {
      const first = places.indexOf(place);
      if (first < index) problems.push({ path: `settings.targets[${index}]`, message: `is targets[${first}] once more: give one of them its weight, another priority or another condition` });
    }
    const embedding = settings.cache?.semantic?.route;
    if (embedding !== undefined && catalog.resolve(embedding) === null) problems.push({ path: "settings.cache.semantic.route", message: `names ${embedding}, which nobody can call` });
    problems.push(...classifiers.problems(settings.guardrails, catalog.route(name)?.settings.guardrails ?? [], caller));
    if (problems.length > 0) throw new AppError("INVALID_REQUEST", problems.map(({ path, message }) => `${path} ${message}`).join("; "), { problems });
    // Throws for a pattern that cannot be used.
    new Guardrails(settings.guardrails);
  }

  async #requireKey(caller: Caller, key: string): Promise<void> {
    const team = await this.#parts.teamOfKey(caller, key);
    if (team === null) throw new AppError("KEY_NOT_FOUND", `There is no key ${JSON.stringify(key.slice(0, 140))}.`);
    requireInTeam(caller, "admin", team);
  }

  #provider(name: string): GatewayProvider {
    const found = this.#parts.catalog.providers().find((provider) => provider.name === name);
    if (found === undefined) throw providerNotFound(name);
    return found;
  }

  #sealed(name: string, secret: SecretSource | null): StoredProvider["secret"] {
    if (secret?.from !== "value") return secret;
    return { from: "value", sealed: this.#parts.secrets().seal(secret.value.trim(), providerSecretPurpose, name) };
  }
}

/** Callers are not told which address is refused and why, nor where a secret should be; whoever sets the provider up is. */
function detailed(thrown: unknown): unknown {
  let told = thrown;
  while (told instanceof AppError && (told.code === "EGRESS_REFUSED" || told.code === "PROVIDER_UNAUTHORIZED") && told.cause instanceof AppError) told = told.cause;
  return told;
}

/** An address with a part too few or too many is the commonest mistake, and a server that does not know its path seldom says so. */
function askedAt(url: URL, status?: number): string {
  return `Asked was ${url.origin}${url.pathname}${status === 404 || status === 405 ? ": look whether the base URL has the path that the provider names, such as /v1" : ""}.`;
}

function providerNotFound(name: string): AppError {
  return new AppError("PROVIDER_NOT_FOUND", `There is no provider named ${JSON.stringify(name.slice(0, 140))}.`);
}

async function readWhole(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body) {
    length += part.length;
    if (length > mostTestBytes) throw new AppError("PROVIDER_ANSWER_INVALID", "The list of models is longer than 4 MiB.");
    parts.push(part);
  }
  return Buffer.concat(parts);
}

