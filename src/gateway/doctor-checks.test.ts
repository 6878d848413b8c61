import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../core/clock.ts";
import { gatewayChecks, type GatewayDoctorParts, type SharedRedis } from "./doctor-checks.ts";
import { missingSecret } from "./settings/missing-secret.ts";
import type { ProviderTest } from "./settings/gateway-settings-service.ts";
import { KeyPolicySettings, ProviderSettings, RouteSettings, type GatewayProvider, type GatewayRoute } from "./schemas.ts";

const stored = { revision: 1, updatedAt: 0, updatedBy: "local" };
const provider = (name: string, settings: object, secret: GatewayProvider["secret"] = "none"): GatewayProvider => ({ name, settings: ProviderSettings.parse(settings), secret, origin: "stored", ...stored });
const route = (name: string, targets: string[], more: object = {}): GatewayRoute => ({
  name, team: "default", ...stored, settings: RouteSettings.parse({ targets: targets.map((target) => ({ provider: target.split("/")[0], model: target.split("/")[1] })), ...more }),
});

interface World {
  providers?: GatewayProvider[];
  routes?: GatewayRoute[];
  /** Providers whose key cannot be read. */
  lost?: string[];
  tests?: Record<string, Promise<Partial<ProviderTest>>>;
  priced?: string[];
  servers?: number;
  redis?: SharedRedis;
  keyLimits?: object;
  keyBudget?: object;
  teamBudgets?: number;
}

async function found({ providers = [], routes = [], lost = [], tests = {}, priced = [], servers = 1, redis, keyLimits, keyBudget, teamBudgets = 0 }: World): Promise<Record<string, string>> {
  const known = (name: string): GatewayProvider | undefined => providers.find((one) => one.name === name);
  const parts = {
    catalog: {
      providers: () => providers, routes: () => routes, resolve: () => null, whereabouts: (name: string) => (name === "ollama" ? "was found at http://127.0.0.1:11434. Start it there." : null),
      keyPolicies: () => (keyLimits === undefined && keyBudget === undefined ? [] : [{ key: "key_1", settings: KeyPolicySettings.parse({ limits: keyLimits, budget: keyBudget }), ...stored }]),
      provider: (name: string) => (known(name) === undefined ? null : { name, settings: known(name)!.settings, secret: () => { if (lost.includes(name)) throw missingSecret(name, { from: "file", path: `${name}.txt` }, undefined); return "k"; } }),
    },
    settings: {
      testProvider: (name: string) => tests[name] ?? Promise.resolve({ ok: true, message: "2 models" }),
      troubleWith: (_: string, { targets }: RouteSettings) => (targets.every((target) => known(target.provider) === undefined) ? "All are gone." : null),
    },
    hasPrice: (_: string, target: { provider: string; model: string }) => priced.includes(`${target.provider}/${target.model}`),
    teamBudgets: () => Promise.resolve(teamBudgets), servers: () => Promise.resolve(servers), redis: redis ?? null, patienceMs: 5,
  } as unknown as GatewayDoctorParts;
  const results = await Promise.all(gatewayChecks(parts).map(async ({ name, run }) => { const { state, finding } = await run(epochMs(0)); return [name, `${state}: ${finding}`] as const; }));
  return Object.fromEntries(results);
}

describe("what the doctor finds of the gateway", () => {
  it("is nothing where nothing is set up", async () => {
    assert.deepEqual(Object.values(await found({})).map((result) => result.split(":")[0]), ["skipped", "skipped", "skipped", "skipped", "skipped"]);
  });

  it("are providers without a key, and keys that cannot be read", async () => {
    const providers = [provider("openai", { kind: "openai" }), provider("azure", { kind: "azure", baseUrl: "https://a.example" }), provider("proxy", { kind: "openai", baseUrl: "https://p.example/v1" }), provider("lost", { kind: "mistral" }, "file"), provider("good", { kind: "cohere" }, "value")];
    assert.equal((await found({ providers, lost: ["lost"] }))["keys of providers"], "problem: openai has no key. azure has no key. The provider lost has no secret: there is no file lost.txt in the folder of secrets (SLIPWAY_SECRET_FILES).");
    assert.equal((await found({ providers: providers.slice(3) }))["keys of providers"], "ok: All 2 are there.");
  });

  it("are servers of one's own that do not answer, or not in time", async () => {
    const providers = [provider("one", { kind: "compatible", baseUrl: "http://one/v1" }), provider("two", { kind: "ollama" }), provider("three", { kind: "ollama" }), provider("openai", { kind: "openai" })];
    const tests = { one: Promise.resolve({ ok: false, message: "Nobody listens. Asked was http://one/v1/models." }), three: new Promise<never>(() => undefined) };
    assert.equal((await found({ providers, tests }))["own providers"], "problem: one does not answer as it should: Nobody listens. Asked was http://one/v1/models. three did not answer within 0.005 s.");
    assert.equal((await found({ providers: [providers[1]!] }))["own providers"], "ok: two answers.");
    const keyless = provider("four", { kind: "compatible", baseUrl: "http://four/v1" }, "file");
    const named = await found({ providers: [keyless, providers[1]!], lost: ["four"], tests: { four: Promise.resolve({ ok: false, message: "No key." }) } });
    assert.deepEqual([named["own providers"], named["keys of providers"]!.split(":", 2)], ["ok: two answers.", ["problem", " The provider four has no secret"]]);
  });

  it("are routes without a provider, whole and in part", async () => {
    const providers = [provider("echo", { kind: "echo" })];
    const [dead, half, well] = [route("dead", ["gone/m"]), route("half", ["echo/echo", "gone/m", "gone/n"]), route("well", ["echo/echo"])];
    assert.equal((await found({ providers, routes: [dead, half, well] }))["routes of the gateway"], "problem: dead answers no call. All are gone.");
    const without = "The provider gone is not there any more: enter it with `slipway gateway set-provider gone --kind KIND`.";
    assert.equal((await found({ providers, routes: [half, well] }))["routes of the gateway"], `warning: half goes on without targets of gone. ${without}`);
    // Each provider once, whoever misses it, and one of this machine with the place where it was.
    const other = route("other", ["echo/echo", "gone/m", "ollama/llama", "mistral/m"]);
    assert.equal(
      (await found({ providers, routes: [half, other, well] }))["routes of the gateway"],
      `warning: half, other go on without targets of gone. ${without} other goes on without targets of ollama. The provider ollama was found at http://127.0.0.1:11434. Start it there. other goes on without targets of mistral. The provider mistral is not there any more: enter it with \`slipway gateway set-provider mistral --kind mistral --key-from FILE\`, or start the server with MISTRAL_API_KEY.`,
    );
    assert.equal((await found({ providers, routes: [well] }))["routes of the gateway"], "ok: All targets of well are there.");
  });

  it("are targets without a price: a refusal under a budget, else a gap in the sums", async () => {
    const providers = [provider("openai", { kind: "openai" }, "value"), provider("own", { kind: "compatible", baseUrl: "http://own/v1" })];
    const prices = async (routes: GatewayRoute[]): Promise<string> => (await found({ providers, routes, priced: ["openai/known"] }))["prices of routes"]!;
    assert.equal(await prices([route("a", ["openai/known", "own/m"])]), "ok: All targets that cost something have a price.");
    assert.equal(await prices([route("a", ["openai/new"])]), "warning: openai/new of a has no price.");
    assert.equal(await prices([route("a", ["own/m"], { budget: { day: 1 } }), route("b", ["openai/new"])]), "problem: a has a budget, and own/m no price: its calls are refused.");
    assert.equal(await prices([route("a", ["own/m"], { budget: { day: 1 }, unknownPrice: "free" })]), "ok: All targets that cost something have a price.");
  });

  it("are targets without a price at servers of one's own too, where a budget of key, team or project may hold their calls, or the server takes a key", async () => {
    const server = provider("own", { kind: "compatible", baseUrl: "http://own/v1" });
    const prices = async (world: World): Promise<string> => (await found({ providers: [server], routes: [route("a", ["own/m"])], ...world }))["prices of routes"]!;
    const unpriced = "warning: own/m of a has no price.";
    assert.equal(await prices({}), "ok: All targets that cost something have a price.");
    assert.deepEqual([await prices({ teamBudgets: 1 }), await prices({ keyBudget: { day: 1 } }), await prices({ providers: [{ ...server, secret: "value" }] })], [unpriced, unpriced, unpriced]);
    assert.equal(await prices({ keyLimits: { requestsPerMinute: 1 } }), "ok: All targets that cost something have a price.");
    const well = "ok: All targets that a budget may hold have a price.";
    assert.deepEqual([await prices({ teamBudgets: 1, routes: [route("a", ["own/m"], { unknownPrice: "free" })] }), await prices({ teamBudgets: 1, priced: ["own/m"] })], [well, well]);
  });

  it("are limits that several servers count each for itself", async () => {
    const limits = async (world: World): Promise<string> => (await found(world))["limits of several servers"]!;
    const keyLimits = { requestsPerMinute: 60 };
    assert.match(await limits({ keyLimits, servers: 3 }), /^warning: 3 servers .* up to 3 times/);
    assert.match(await limits({ keyLimits }), /^ok: There is one server/);
    assert.match(await limits({ servers: 3 }), /^skipped: /);
  });

  it("is a Redis of several servers that is away, that forgets what is spent, or that cached answers fill", async () => {
    const routes = [route("cached", ["good/m"], { limits: { requestsPerMinute: 60 }, cache: { ttlSeconds: 60 } })];
    const limits = async (redis: Partial<SharedRedis>, world: World = { routes }): Promise<string> =>
      (await found({ ...world, servers: 3, redis: { isReady: true, room: () => Promise.resolve({ policy: "noeviction", mostBytes: 0 }), hasAnswers: true, ...redis } }))["limits of several servers"]!;
    const room = (policy: string, mostBytes = 1 << 30) => () => Promise.resolve({ policy, mostBytes });
    assert.match(await limits({ isReady: false }), /^problem: Redis is away: .*share of the limits/);
    assert.match(await limits({}), /^ok: They are shared by Redis\.$/);
    assert.match(await limits({ room: room("allkeys-lru", 0) }), /^ok: /);
    assert.match(await limits({ room: room("volatile-lru") }), /^warning: Redis forgets .*volatile-lru/);
    assert.match(await limits({ room: room("noeviction") }), /^warning: Cached answers fill/);
    assert.match(await limits({ room: room("noeviction"), hasAnswers: false }), /^ok: .*forgets nothing/);
    assert.match(await limits({ room: room("noeviction") }, { keyLimits: { requestsPerMinute: 60 } }), /^ok: .*forgets nothing/);
    assert.match(await limits({ room: () => Promise.reject(new Error("not allowed")) }), /^ok: /);
  });
});
