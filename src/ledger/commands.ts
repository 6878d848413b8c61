import type { Command } from "../core/command.ts";
import { counted } from "../core/counted.ts";
import { formatDollars } from "../core/dollars.ts";
import { AppError } from "../core/errors.ts";
import { textTable } from "../core/text-table.ts";
import { toldTime } from "../core/told-time.ts";
import { budgetCommands } from "./budget-commands.ts";
import { dollars } from "./dollars.ts";
import type { AnsweredPrice, CostRow, CostSums, SetPrice, TablePrice } from "./schemas.ts";

interface CostsShown {
  since: number;
  until: number;
  by: string[];
  rows: CostRow[];
  total: CostSums;
}

const filters = ["team", "project", "route", "provider", "model", "source", "user", "key", "session", "agentRun", "trace", "outcome", "tag"] as const;
const filterHelp: Readonly<Partial<Record<(typeof filters)[number], string>>> = { tag: "calls with this tag alone, NAME=VALUE", source: "gateway: calls through it alone; trace: those that other programs told of in spans", trace: "calls of the trace with this id alone", key: "calls with this key alone: its id, key_01...", agentRun: "calls of this agent's run alone", outcome: "ok, failed, failed-over, outrun, cancelled, cached or interrupted alone" };

const costs: Command = {
  words: ["costs"],
  summary: "what calls of models cost",
  namesKeys: true,
  options: [
    { flags: "--by <groups>", description: "up to three of day, hour, team, key, project, route, provider, model, outcome, source, user, session, agentRun, trace, tag:NAME", default: "day" },
    { flags: "--since <time>", description: "how long ago (30m, 24h, 7d) or a time of UTC such as 2026-01-31 or 2026-01-31T12:00", default: "7d" },
    { flags: "--until <time>", description: "as --since; now when it is left out" },
    ...filters.map((name) => ({ flags: `--${flagOf(name)} <${flagOf(name)}>`, description: filterHelp[name] ?? `calls of this ${name} alone` })),
  ],
  run: async ({ api }, { options }) => {
    const given = options as Record<string, string | undefined>;
    const now = (await api.get<{ until: number }>("/api/costs", { limit: 1 })).until;
    const asked = Object.fromEntries(filters.map((name) => [name, name === "key" && given[name]?.startsWith("key_") === true ? `key:${given[name]}` : given[name]]));
    return api.get("/api/costs", { by: given.by, since: toldTime(given.since!, now), until: given.until === undefined ? undefined : toldTime(given.until, now), ...asked });
  },
  render: ({ by, rows, total }: CostsShown) => {
    if (rows.length === 0) return "No calls in this time.";
    const hasHits = total.cached > 0;
    const sums = ({ calls, lostAttempts, inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens, cost, unpriced, cached, savedCost, savedUnpriced, savedUntold }: CostSums): string[] => [
      String(calls), ...(total.lostAttempts > 0 ? [String(lostAttempts)] : []), String(inputTokens + cacheReadTokens + cacheWriteTokens), String(outputTokens), unpriced > 0 && cost === 0 ? "no price" : dollars(cost),
      ...(hasHits ? [cached > 0 && cached === savedUnpriced + savedUntold ? "-" : dollars(savedCost)] : []),
    ];
    const table = textTable(
      [...by.map((each) => each.toUpperCase()), "CALLS", ...(total.lostAttempts > 0 ? ["LOST ATTEMPTS"] : []), "INPUT", "OUTPUT", "COST", ...(hasHits ? ["SAVED BY CACHE"] : []), ...(rows.some(({ budget }) => budget !== null) ? ["MONTH'S BUDGET"] : [])],
      [...rows.map((row) => [...Object.values(row.group).map((value) => value ?? "-"), ...sums(row), ...(row.budget === null ? [] : [`${row.budget.percent}% of ${dollars(row.budget.limit)}`])]), [...by.map((_, index) => (index === 0 ? "total" : "")), ...sums(total)]],
    );
    const remarks = [
      ...(total.unpriced === 0 ? [] : [`${counted(total.unpriced, "call has no known price and is", "calls have no known price and are")} not in these sums: slipway prices set`]),
      ...(total.savedUnpriced === 0 ? [] : [`${counted(total.savedUnpriced, "answer from the cache", "answers from the cache")} had no known price when made, and ${total.savedUnpriced === 1 ? "is" : "are"} not in what was saved`]),
      ...(total.savedUntold === 0 ? [] : [`${counted(total.savedUntold, "answer from the cache", "answers from the cache")} ${total.savedUntold === 1 ? "was" : "were"} written down by a release that did not keep what they saved`]),
    ];
    return [table, ...remarks.length === 0 ? [] : ["", ...remarks]].join("\n");
  },
};

const prices: Command = {
  words: ["prices"],
  summary: "prices of models in dollars for a million tokens",
  positionals: [{ name: "[model]", description: "only models with this in their names" }],
  run: async ({ api }, { positionals: [part = ""] }) => {
    const { set, table } = await api.get<{ set: SetPrice[]; table: { version: string; prices: TablePrice[] } }>("/api/prices");
    return { set: set.filter(({ model }) => model.includes(part)), table: { ...table, prices: table.prices.filter(({ models }) => models.some((model) => model.includes(part))) } };
  },
  render: ({ set, table }: { set: SetPrice[]; table: { version: string; prices: TablePrice[] } }) => {
    const cells = ({ input, cacheRead, cacheWrite, output }: SetPrice["rates"]): string[] => [input, cacheRead, cacheWrite, output].map((rate) => (rate === undefined ? "-" : formatDollars(rate, 9)));
    return textTable(
      ["PROVIDER", "MODEL", "FROM", "INPUT", "CACHE READ", "CACHE WRITE", "OUTPUT", "ALSO"],
      [
        ...set.map((price) => [price.provider, price.model, new Date(price.from).toISOString().slice(0, 16), ...cells(price.rates), otherRates(price)]),
        ...table.prices.map((price) => [price.provider, price.models[0]!, price.from ?? `table of ${table.version}`, ...cells(price.rates), otherRates(price)]),
      ],
    );
  },
};

const setPrice: Command = {
  words: ["prices", "set"],
  summary: "set the price of a model from now on",
  positionals: [{ name: "<provider>", description: "name of a provider, or its kind" }, { name: "<model>", description: "the provider's name for the model; a star at the end stands for anything" }],
  options: [
    { flags: "--input <dollars>", description: "for a million tokens of input", required: true },
    { flags: "--output <dollars>", description: "for a million tokens of output; models of embeddings have none" },
    { flags: "--cache-read <dollars>", description: "for a million tokens read from the provider's cache; as input when it is left out" },
    { flags: "--cache-write <dollars>", description: "for a million tokens written to it; as input when it is left out" },
    { flags: "--cache-write-hour <dollars>", description: "for a million tokens written to it to be kept for an hour; as other writes when it is left out" },
    { flags: "--audio-input <dollars>", description: "for a million tokens of audio that is heard; as input when it is left out" },
    { flags: "--audio-output <dollars>", description: "for a million tokens of audio that is spoken; as output when it is left out" },
    { flags: "--search-units <dollars>", description: "for a thousand search units of a reranking model" },
    { flags: "--web-searches <dollars>", description: "for a thousand searches of the web that the provider makes for calls" },
    { flags: "--above <rates>", description: "TOKENS=INPUT/OUTPUT: dollars of the whole call when it has more tokens of input, such as 200000=6/22.5" },
    { flags: "--tier <tier...>", description: "NAME=INPUT/OUTPUT: dollars of another way to be served, such as priority=2.5/20" },
  ],
  run: async ({ api, progress }, { positionals: [provider, model], options }) => {
    const names = ["input", "output", "cacheRead", "cacheWrite", "cacheWriteHour", "audioInput", "audioOutput", "searchUnits", "webSearches"] as const;
    const rates = Object.fromEntries(names.map((name) => [name, options[name] === undefined ? undefined : dollarsOf(options[name] as string)]));
    // A price without output by mistake would let a budget be passed: it is left out only where the name says why.
    if (rates.output === undefined) {
      if (!/embed/i.test(model!)) throw new AppError("INVALID_REQUEST", "Give --output too: dollars for a million tokens of output, and 0 for a model that has none, such as one that ranks.");
      rates.output = 0;
    }
    const tiers = options.tier as unknown as string[] | undefined;
    const above = options.above === undefined ? {} : { above: aboveOf(options.above as string) };
    const { remark, ...price } = await api.send<AnsweredPrice>("POST", "/api/prices", { provider, model, rates, ...above, ...(tiers === undefined ? {} : { tiers: Object.fromEntries(tiers.map(tierOf)) }) });
    if (remark !== null) progress(remark);
    return price;
  },
  render: ({ provider, model, from, rates }: SetPrice) => `${model} of ${provider} costs ${formatDollars(rates.input, 9)} for a million tokens of input and ${formatDollars(rates.output, 9)} of output from ${new Date(from).toISOString()} on.`,
};

export const ledgerCommands: readonly Command[] = [costs, ...budgetCommands, prices, setPrice];

function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function dollarsOf(text: string): number {
  if (!/^\d{1,6}(\.\d{1,9})?$/.test(text)) throw new AppError("INVALID_REQUEST", `${text} is not an amount of dollars such as 2.5.`);
  return Number(text);
}

function tierOf(text: string): [name: string, rates: { input: number; output: number }] {
  const [, name, input, output] = /^([^=]{1,64})=([^/]+)\/([^/]+)$/.exec(text) ?? [];
  if (name === undefined) throw new AppError("INVALID_REQUEST", `${JSON.stringify(text)} is no tier: write NAME=INPUT/OUTPUT, such as priority=2.5/20.`);
  return [name, { input: dollarsOf(input!), output: dollarsOf(output!) }];
}

function aboveOf(text: string): { inputTokens: number; input: number; output: number } {
  const [, tokens, input, output] = /^(\d{1,9})=([^/]+)\/([^/]+)$/.exec(text) ?? [];
  if (tokens === undefined) throw new AppError("INVALID_REQUEST", `${JSON.stringify(text)} is no price of long calls: write TOKENS=INPUT/OUTPUT, such as 200000=6/22.5.`);
  return { inputTokens: Number(tokens), input: dollarsOf(input!), output: dollarsOf(output!) };
}

function otherRates({ rates: { cacheWriteHour, audioInput, audioOutput, searchUnits, webSearches }, above, tiers = {} }: Pick<SetPrice, "rates" | "above" | "tiers">): string {
  return [
    ...(above === null ? [] : [`above ${above.inputTokens} tokens ${formatDollars(above.input, 9)}/${formatDollars(above.output, 9)}`]), ...(cacheWriteHour === undefined ? [] : [`written for an hour ${formatDollars(cacheWriteHour, 9)}`]),
    ...(searchUnits === undefined ? [] : [`1000 search units ${formatDollars(searchUnits, 9)}`]), ...(webSearches === undefined ? [] : [`1000 web searches ${formatDollars(webSearches, 9)}`]), ...(audioInput === undefined ? [] : [`audio heard ${formatDollars(audioInput, 9)}`]),
    ...(audioOutput === undefined ? [] : [`audio spoken ${formatDollars(audioOutput, 9)}`]), ...Object.entries(tiers).map(([name, { input, output }]) => `${name} ${formatDollars(input, 9)}/${formatDollars(output, 9)}`),
  ].join(", ");
}
