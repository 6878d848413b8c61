import { z } from "zod";
import { mayInTeam, type Caller } from "../core/caller.ts";
import { epochMs, type EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { route, type Route } from "../core/route.ts";
import type { LedgerService } from "./ledger-service.ts";
import type { LedgerSettings } from "./ledger-settings.ts";
import { priceTableVersion } from "./prices/price-table.ts";
import { AnsweredPrice, Budget, BudgetName, BudgetStatus, CallBudget, CostEntry, CostFilter, CostGrouping, CostRow, CostSums, PriceRequest, SetPrice, SpendLimits, TablePrice } from "./schemas.ts";
import { tablePrices } from "./table-prices.ts";

const tag = "Costs";
const weekMs = 7 * 86_400_000;
const Time = z.coerce.number().int().min(0).max(8.64e15).meta({ description: "Milliseconds since 1970-01-01T00:00:00Z" });
const times = {
  since: Time.optional().meta({ description: "A week before until where it is not said" }),
  until: Time.optional().meta({ description: "Not included; now where it is not said" }),
};
const By = z
  .string().max(200).default("day")
  .transform((text) => [...new Set(text.split(",").filter((word) => word !== ""))])
  .pipe(z.array(CostGrouping).max(3))
  .meta({ description: "Up to three of hour, day, team, key, project, route, provider, model, outcome, source, user, session, agentRun, trace and tag:NAME, with commas between", example: "team,model" });
const TeamParams = BudgetName.pick({ team: true }).strict();
const ProjectParams = z.strictObject({ team: BudgetName.shape.team, project: BudgetName.shape.name });

interface Parts {
  ledger: LedgerService;
  settings: LedgerSettings;
}

/** Costs, budgets and prices. What a caller may not see answers as what is missing does. */
export function ledgerRoutes({ ledger, settings }: Parts): Route[] {
  return [...costRoutes({ ledger, settings }), ...budgetRoutes(settings), ...priceRoutes(settings)];
}

function costRoutes({ ledger, settings }: Parts): Route[] {
  return [
    route({
      method: "GET", path: "/api/costs", access: "viewer", on: "some", operationId: "getCosts", tag,
      summary: "What calls cost, summed by day, team, model and more; of the teams that the caller sees the whole of, and of its own calls",
      description: "The dearest first. Calls of the last second are in it.",
      query: CostFilter.extend({ ...times, by: By, limit: z.coerce.number().int().min(1).max(10_000).default(1000) }),
      response: z.object({ since: z.number().int(), until: z.number().int(), by: z.array(z.string()), rows: z.array(CostRow), total: CostSums }),
      handle: async ({ query: { since, until, by, limit, ...filter }, caller, now }) => {
        const range = rangeOf(since, until, now);
        const groups = await ledger.costs(caller, { ...range, by, filter }, limit);
        const [total] = await ledger.costs(caller, { ...range, by: [], filter }, 1);
        const rows = await Promise.all(groups.map(async (group) => ({ ...group, budget: await budgetOf(settings, caller, { by, group: group.group }, now) })));
        return { ...range, by, rows, total: total ?? noSums };
      },
    }),
    route({
      method: "GET", path: "/api/costs/entries", access: "viewer", on: "some", operationId: "listCostEntries", summary: "Single calls with their costs, newest first", tag,
      query: CostFilter.extend({ ...times, after: z.string().max(120).optional(), limit: z.coerce.number().int().min(1).max(1000).default(100) }),
      response: z.object({ entries: z.array(CostEntry), next: z.string().nullable().meta({ description: "Give it as after for the rest; null at the end" }) }),
      handle: async ({ query: { since, until, after, limit, ...filter }, caller, now }) => {
        const entries = await ledger.entries(caller, { ...rangeOf(since, until, now), filter, after: after === undefined ? null : positionOf(after), limit: limit + 1 });
        const page = entries.slice(0, limit);
        const last = page.at(-1);
        return { entries: page.map((entry) => ({ ...entry, source: entry.source ?? "gateway", attribution: { ...entry.attribution, tags: { ...entry.attribution.tags } } })), next: entries.length > limit && last !== undefined ? `${last.time}.${last.id}` : null };
      },
    }),
  ];
}

function budgetRoutes(settings: LedgerSettings): Route[] {
  const put = { kind: "json", schema: z.strictObject({ limits: SpendLimits }) } as const;
  const removed = z.object({ removed: z.literal(true) });
  const change = async (name: BudgetName, limits: SpendLimits, { caller, now, auditAs }: Pick<Parameters<Route["handle"]>[0], "caller" | "now" | "auditAs">): Promise<Budget> => {
    auditAs({ object: `${name.scope}:${name.name}`, detail: { team: name.team, ...limits } });
    return settings.putBudget(caller, name, limits, now);
  };
  const remove = async (name: BudgetName, { caller, now, auditAs }: Pick<Parameters<Route["handle"]>[0], "caller" | "now" | "auditAs">): Promise<{ removed: true }> => {
    auditAs({ object: `${name.scope}:${name.name}`, detail: { team: name.team } });
    await settings.removeBudget(caller, name, now);
    return { removed: true };
  };
  return [
    route({
      method: "GET", path: "/api/budgets", access: "viewer", on: "some", operationId: "listBudgets", summary: "Budgets of teams, projects, keys and routes, and how far they are used", tag,
      description: "Of teams that the caller sees the whole of; of routes that it may call, and of its own key.",
      response: z.object({ budgets: z.array(BudgetStatus), callBudgets: z.array(CallBudget).meta({ description: "Of keys and routes: they are set with their other limits" }) }),
      handle: async ({ caller, now }) => {
        const [budgets, callBudgets] = await Promise.all([settings.budgets(caller, now), settings.callBudgets(caller, now)]);
        return { budgets, callBudgets };
      },
    }),
    route({
      method: "PUT", path: "/api/budgets/teams/:team", access: "admin", operationId: "putTeamBudget", summary: "Set the budget of a team", tag,
      params: TeamParams, body: put, response: Budget,
      handle: (request) => change({ scope: "team", team: request.params.team, name: request.params.team }, request.body.limits, request),
    }),
    route({
      method: "DELETE", path: "/api/budgets/teams/:team", access: "admin", operationId: "removeTeamBudget", summary: "Take the budget of a team away", tag,
      params: TeamParams, response: removed,
      handle: (request) => remove({ scope: "team", team: request.params.team, name: request.params.team }, request),
    }),
    route({
      method: "PUT", path: "/api/budgets/teams/:team/projects/:project", access: "admin", on: "some", operationId: "putProjectBudget", summary: "Set the budget of a project of a team", tag,
      params: ProjectParams, body: put, response: Budget,
      handle: (request) => change({ scope: "project", team: request.params.team, name: request.params.project }, request.body.limits, request),
    }),
    route({
      method: "DELETE", path: "/api/budgets/teams/:team/projects/:project", access: "admin", on: "some", operationId: "removeProjectBudget", summary: "Take the budget of a project away", tag,
      params: ProjectParams, response: removed,
      handle: (request) => remove({ scope: "project", team: request.params.team, name: request.params.project }, request),
    }),
  ];
}

function priceRoutes(settings: LedgerSettings): Route[] {
  return [
    route({
      method: "GET", path: "/api/prices", access: "viewer", on: "some", operationId: "listPrices", summary: "Prices of models: those that were set here, newest first, and the built-in table", tag,
      response: z.object({ set: z.array(SetPrice), table: z.object({ version: z.string().meta({ description: "Day of its facts" }), prices: z.array(TablePrice) }) }),
      handle: () => ({ set: settings.setPrices(), table: { version: priceTableVersion, prices: tablePrices() } }),
    }),
    route({
      method: "POST", path: "/api/prices", access: "admin", operationId: "setPrice", summary: "Set the price of a model from now or a later time on", tag,
      description: "It goes before the built-in table. A price is never changed: a later one follows it, and what was recorded keeps its cost.",
      body: { kind: "json", schema: PriceRequest }, response: AnsweredPrice,
      handle: ({ body, caller, now, auditAs }) => {
        auditAs({ object: `price:${body.provider}/${body.model}` });
        return settings.setPrice(caller, body, now);
      },
    }),
  ];
}

const noSums: CostSums = { calls: 0, lostAttempts: 0, failed: 0, cached: 0, unpriced: 0, inputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 0, cost: 0, savedCost: 0, savedUnpriced: 0, savedUntold: 0 };

function rangeOf(since: number | undefined, until: number | undefined, now: EpochMs): { since: EpochMs; until: EpochMs } {
  // What is recorded in this millisecond too.
  const end = until ?? now + 1;
  return { since: epochMs(since ?? Math.max(0, end - weekMs)), until: epochMs(end) };
}

/** Of groups that have a budget as a whole, which tells what all of the team spent. */
function budgetOf(settings: LedgerSettings, caller: Caller, { by, group }: { by: readonly string[]; group: Readonly<Record<string, string | null>> }, now: EpochMs): ReturnType<LedgerSettings["monthOf"]> {
  const { team = null, project = null } = group;
  const isWhole = by.every((word) => word === "team" || word === "project") && team !== null && (by.length === 1 || project !== null);
  return isWhole && mayInTeam(caller, "viewer", team) ? settings.monthOf(team, project, now) : Promise.resolve(null);
}

function positionOf(after: string): { time: number; id: string } {
  const [, time, id] = /^(\d{1,16})\.([\w-]{1,100})$/.exec(after) ?? [];
  if (time === undefined || id === undefined) throw new AppError("INVALID_REQUEST", "This is no place in the list; take `next` of the page before.", { problems: [{ path: "after", message: "is of no list" }] });
  return { time: Number(time), id };
}
