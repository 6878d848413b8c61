import type { Command } from "../core/command.ts";
import { formatDollars } from "../core/dollars.ts";
import { AppError } from "../core/errors.ts";
import { textTable } from "../core/text-table.ts";
import { dollars } from "./dollars.ts";
import { nanoDollars } from "./ledger-entry.ts";
import type { Budget, BudgetStatus, CallBudget, SpendLimits } from "./schemas.ts";

type Texts = Record<string, string | undefined>;

const of = [{ name: "<team>", description: "whose budget it is" }];
const project = { flags: "--project <project>", description: "the budget of this project of the team, in place of the team's own" };

const list: Command = {
  words: ["budgets", "list"],
  summary: "budgets of teams, projects, keys and routes, and how far they are used",
  run: ({ api }) => api.get("/api/budgets"),
  render: ({ budgets, callBudgets = [] }: { budgets: BudgetStatus[]; callBudgets?: CallBudget[] }) => {
    const shown: Omit<CallBudget, "scope" | "keyName">[] = [
      ...budgets.map(({ scope, team, name, limits, use }) => ({ team, name: scope === "project" ? `project ${name}` : "-", limits, use })), ...callBudgets.map(({ scope, keyName, ...budget }) => ({ ...budget, name: typeof keyName === "string" ? `${scope} ${keyName} (${budget.name})` : `${scope} ${budget.name}` })),
    ];
    return shown.length === 0
      ? "No budgets. Set one with: slipway budgets set TEAM --per-month DOLLARS"
      : textTable(
          ["TEAM", "OF", "WINDOW", "SPENT", "LIMIT", "USED", "LEFT", "REFUSED"],
          shown.flatMap(({ team, name, limits, use }) => {
            const perQuery = limits.perQuery === undefined ? [] : [[team, name, "one call", "-", dollars(limits.perQuery * nanoDollars), "-", "-", "-"]];
            return [...perQuery, ...use.map(({ window, spent, limit, percent, reserved, refused = 0 }) => [team, name, window, dollars(spent), dollars(limit), `${percent}%`, dollars(Math.max(0, limit - spent - reserved)), String(refused)])];
          }),
        );
  },
};

const set: Command = {
  words: ["budgets", "set"],
  summary: "set or change the budget of a team or of one of its projects",
  positionals: of,
  options: [
    project,
    { flags: "--per-query <dollars>", description: "what one call may cost at worst; none takes the limit away" },
    { flags: "--per-day <dollars>", description: "in a day of UTC, or none" },
    { flags: "--per-month <dollars>", description: "in a month of UTC, or none" },
  ],
  run: async ({ api }, { positionals, options }) => {
    const [team] = positionals as [string];
    const { project: name, perQuery, perDay, perMonth } = options as Texts;
    if (perQuery === undefined && perDay === undefined && perMonth === undefined) throw new AppError("INVALID_REQUEST", "Say at least one of --per-query, --per-day and --per-month.");
    const { budgets } = await api.get<{ budgets: BudgetStatus[] }>("/api/budgets");
    const limits: SpendLimits = { ...budgets.find((budget) => budget.team === team && (name === undefined ? budget.scope === "team" : budget.scope === "project" && budget.name === name))?.limits };
    // What is not said stays as it is.
    for (const [field, text] of [["perQuery", perQuery], ["day", perDay], ["month", perMonth]] as const) {
      if (text === "none") delete limits[field];
      else if (text !== undefined) limits[field] = amountOf(text);
    }
    return api.send("PUT", pathOf(team, name), { limits });
  },
  render: ({ scope, team, name, limits }: Budget) => `The budget of ${scope === "project" ? `the project ${name} of ${team}` : team} is ${limitsText(limits)}.`,
};

const remove: Command = {
  words: ["budgets", "remove"],
  summary: "take the budget of a team or of one of its projects away",
  positionals: of,
  options: [project],
  run: async ({ api }, { positionals, options }) => {
    const [team] = positionals as [string];
    const { project: name } = options as Texts;
    await api.send("DELETE", pathOf(team, name));
    return { team, project: name ?? null };
  },
  render: ({ team, project: name }: { team: string; project: string | null }) => `${name === null ? team : `The project ${name} of ${team}`} has no budget any more.`,
};

/** `costs budgets` is what the list was called first. */
export const budgetCommands: readonly Command[] = [list, set, remove, { ...list, words: ["costs", "budgets"] }];

function pathOf(team: string, name: string | undefined): string {
  const path = `/api/budgets/teams/${encodeURIComponent(team)}`;
  return name === undefined ? path : `${path}/projects/${encodeURIComponent(name)}`;
}

function amountOf(text: string): number {
  if (!/^\d{1,9}(\.\d{1,9})?$/.test(text) || Number(text) === 0) throw new AppError("INVALID_REQUEST", `${text} is no amount of dollars above 0, such as 2.5. Who is to call nothing needs no budget: revoke the key, or remove the route.`);
  return Number(text);
}

function limitsText({ perQuery, day, month }: SpendLimits): string {
  const parts = ([[perQuery, "a call"], [day, "a day"], [month, "a month"]] as const).flatMap(([amount, what]) => (amount === undefined ? [] : [`${formatDollars(amount, 9)} ${what}`]));
  return parts.length === 0 ? "without limits" : parts.join(", ");
}
