import type { Command } from "../core/command.ts";
import { AppError } from "../core/errors.ts";
import { textTable } from "../core/text-table.ts";
import { ask } from "./ask.ts";
import type { ProviderTest } from "./settings/gateway-settings-service.ts";
import type { GuardrailTrouble } from "./guardrails/index.ts";
import { callLimitsWith, changed, jsonOfFile, limitNumbers, limitOptions, limitsWith, numbersOf, type OptionTexts, textOfFile } from "./option-values.ts";
import type { RefusedOnRoute } from "./refused-schemas.ts";
import { routeCommands } from "./route-commands.ts";
import { modelLimitsOf } from "./settings/model-limits-text.ts";
import type { ProviderHealthView } from "./routing/provider-health.ts";
import { targetState, type TargetState } from "./routing/target-state.ts";
import type { ChangedProvider, GatewayProvider, KeyPolicy, ListedProvider, SecretSource } from "./schemas.ts";

const listProviders: Command = {
  words: ["gateway", "providers"],
  summary: "the providers of language models",
  run: ({ api }) => api.get("/api/gateway/providers"),
  render: ({ providers }: { providers: (GatewayProvider & Partial<Pick<ListedProvider, "trouble">>)[] }) =>
    [
      textTable(["PROVIDER", "KIND", "ADDRESS", "SECRET", "COMES FROM"], providers.map(({ name, settings, secret, origin, trouble }) => [name, settings.kind, settings.baseUrl ?? "its own", typeof trouble === "string" ? `${secret}, not readable` : secret, origin])),
      ...providers.flatMap(({ trouble }) => (typeof trouble === "string" ? ["", trouble] : [])),
    ].join("\n"),
};

const setProvider: Command = {
  words: ["gateway", "set-provider"],
  summary: "add or change a provider of language models",
  positionals: [{ name: "<name>", description: "its name; models are called as NAME/MODEL" }],
  options: [
    { flags: "--kind <kind>", description: "openai, azure, anthropic, gemini, bedrock, mistral, cohere, ollama, compatible or scripted", required: true },
    { flags: "--base-url <url>", description: "where it is not the provider's own" },
    { flags: "--region <region>", description: "of bedrock" },
    { flags: "--api-version <version>", description: "of azure and anthropic" },
    { flags: "--key-env <name>", description: "the server reads the key from this environment variable" },
    { flags: "--key-file <path>", description: "the server reads the key from this file below its folder of secrets" },
    { flags: "--key-from <file>", description: "a local file with the key, which is sealed and kept by the server" },
    { flags: "--default-tier <tier>", description: "how it serves calls that ask for no way, where it is set up for a dearer one, such as priority or us: budgets reserve by it; none takes it away" },
    { flags: "--responses <native|chat>", description: "of compatible: whether it has /responses or is asked for chat completions; found out where it is not said" },
    { flags: "--script <file>", description: "of scripted: its answers in turn, as a JSON list such as [{\"text\": \"hello\"}, {\"status\": 429}]" },
    { flags: "--model-limit <limit...>", description: "MODEL=FIELD:NUMBER,..., such as gpt-5=tokensPerMinute:30000,concurrency:8; MODEL=none takes them away; * is each model that is not named" },
  ],
  run: async ({ api }, { positionals, options }) => {
    const { kind, baseUrl, region, apiVersion, keyEnv, keyFile, keyFrom, script, responses, defaultTier } = options as OptionTexts;
    const [name] = positionals as [string];
    if ([keyEnv, keyFile, keyFrom].filter((source) => source !== undefined).length > 1) throw new AppError("INVALID_REQUEST", "Give one of --key-env, --key-file and --key-from.");
    const secret: SecretSource | undefined = keyEnv !== undefined ? { from: "environment", name: keyEnv } : keyFile !== undefined ? { from: "file", path: keyFile }
      : keyFrom !== undefined ? { from: "value", value: await textOfFile(keyFrom) } : undefined;
    const { providers } = await api.get<{ providers: GatewayProvider[] }>("/api/gateway/providers");
    const current = providers.find((provider) => provider.name === name && provider.origin === "stored");
    const limits = { ...current?.settings.modelLimits, ...modelLimitsOf((options.modelLimit as unknown as string[] | undefined) ?? []) };
    const modelLimits = Object.fromEntries(Object.entries(limits).filter(([, own]) => own !== null));
    const settings = { ...current?.settings, kind, ...(Object.keys(limits).length === 0 ? {} : { modelLimits }), ...(baseUrl === undefined ? {} : { baseUrl }), ...(region === undefined ? {} : { region }), ...(apiVersion === undefined ? {} : { apiVersion }), ...(responses === undefined ? {} : { responses }), ...(defaultTier === undefined ? {} : { defaultTier: defaultTier === "none" ? undefined : defaultTier }), ...(script === undefined ? {} : { script: await jsonOfFile(script) }) };
    return api.send("PUT", `/api/gateway/providers/${encodeURIComponent(name)}`, { revision: current?.revision ?? 0, settings, ...(secret === undefined ? {} : { secret }) });
  },
  render: ({ name, settings, secret, notes }: ChangedProvider) => [`${name} (${settings.kind}, secret: ${secret}). Try it: slipway gateway test-provider ${name}`, ...notes.map((note) => `Note: ${note}`)].join("\n"),
};

const testProvider: Command = {
  words: ["gateway", "test-provider"],
  summary: "ask a provider for its models; fails where it does not answer",
  positionals: [{ name: "<name>", description: "the provider" }],
  run: async ({ api }, { positionals }) => {
    const [name] = positionals as [string];
    const tested = await api.send<ProviderTest>("POST", `/api/gateway/providers/${encodeURIComponent(name)}/test`, {});
    if (tested.code === "PROVIDER_SECRET_MISSING") throw new AppError(tested.code, `Nothing was asked. ${tested.message}`);
    if (!tested.ok) throw new AppError(tested.code ?? "PROVIDER_UNAVAILABLE", `The provider ${name} does not answer as it should (${Math.round(tested.ms)} ms): ${tested.message}`);
    return tested;
  },
  render: ({ ms, message, models }: ProviderTest) => [ms === 0 ? message : `It answers (${Math.round(ms)} ms): ${message}`, ...models.map((model) => `  ${model}`)].join("\n"),
};

const removeProvider: Command = {
  words: ["gateway", "remove-provider"],
  summary: "remove a provider that no route has as a target",
  positionals: [{ name: "<name>", description: "the provider" }],
  run: async ({ api }, { positionals }) => {
    await api.send("DELETE", `/api/gateway/providers/${encodeURIComponent(positionals[0]!)}`);
    return { removed: positionals[0] };
  },
  render: ({ removed }: { removed: string }) => `${removed} is removed.`,
};

const setKey: Command = {
  words: ["gateway", "set-key"],
  summary: "limits, budgets and routes of an API key; none takes a limit or a budget away",
  positionals: [{ name: "<key>", description: "the key's id, such as key_01..." }],
  options: [
    { flags: "--route <route...>", description: "only these routes; PROVIDER/* for all of one" },
    ...limitOptions,
    { flags: "--per-query <dollars>", description: "what one call may cost at worst" },
    { flags: "--per-day <dollars>", description: "in a day of UTC" },
    { flags: "--per-month <dollars>", description: "in a month of UTC" },
    { flags: "--added-tokens <count>", description: "tokens of input that budgets keep for what a provider adds by itself, such as results of its web search" },
    { flags: "--project <project>", description: "to which its costs belong" },
    { flags: "--direct <yes|no>", description: "whether it may call PROVIDER/MODEL past all routes" },
  ],
  run: async ({ api }, { positionals, options }) => {
    const { perQuery, perDay, perMonth, addedTokens, project, direct } = options as OptionTexts;
    if (direct !== undefined && direct !== "yes" && direct !== "no") throw new AppError("INVALID_REQUEST", "--direct is yes or no.");
    const routes = options.route as unknown as string[] | undefined;
    const [key] = positionals as [string];
    const { policies } = await api.get<{ policies: KeyPolicy[] }>("/api/gateway/keys");
    const current = policies.find((policy) => policy.key === key);
    const ifZero = "A key that shall call nothing is revoked: slipway keys revoke KEY_ID.";
    const numbers = (texts: OptionTexts): Record<string, number | null> => numbersOf(texts, ifZero);
    const limits = callLimitsWith(current?.settings.limits, limitNumbers(options as OptionTexts, ifZero));
    const { perDay: day, perMonth: month, ...query } = numbers({ perQuery, perDay, perMonth });
    const budget = limitsWith(current?.settings.budget, { ...query, ...(day === undefined ? {} : { day }), ...(month === undefined ? {} : { month }) }, ["perQuery", "day", "month"]);
    const { limits: _limits, budget: _budget, ...kept } = current?.settings ?? {};
    const settings = {
      ...changed(kept, numbers({ addedTokens })), ...(routes === undefined ? {} : { routes }), ...(project === undefined ? {} : { project }), ...(direct === undefined ? {} : { direct: direct === "yes" }), ...(limits === undefined ? {} : { limits }),
      ...(budget === undefined ? {} : { budget }),
    };
    return api.send("PUT", `/api/gateway/keys/${encodeURIComponent(key)}`, { revision: current?.revision ?? 0, settings });
  },
  render: ({ key, settings, notes = [] }: KeyPolicy & { notes?: string[] }) => [`${key}: ${JSON.stringify(settings)}`, ...notes.map((note) => `Note: ${note}`)].join("\n"),
};

const stateWords: Readonly<Record<TargetState, (target: ProviderHealthView) => string>> = {
  "left-alone": ({ waitMs }) => `left alone, tried again in ${Math.ceil(waitMs / 1000)} s`, "on-trial": () => "on trial", failing: ({ failures }) => `failed, ${failures} in a row`,
  limited: ({ limited }) => `limited by its provider (429), ${limited} in a row`, "not-asked": () => "not asked", unanswered: () => "no answer yet", answers: () => "answers",
};

const health: Command = {
  words: ["gateway", "health"],
  summary: "how targets answered of late, which are left alone, and which calls ended before any was asked",
  run: ({ api }) => api.get("/api/gateway/health"),
  render: ({ server, targets, guardrails, refused = [] }: { server: string; targets: ProviderHealthView[]; guardrails: GuardrailTrouble[]; refused?: RefusedOnRoute[] }) =>
    [
      ...guardrails.map(({ route, message }) => `The route ${route} fails every call. ${message}`),
      targets.length === 0
        ? "Nothing was called yet."
        : textTable(["TARGET", "NOW", "CALLS", "ANSWERED", "LIMITED", "ERRORS", "FIRST BYTE"], targets.map((target) => [
            `${target.provider}/${target.model}`, stateWords[targetState(target)](target), String(target.calls), String(target.answers), String(target.turnedAway), String(target.errors), target.ewmaMs === null ? "-" : `${Math.round(target.ewmaMs)} ms`,
          ])),
      ...(refused.length === 0 ? [] : ["", textTable(["REFUSED ON", "TEAM", "REASON", "CALLS, 24 H"], refused.map(({ route, team, reason, calls }) => [route, team, reason, String(calls)])), "No provider was asked for these, and they are in no costs: slipway traces --errors --route ROUTE"]),
      ...(targets.length === 0 && refused.length === 0 ? [] : ["", `As the server ${server} sees it: of several each leaves targets alone by what it saw itself.`]),
    ].join("\n"),
};

export const gatewayCommands: readonly Command[] = [listProviders, setProvider, testProvider, removeProvider, ...routeCommands, setKey, health, ask];
