import { defaultTeam } from "../../access/index.ts";
import type { Caller } from "../../core/caller.ts";
import type { Clock } from "../../core/clock.ts";
import type { SecretBox } from "../../core/secret-box.ts";
import { SerialRead } from "../../core/serial-read.ts";
import type { GatewayStore, StoredProvider } from "./gateway-store.ts";
import { HeldSecret } from "./held-secret.ts";
import { closedSecret, missingSecret } from "./missing-secret.ts";
import { homeOf } from "./model-homes.ts";
import { providerAccount } from "./provider-account.ts";
import type { ProviderMapping } from "../providers/provider-mapping.ts";
import { providerBaseUrls } from "../providers/provider-mappings.ts";
import type { ReadyProvider } from "../routing/call-plan.ts";
import { RouteSettings, type GatewayProvider, type GatewayRoute, type KeyPolicy, type KeyPolicySettings, type ProviderKind, type ProviderSettings } from "../schemas.ts";

/** What purpose the secrets of providers are sealed for. */
export const providerSecretPurpose = "provider";

/** A provider that nobody entered: it is built in, its key stands in the environment, or it was found on this machine. */
export interface KnownProvider {
  name: string;
  settings: ProviderSettings;
  origin: "environment" | "built-in" | "found";
  /** Name of the environment variable with its key. */
  secretName?: string;
}

/** A server of language models that is a provider by itself while it listens on this machine. */
export interface SoughtProvider {
  name: string;
  kind: ProviderKind;
  baseUrl: string;
}

export interface CatalogParts {
  store: GatewayStore;
  mappings: Readonly<Record<ProviderKind, ProviderMapping>>;
  secrets: () => SecretBox;
  /** Undefined where it is not there; throws for a place that must not be read. */
  readSecret(source: { from: "environment"; name: string } | { from: "file"; path: string }): string | undefined;
  clock: Pick<Clock, "monotonic">;
}

/** What a model's name in a call stands for. */
export interface ResolvedRoute {
  name: string;
  team: string;
  settings: RouteSettings;
  /** Null for PROVIDER/MODEL, which nobody configured. */
  revision: number | null;
}

interface HeldProvider {
  view: GatewayProvider;
  ready: ReadyProvider;
}

/** Routes of PROVIDER/MODEL that are remembered; callers choose the names. */
const mostRemembered = 1000;
/** The name of a provider, a slash, the name of a model. */
const longestName = 128 + 1 + 256;

/** Providers, routes and key policies in memory: calls go on as they were configured while the database is away. */
export class GatewayCatalog {
  readonly #parts: CatalogParts;
  #known: readonly KnownProvider[] = [];
  #sought: ReadonlyMap<string, SoughtProvider> = new Map();
  /** Those that were found on this machine and are not there any more. */
  readonly #lost = new Set<string>();
  #providers = new Map<string, HeldProvider>();
  #routes = new Map<string, GatewayRoute>();
  #keys = new Map<string, KeyPolicy>();
  readonly #direct = new Map<string, ResolvedRoute | null>();
  #stored: readonly StoredProvider[] = [];
  readonly #reads = new SerialRead(() => this.#read());
  #changed: () => void = () => undefined;

  constructor(parts: CatalogParts) {
    this.#parts = parts;
  }

  /** Who is told when routes, providers or policies may be others than before. */
  onChange(changed: () => void): void {
    this.#changed = changed;
  }

  /** Reads everything anew. */
  load(): Promise<void> {
    return this.#reads.request();
  }

  /** Providers that nobody entered; one that was entered under the same name goes before. */
  setKnown(known: readonly KnownProvider[]): void {
    for (const { name, origin } of this.#known) if (origin === "found") this.#lost.add(name);
    for (const { name } of known) this.#lost.delete(name);
    this.#known = known;
    this.#arrange();
  }

  /** Which providers are looked for on this machine again and again. */
  setSought(sought: readonly SoughtProvider[]): void {
    this.#sought = new Map(sought.map((each) => [each.name, each]));
  }

  /** Of a provider that is looked for on this machine, is not there, and was not entered: where it was or would be, and what brings it back, as words behind its name. Null for others. */
  whereabouts(name: string): string | null {
    const sought = this.#providers.has(name) ? undefined : this.#sought.get(name);
    if (sought === undefined) return null;
    const { kind, baseUrl } = sought;
    const where = this.#lost.has(name) ? `was found at ${baseUrl} on the server's machine, and answers there no more` : `is looked for at ${baseUrl} on the server's machine, and was not there since the server started`;
    return `${where}. Start it there: it is found within a minute; or enter where else it is: \`slipway gateway set-provider ${name} --kind ${kind} --base-url URL\`.`;
  }

  providers(): GatewayProvider[] {
    return [...this.#providers.values()].map(({ view }) => view);
  }

  provider(name: string): ReadyProvider | null {
    return this.#providers.get(name)?.ready ?? null;
  }

  /** Whose limits its calls count in: see `providerAccount`. */
  accountOf(name: string): string {
    const held = this.#providers.get(name);
    return held === undefined ? `name ${name}` : providerAccount(held.ready);
  }

  stored(name: string): StoredProvider | null {
    return this.#stored.find((provider) => provider.name === name) ?? null;
  }

  /** Where the secret of a provider is that nobody entered: who enters it, for limits say, means the same one. */
  secretOfKnown(name: string, kind: ProviderKind): { from: "environment"; name: string } | undefined {
    const secretName = this.#known.find((known) => known.name === name && known.settings.kind === kind)?.secretName;
    return secretName === undefined ? undefined : { from: "environment", name: secretName };
  }

  routes(): GatewayRoute[] {
    return [...this.#routes.values()];
  }

  route(name: string): GatewayRoute | null {
    return this.#routes.get(name) ?? null;
  }

  keyPolicies(): KeyPolicy[] {
    return [...this.#keys.values()];
  }

  /** Of a caller who came with a key; null where nobody set one. */
  policyOf({ actor }: Pick<Caller, "actor">): KeyPolicySettings | null {
    return actor.startsWith("key:") ? (this.#keys.get(actor.slice("key:".length))?.settings ?? null) : null;
  }

  /** The team whose members may call it; null where the name stands for nothing. */
  teamOf(model: string): string | null {
    return this.resolve(model)?.team ?? null;
  }

  /** A route by its name, else PROVIDER/MODEL, else the well-known name of a model whose provider is here. */
  resolve(model: string): ResolvedRoute | null {
    // Not remembered either: it may have all the length of a body.
    if (model.length > longestName) return null;
    const route = this.#routes.get(model);
    if (route !== undefined) return route;
    const remembered = this.#direct.get(model);
    if (remembered !== undefined) return remembered;
    if (this.#direct.size >= mostRemembered) this.#direct.clear();
    const found = this.#directRoute(model);
    this.#direct.set(model, found);
    return found;
  }

  #directRoute(model: string): ResolvedRoute | null {
    const slash = model.indexOf("/");
    const named = slash > 0 ? this.#providers.get(model.slice(0, slash)) : undefined;
    const provider = named ?? this.#providers.get(homeOf(model) ?? "");
    const own = named === undefined ? model : model.slice(slash + 1);
    if (provider === undefined || own === "" || own.length > 256) return null;
    const { name, settings } = provider.view;
    if (settings.models !== undefined && !settings.models.includes(own)) return null;
    return { name: `${name}/${own}`, team: defaultTeam, settings: RouteSettings.parse({ targets: [{ provider: name, model: own }] }), revision: null };
  }

  async #read(): Promise<void> {
    const { store } = this.#parts;
    const [providers, routes, keys] = await Promise.all([store.providers(), store.routes(), store.keyPolicies()]);
    this.#stored = providers;
    this.#routes = new Map(routes.map((route) => [route.name, route]));
    this.#keys = new Map(keys.map((policy) => [policy.key, policy]));
    this.#arrange();
  }

  #arrange(): void {
    const held = new Map<string, HeldProvider>();
    for (const { name, settings, origin, secretName } of this.#known) {
      const secret = secretName === undefined ? null : ({ from: "environment", name: secretName } as const);
      held.set(name, this.#hold({ name, settings, secret, revision: 0, updatedAt: 0, updatedBy: "" }, origin));
    }
    for (const provider of this.#stored) held.set(provider.name, this.#hold(provider, "stored"));
    this.#providers = held;
    this.#direct.clear();
    this.#changed();
  }

  #hold(provider: StoredProvider, origin: GatewayProvider["origin"]): HeldProvider {
    const { name, settings, secret, ...rest } = provider;
    const view: GatewayProvider = { name, settings, secret: secret?.from ?? "none", origin, ...rest };
    const address = settings.baseUrl ?? addressOf(settings);
    const reached = address === null ? settings : { ...settings, baseUrl: address };
    const held = new HeldSecret(() => this.#secretOf(provider), secret?.from === "file", this.#parts.clock);
    return { view, ready: { name, settings: reached, mapping: this.#parts.mappings[settings.kind], secret: held.value, hasNewSecret: held.isRenewed } };
  }

  #secretOf({ name, secret }: StoredProvider): string | null {
    if (secret === null) return null;
    let value: string | undefined;
    try {
      if (secret.from === "value") return this.#parts.secrets().open(secret.sealed, providerSecretPurpose, name);
      value = this.#parts.readSecret(secret);
    } catch (thrown) {
      throw secret.from === "value" ? closedSecret(name, thrown) : missingSecret(name, secret, thrown);
    }
    if (value === undefined || value === "") throw missingSecret(name, secret, undefined);
    return value;
  }
}

/** The provider's own address, where it has one. */
function addressOf({ kind, region }: ProviderSettings): string | null {
  if (kind === "bedrock") return region === undefined ? null : `https://bedrock-runtime.${region}.amazonaws.com`;
  return providerBaseUrls[kind];
}
