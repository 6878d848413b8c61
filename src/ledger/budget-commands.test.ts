import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ApiClient } from "../core/api-client.ts";
import { budgetCommands } from "./budget-commands.ts";
import type { BudgetStatus, CallBudget } from "./schemas.ts";

const [list, set, remove] = budgetCommands as [(typeof budgetCommands)[number], (typeof budgetCommands)[number], (typeof budgetCommands)[number]];
const stored = { updatedAt: 1, updatedBy: "local" };
const budgets: BudgetStatus[] = [
  { scope: "team", team: "search", name: "search", limits: { perQuery: 0.5, month: 100 }, use: [{ window: "month", limit: 100e9, spent: 25e9, reserved: 0, percent: 25, endsAt: 2 }], ...stored },
  { scope: "project", team: "search", name: "ranking", limits: { day: 5 }, use: [{ window: "day", limit: 5e9, spent: 0.0012e9, reserved: 0, percent: 0, endsAt: 2, refused: 4 }], ...stored },
];
const use: CallBudget["use"] = [{ window: "day", limit: 5e9, spent: 2e9, reserved: 1e9, percent: 40, endsAt: 2 }];
const callBudgets: CallBudget[] = [
  { scope: "key", team: "search", name: "key_1", keyName: "nightly", limits: { day: 5 }, use }, { scope: "route", team: "search", name: "chat", keyName: null, limits: { day: 5 }, use },
];

async function run(command: (typeof budgetCommands)[number], positionals: string[], options: Record<string, string> = {}): Promise<{ sent: unknown[]; text: string }> {
  const sent: unknown[] = [];
  const send = (method: string, path: string, body?: { limits: object }): Promise<unknown> => {
    sent.push([method, path, body]);
    return Promise.resolve({ scope: path.includes("/projects/") ? "project" : "team", team: positionals[0], name: options.project ?? positionals[0], ...body, ...stored });
  };
  const api = { baseUrl: "", get: () => Promise.resolve({ budgets, callBudgets }), send } as unknown as ApiClient;
  const result = await command.run({ api, progress: () => undefined, print: () => undefined }, { positionals, options });
  return { sent, text: command.render(result) };
}

describe("slipway budgets", () => {
  it("lists what is spent of each", async () => {
    const { text } = await run(list, []);
    assert.deepEqual(text.split("\n").map((line) => line.trim().split(/\s{2,}/)).slice(1), [
      ["search", "-", "one call", "-", "$0.50", "-", "-", "-"], ["search", "-", "month", "$25.00", "$100.00", "25%", "$75.00", "0"], ["search", "project ranking", "day", "$0.0012", "$5.00", "0%", "$5.00", "4"],
      ["search", "key nightly (key_1)", "day", "$2.00", "$5.00", "40%", "$2.00", "0"], ["search", "route chat", "day", "$2.00", "$5.00", "40%", "$2.00", "0"],
    ]);
    assert.equal(list.render({ budgets: [], callBudgets: [] }), "No budgets. Set one with: slipway budgets set TEAM --per-month DOLLARS");
  });

  it("changes what is said, takes away what is to be none, and leaves the rest", async () => {
    const team = await run(set, ["search"], { perDay: "12.5", perQuery: "none" });
    assert.deepEqual(team.sent, [["PUT", "/api/budgets/teams/search", { limits: { day: 12.5, month: 100 } }]]);
    assert.equal(team.text, "The budget of search is $12.50 a day, $100.00 a month.");
    const project = await run(set, ["search"], { project: "new one", perMonth: "7" });
    assert.deepEqual(project.sent, [["PUT", "/api/budgets/teams/search/projects/new%20one", { limits: { month: 7 } }]]);
    assert.equal(project.text, "The budget of the project new one of search is $7.00 a month.");
    for (const options of [{}, { perDay: "0" }, { perDay: "-1" }, { perMonth: "1e3" }] as Record<string, string>[]) await assert.rejects(run(set, ["search"], options), { code: "INVALID_REQUEST" });
  });

  it("removes one", async () => {
    assert.deepEqual(await run(remove, ["search"]), { sent: [["DELETE", "/api/budgets/teams/search", undefined]], text: "search has no budget any more." });
    assert.deepEqual((await run(remove, ["search"], { project: "ranking" })).sent, [["DELETE", "/api/budgets/teams/search/projects/ranking", undefined]]);
  });
});
