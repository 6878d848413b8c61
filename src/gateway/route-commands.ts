import type { Command } from "../core/command.ts";
import { AppError } from "../core/errors.ts";
import { textTable } from "../core/text-table.ts";
import { callLimitsWith, changed, jsonOfFile, limitNumbers, limitOptions, limitsWith, numbersOf, textOfFile, type OptionTexts } from "./option-values.ts";
import type { BudgetLimits, CacheSettings, GatewayRoute, Limits, RouteTarget } from "./schemas.ts";
import { guardrailOf } from "./settings/guardrail-text.ts";
import { showRoute } from "./show-route.ts";

/** What is changed of a route before the server judges it. */
interface Settings {
  targets?: unknown;
  limits?: Partial<Limits>;
  budget?: BudgetLimits;
  cache?: Partial<CacheSettings>;
  [name: string]: unknown;
}

const listRoutes: Command = {
  words: ["gateway", "routes"],
  summary: "the names that can be called, and what stands behind them",
  run: ({ api }) => api.get("/api/gateway/routes"),
  render: ({ routes }: { routes: GatewayRoute[] }) =>
    routes.length === 0
      ? "No routes. Models can be called as PROVIDER/MODEL; make a route with: slipway gateway set-route NAME --target PROVIDER/MODEL"
      : textTable(["ROUTE", "TEAM", "TARGETS", "REVISION"], routes.map(({ name, team, settings, revision }) => [name, team, settings.targets.map(targetText).join(", "), String(revision)])),
};

const setRoute: Command = {
  words: ["gateway", "set-route"],
  summary: "add or change a route; none takes a prompt, a limit, a budget, the cache or the guardrails away",
  positionals: [{ name: "<name>", description: "what callers give as the model" }],
  options: [
    { flags: "--target <target...>", description: "PROVIDER/MODEL, with =WEIGHT behind it where there are several; a ! before it makes it a fallback of the others" },
    { flags: "--file <file>", description: "all of its settings as JSON, in place of those that it has; other options change what the file says" },
    { flags: "--prompt <file>", description: "the system prompt, which stands before the caller's messages" },
    ...limitOptions,
    { flags: "--per-query <dollars>", description: "what one call may cost at worst" },
    { flags: "--per-day <dollars>", description: "in a day of UTC" },
    { flags: "--per-month <dollars>", description: "in a month of UTC" },
    { flags: "--added-tokens <count>", description: "tokens of input that budgets keep for what a provider adds by itself, such as results of its web search" },
    { flags: "--cache-seconds <seconds>", description: "how long an answer is kept for equal calls" },
    { flags: "--cache-meaning <route>", description: "a route of an embedding model, with =THRESHOLD (0 to 1) behind it: answers calls that mean the same, too" },
    { flags: "--guardrail <guardrail...>", description: "in their order, in place of those that it has: pii, pii=block, pii=block:email+card, max-cost=DOLLARS, patterns:NAME=EXPRESSION, classifier:NAME=MODEL:LABEL+LABEL or classifier:NAME=MODEL>SCORE" },
    { flags: "--team <team>", description: "whose it is" },
    { flags: "--reason <text>", description: "why" },
  ],
  run: async ({ api }, { positionals, options }) => {
    const { file, team, reason } = options as OptionTexts;
    const [name] = positionals as [string];
    const { file: _file, reason: _reason, ...changes } = options;
    if (file === undefined && Object.values(changes).every((value) => value === undefined)) throw new AppError("INVALID_REQUEST", "Say what is to change: give --target, --file or another option.");
    // What is written is judged before anything is asked for.
    const change = await changeOf(name, options as OptionTexts);
    const given = file === undefined ? undefined : settingsOf(file, await jsonOfFile(file));
    const { routes } = await api.get<{ routes: GatewayRoute[] }>("/api/gateway/routes");
    const current = routes.find((route) => route.name === name);
    const settings = change(given ?? current?.settings ?? {});
    if (current === undefined && settings.targets === undefined) throw new AppError("INVALID_REQUEST", `There is no route ${name} yet: give --target or --file.`);
    return api.send("PUT", `/api/gateway/routes/${encodeURIComponent(name)}`, { revision: current?.revision ?? 0, settings, ...(team === undefined ? {} : { team }), ...(reason === undefined ? {} : { reason }) });
  },
  render: ({ name, settings, revision }: GatewayRoute) => `${name} (revision ${revision}): ${settings.targets.map(targetText).join(", ")}. All its settings: slipway gateway route ${name}`,
};

const removeRoute: Command = {
  words: ["gateway", "remove-route"],
  summary: "remove a route",
  positionals: [{ name: "<name>", description: "the route" }],
  run: async ({ api }, { positionals }) => {
    await api.send("DELETE", `/api/gateway/routes/${encodeURIComponent(positionals[0]!)}`);
    return { removed: positionals[0] };
  },
  render: ({ removed }: { removed: string }) => `${removed} is removed.`,
};

export const routeCommands: readonly Command[] = [listRoutes, showRoute, setRoute, removeRoute];

/** What the options change of settings. Throws INVALID_REQUEST. */
async function changeOf(route: string, { prompt, perQuery, perDay, perMonth, addedTokens, cacheSeconds, cacheMeaning, ...options }: OptionTexts): Promise<(settings: Settings) => Settings> {
  const [targets, guardrails] = [options.target, options.guardrail] as unknown as (string[] | undefined)[];
  const numbers = (texts: OptionTexts): Record<string, number | null> => numbersOf(texts, zeroOf(route));
  const limits = limitNumbers(options, zeroOf(route));
  const { perQuery: query, perDay: day, perMonth: month } = numbers({ perQuery, perDay, perMonth });
  const budget = Object.fromEntries(Object.entries({ perQuery: query, day, month }).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
  const direct = {
    ...numbers({ addedTokens }),
    ...(prompt === undefined ? {} : { systemPrompt: prompt === "none" ? null : await textOfFile(prompt) }),
    ...(targets === undefined ? {} : { targets: targets.map(targetOf) }),
    ...(guardrails === undefined ? {} : { guardrails: guardrails.length === 1 && guardrails[0] === "none" ? [] : guardrails.map(guardrailOf) }),
  };
  const { cacheSeconds: ttlSeconds } = numbers({ cacheSeconds });
  const semantic = meaningOf(cacheMeaning);
  return (settings) => {
    const cached = ttlSeconds === null ? undefined : { ...settings.cache, ...(ttlSeconds === undefined ? {} : { ttlSeconds }) };
    if (ttlSeconds === null && semantic !== undefined && semantic !== null) throw new AppError("INVALID_REQUEST", "--cache-meaning needs a cache: --cache-seconds none takes it away.");
    const cache = changed(cached, semantic === undefined ? {} : { semantic });
    const parts: [name: string, said: boolean, value: unknown][] = [
      ["limits", Object.keys(limits).length > 0, callLimitsWith(settings.limits, limits)],
      ["budget", Object.keys(budget).length > 0, limitsWith(settings.budget, budget, ["perQuery", "day", "month"])],
      // A cache that was not there is not made by taking a part of it away.
      ["cache", ttlSeconds !== undefined || (semantic !== undefined && (semantic !== null || settings.cache !== undefined)), cached === undefined ? undefined : cache],
    ];
    return changed(settings, { ...direct, ...Object.fromEntries(parts.filter(([, said]) => said).map(([name, , value]) => [name, value ?? null])) });
  };
}

function zeroOf(route: string): string {
  return `A route that shall answer nothing is removed: slipway gateway remove-route ${route}.`;
}

/** ROUTE or ROUTE=THRESHOLD; null where it is `none`. */
function meaningOf(text: string | undefined): { route: string; threshold?: number } | null | undefined {
  if (text === undefined || text === "none") return text === undefined ? undefined : null;
  const [, route, threshold] = /^([^=]+)(?:=(\d*\.?\d+))?$/.exec(text) ?? [];
  if (route === undefined) throw new AppError("INVALID_REQUEST", `--cache-meaning takes a route, or ROUTE=THRESHOLD such as embeddings=0.95, not ${JSON.stringify(text)}.`);
  return { route, ...(threshold === undefined ? {} : { threshold: Number(threshold) }) };
}

function settingsOf(path: string, document: unknown): Settings {
  if (typeof document === "object" && document !== null && !Array.isArray(document)) return document as Settings;
  throw new AppError("INVALID_REQUEST", `${path} has no settings of a route: they are a JSON object with targets.`);
}

function targetText({ provider, model, weight, priority }: RouteTarget): string {
  return `${priority > 0 ? "!" : ""}${provider}/${model}${weight === 1 ? "" : `=${weight}`}`;
}

function targetOf(text: string): Partial<RouteTarget> {
  const [, mark, provider, model, weight] = /^(!?)([^/=]+)\/([^=]+)(?:=(\d+(?:\.\d+)?))?$/.exec(text) ?? [];
  if (provider === undefined || model === undefined) throw new AppError("INVALID_REQUEST", `${JSON.stringify(text)} is no target: write PROVIDER/MODEL, or PROVIDER/MODEL=WEIGHT with a weight of 0 or more, such as openai/gpt-5-mini or openai/gpt-5-mini=3.`);
  return { provider, model, ...(weight === undefined ? {} : { weight: Number(weight) }), ...(mark === "!" ? { priority: 1 } : {}) };
}
