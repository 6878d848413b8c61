import { z } from "zod";
import { isSafeName } from "../core/names.ts";

const Timestamp = z.number().int().meta({ description: "Milliseconds since 1970-01-01T00:00:00Z" });
const NanoDollars = z.number().int().meta({ description: "Whole billionths of a US dollar" });
const Name = z.string().refine(isSafeName, "1 to 128 letters, digits, dots, dashes and underscores, starting with a letter or digit");
const Dollars = z.number().positive().max(1e6);

/** US dollars. Absent is without limit. */
export const SpendLimits = z
  .strictObject({
    perQuery: Dollars.optional().meta({ description: "The worst that one call may cost" }),
    day: Dollars.optional().meta({ description: "In a day of UTC" }),
    month: Dollars.optional().meta({ description: "In a month of UTC" }),
  })
  .meta({ id: "SpendLimits" });
export type SpendLimits = z.infer<typeof SpendLimits>;

/** What the calls of a team, or of one of its projects, may cost. Keys and routes carry theirs in their own settings. */
export const Budget = z
  .object({
    scope: z.enum(["team", "project"]),
    team: Name,
    name: Name.meta({ description: "Of the project; of the team itself where the scope is the team" }),
    limits: SpendLimits, updatedAt: Timestamp, updatedBy: z.string(),
  })
  .meta({ id: "Budget" });
export type Budget = z.infer<typeof Budget>;

export const BudgetName = Budget.pick({ scope: true, team: true, name: true });
export type BudgetName = z.infer<typeof BudgetName>;

export const SpendWindow = z.enum(["day", "month"]);
export type SpendWindow = z.infer<typeof SpendWindow>;

/** How far a budget is used in its window of now. */
export const BudgetUse = z
  .object({
    window: SpendWindow, limit: NanoDollars, spent: NanoDollars, reserved: NanoDollars.meta({ description: "Worst cases of calls under way" }), percent: z.number().meta({ description: "Spent of the limit" }), endsAt: Timestamp,
    refused: z.number().int().optional().meta({ description: "Calls that this server refused for it in this window, since it started; absent where there were none. They may cost more than is left, or than the whole budget" }),
  })
  .meta({ id: "BudgetUse" });
export type BudgetUse = z.infer<typeof BudgetUse>;

export const BudgetStatus = Budget.extend({ use: z.array(BudgetUse) }).meta({ id: "BudgetStatus" });
export type BudgetStatus = z.infer<typeof BudgetStatus>;

/** The budget of a key or a route, which is set with its other limits. */
export const CallBudget = z
  .object({
    scope: z.enum(["key", "route"]), name: z.string().meta({ description: "Id of the key, or name of the route" }), keyName: z.string().nullable().meta({ description: "What the key was named; null for a route" }), team: Name, limits: SpendLimits,
    use: z.array(BudgetUse),
  })
  .meta({ id: "CallBudget" });
export type CallBudget = z.infer<typeof CallBudget>;

const rate = z.number().min(0).max(1e5);
const rates = {
  input: rate, cacheRead: rate.optional(), cacheWrite: rate.optional(), cacheWriteHour: rate.optional(), output: rate,
  audioInput: rate.optional(), audioOutput: rate.optional(), searchUnits: rate.optional().meta({ description: "US dollars for a thousand search units of a reranking model" }),
  webSearches: rate.optional().meta({ description: "US dollars for a thousand searches of the web that the provider makes for calls" }),
};

/** US dollars for a million tokens; tokens of a kind without a rate cost what plain input costs. */
export const PriceRates = z.strictObject(rates).meta({ id: "PriceRates" });

const Tiers = z.record(z.string().min(1).max(64), PriceRates).meta({ description: "Rates of dearer ways to be served, by the provider's word for them, such as priority or fast" });

/** A price as an administrator sets it. */
export const PriceRequest = z
  .strictObject({
    provider: z.string().min(1).max(128).meta({ description: "Name of a provider, or its kind", example: "openai" }),
    model: z.string().min(1).max(256).refine((text) => !text.slice(0, -1).includes("*") && text !== "", "a star may stand at the end alone").meta({ description: "Its name for the model; one star at the end stands for anything", example: "gpt-5-mini" }),
    from: Timestamp.optional().meta({ description: "When it begins to hold; now where it is not said, and never before now" }),
    rates: PriceRates,
    above: z.strictObject({ inputTokens: z.number().int().min(1).max(1e9), ...rates }).nullable().default(null).meta({ description: "Rates of a whole call with more input than this" }),
    tiers: Tiers.optional(),
  })
  .meta({ id: "PriceRequest" });
export type PriceRequest = z.infer<typeof PriceRequest>;

/** It is never changed or removed: a newer one follows it. */
export const SetPrice = PriceRequest.extend({ id: z.string(), from: Timestamp, createdAt: Timestamp, createdBy: z.string() }).meta({ id: "SetPrice" });
export type SetPrice = z.infer<typeof SetPrice>;

/** As it was set just now. */
export const AnsweredPrice = SetPrice.extend({ remark: z.string().nullable().meta({ description: "That no provider or model of this name is known here, with the nearest that is, or which rates of the price before it are left out; the price is kept all the same" }) }).meta({ id: "AnsweredPrice" });
export type AnsweredPrice = z.infer<typeof AnsweredPrice>;

/** A line of the built-in table. */
export const TablePrice = z.object({ provider: z.string(), models: z.array(z.string()), from: z.string().nullable().meta({ description: "Day (UTC) from which it holds" }), rates: PriceRates, above: z.object({ inputTokens: z.number().int(), ...rates }).nullable(), tiers: Tiers.optional() }).meta({ id: "TablePrice" });
export type TablePrice = z.infer<typeof TablePrice>;

/** What costs can be grouped by; `tag:NAME` groups by the value of a tag. */
export const plainGroupings = ["hour", "day", "team", "key", "project", "route", "provider", "model", "outcome", "source", "user", "session", "agentRun", "trace"] as const;
export type PlainGrouping = (typeof plainGroupings)[number];
export const CostGrouping = z.union([z.enum(plainGroupings), z.templateLiteral(["tag:", z.string().min(1).max(64)])], { error: `must be one of ${plainGroupings.join(", ")}, or tag:NAME` });
export type CostGrouping = z.infer<typeof CostGrouping>;

export const CostSource = z.enum(["gateway", "trace"]).meta({ id: "CostSource", description: "`gateway`: a call that went through it. `trace`: one that another program made and told of in a span" });

const CallOutcome = z.enum(["ok", "failed", "failed-over", "outrun", "cancelled", "cached", "interrupted"]).meta({
  description: "`failed-over` and `outrun`: attempts beside the call's own entry that may have worked; another was made in their place, or was quicker. `interrupted`: the server was killed while the call was under way. Their costs are estimates",
});

/** All that are given must hold. */
export const CostFilter = z.strictObject({
  team: z.string().max(128).optional(),
  key: z.string().max(200).optional().meta({ description: "The caller: key:ID, or user:ID" }),
  project: z.string().max(128).optional(),
  route: z.string().max(256).optional(),
  provider: z.string().max(128).optional(),
  model: z.string().max(256).optional(),
  outcome: CallOutcome.optional(),
  source: CostSource.optional(),
  user: z.string().max(256).optional().meta({ description: "The caller's own user" }),
  session: z.string().max(256).optional(),
  trace: z.string().max(64).optional().meta({ description: "Id of a trace" }),
  agentRun: z.string().max(256).optional(),
  tag: z.string().max(300).regex(/^[^=]{1,64}=/, "NAME=VALUE").optional().meta({ description: "NAME=VALUE" }),
});
export type CostFilter = z.infer<typeof CostFilter>;

export const CostSums = z.object({
  calls: z.number().int().meta({ description: "Each once, however many attempts it took" }),
  lostAttempts: z.number().int().meta({ description: "Attempts beside these calls that may have worked (`failed-over`, `outrun`): their tokens and costs are in the sums" }),
  failed: z.number().int(), cached: z.number().int().meta({ description: "Answered from the cache" }),
  unpriced: z.number().int().meta({ description: "Calls and lost attempts without a known price: their cost is not in the sum" }),
  inputTokens: z.number().int().meta({ description: "Without what came from or went to a provider's cache" }),
  cacheReadTokens: z.number().int(), cacheWriteTokens: z.number().int(), outputTokens: z.number().int(),
  cost: NanoDollars,
  savedCost: NanoDollars.meta({ description: "Whole billionths of a US dollar that answers from the cache cost when they were made, each as often as it was given again" }),
  savedUnpriced: z.number().int().meta({ description: "Answers from the cache of which nobody knows what they cost when they were made: they are not in savedCost" }),
  savedUntold: z.number().int().meta({ description: "Answers from the cache that a release wrote down which did not keep what they saved: they are not in savedCost" }),
});
export type CostSums = z.infer<typeof CostSums>;

export const CostRow = CostSums.extend({
  group: z.record(z.string(), z.string().nullable()).meta({ description: "By the names of `by`; null where nobody said. Hours and days are their beginnings in UTC" }),
  budget: BudgetUse.nullable().meta({ description: "Grouped by team, or by team and project: the month's budget of it, where there is one" }),
}).meta({ id: "CostRow" });
export type CostRow = z.infer<typeof CostRow>;

const count = z.number().nullable();
const units = z.number().optional();
/** One call as the ledger keeps it. */
export const CostEntry = z
  .object({
    id: z.string(), time: Timestamp, kind: z.literal("llm"), source: CostSource,
    attribution: z.object({
      actor: z.string(), team: z.string(), project: z.string().nullable(), route: z.string().nullable(), user: z.string().nullable(), session: z.string().nullable(),
      traceId: z.string().nullable(), agentRun: z.string().nullable(), tags: z.record(z.string(), z.string()),
    }),
    provider: z.string(), model: z.string(), outcome: CallOutcome,
    estimated: z.boolean().meta({ description: "The provider told no usage: tokens were counted here" }),
    tokens: z.object({ input: count, cacheRead: count, cacheWrite: count, cacheWriteHour: count.optional(), output: count }),
    units: z.object({ audioInput: units, audioOutput: units, searchUnits: units, webSearches: units }).optional().meta({ description: "What is billed beside tokens: tokens of audio among them, search units of reranking, searches of the web; absent where there was none" }),
    cost: NanoDollars.nullable().meta({ description: "Whole billionths of a US dollar; null where the price is not known" }),
    savedCost: NanoDollars.nullable().optional().meta({ description: "Of an answer from the cache: what it cost when it was made, null where that is not known. Absent for other calls, and in entries of releases that did not keep it" }),
    priceVersion: z.string().nullable().meta({ description: "Of the price that made the cost; `reported` where a span or the provider told the cost itself" }), totalMs: z.number(), firstByteMs: z.number().nullable(),
  })
  .meta({ id: "CostEntry" });
export type CostEntry = z.infer<typeof CostEntry>;
