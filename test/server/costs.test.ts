import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { FileLedgerJournal } from "../../src/adapters/filesystem/ledger-journal.ts";
import { epochMs, systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { SlipwayClient } from "../../src/index.ts";
import { ledgerEntry } from "../../src/ledger/ledger-store.conformance.ts";
import { program } from "../kit/program.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

interface Costs {
  rows: { group: Record<string, string | null>; calls: number; cost: number; budget: { percent: number } | null }[];
  total: { calls: number; cost: number };
}

describe("costs, budgets and prices of a server", () => {
  let server: RunningServer;
  let admin: SlipwayClient;
  let member: SlipwayClient;
  let adminKey: string;
  const now = systemClock.now();

  before(async () => {
    const first = await startServer();
    adminKey = (await first.client.api.send<{ key: string }>("POST", "/api/keys", { name: "root", grants: [{ role: "admin" }] })).key;
    await first.stop({ keep: true });
    // As a killed server leaves them.
    const directory = join(first.directory, "data", "ledger-journal");
    await mkdir(directory, { recursive: true });
    const journal = await FileLedgerJournal.open({ directory, clock: systemClock, logger: silentLogger });
    for (const [team, cost, id] of [["mine", 2e9, 1], ["mine", 1e9, 2], ["hers", 5e9, 3]] as const) {
      await journal.append(ledgerEntry({ id: `led_${id}`, time: epochMs(now - id), cost, attribution: { team, tags: { env: team } } }));
    }
    await journal.close();
    server = await startServer({ directory: first.directory, flags: ["--access", "keys"] });
    admin = new SlipwayClient({ url: server.url, apiKey: adminKey });
    for (const name of ["mine", "hers"]) await admin.api.send("POST", "/api/teams", { name });
    const { key } = await admin.api.send<{ key: string }>("POST", "/api/keys", { name: "member", team: "mine", grants: [{ role: "admin", team: "mine" }] });
    member = new SlipwayClient({ url: server.url, apiKey: key });
  });
  after(() => server.stop());

  it("sums what a former server left in its journal, of the teams that the caller sees", async () => {
    const all = await admin.api.get<Costs>("/api/costs?by=team");
    assert.deepEqual([all.rows.map(({ group, cost }) => [group.team, cost]), all.total.cost], [[["hers", 5e9], ["mine", 3e9]], 8e9]);
    const own = await member.api.get<Costs>("/api/costs?by=team,tag:env");
    assert.deepEqual(own.rows.map(({ group, calls }) => [group, calls]), [[{ team: "mine", "tag:env": "mine" }, 2]]);
    assert.deepEqual((await member.api.get<Costs>("/api/costs?team=hers")).total.calls, 0);
    await assert.rejects(member.api.get("/api/costs?by=nothing"), { code: "INVALID_REQUEST" });
  });

  it("pages through single calls", async () => {
    const first = await member.api.get<{ entries: { id: string }[]; next: string }>("/api/costs/entries?limit=1");
    const second = await member.api.get<{ entries: { id: string }[]; next: string | null }>(`/api/costs/entries?limit=1&after=${first.next}`);
    assert.deepEqual([first.entries[0]!.id, second.entries[0]!.id, second.next], ["led_1", "led_2", null]);
    await assert.rejects(member.api.get("/api/costs/entries?after=x"), { code: "INVALID_REQUEST" });
  });

  it("lets admins of the server give teams budgets, and those of a team its projects", async () => {
    await assert.rejects(member.api.send("PUT", "/api/budgets/teams/mine", { limits: { month: 100 } }), { code: "FORBIDDEN" });
    await admin.api.send("PUT", "/api/budgets/teams/mine", { limits: { month: 6 } });
    await admin.api.send("PUT", "/api/budgets/teams/hers", { limits: { day: 1 } });
    await member.api.send("PUT", "/api/budgets/teams/mine/projects/web", { limits: { perQuery: 0.5 } });
    await assert.rejects(member.api.send("PUT", "/api/budgets/teams/hers/projects/web", { limits: { day: 1 } }), { code: "FORBIDDEN" });
    const { budgets } = await member.api.get<{ budgets: { scope: string; name: string; use: { spent: number; percent: number }[] }[] }>("/api/budgets");
    assert.deepEqual(budgets.map(({ scope, name }) => [scope, name]), [["project", "web"], ["team", "mine"]]);
    assert.equal((await member.api.get<Costs>("/api/costs?by=team")).rows[0]!.budget!.percent, budgets[1]!.use[0]!.percent);
    // The month may have begun since the entries were made.
    assert.ok([0, 3e9].includes(budgets[1]!.use[0]!.spent));
    await assert.rejects(member.api.send("DELETE", "/api/budgets/teams/hers/projects/web"), { code: "BUDGET_NOT_FOUND" });
    await member.api.send("DELETE", "/api/budgets/teams/mine/projects/web");
    await assert.rejects(member.api.send("DELETE", "/api/budgets/teams/mine/projects/web"), { code: "BUDGET_NOT_FOUND" });
    const { events } = await admin.api.get<{ events: { type: string }[] }>("/api/events?type=budget.*");
    assert.deepEqual(events.map(({ type }) => type).sort(), ["budget.changed", "budget.changed", "budget.changed", "budget.removed"]);
  });

  it("keeps prices that were set, and takes none for a time that is over", async () => {
    const price = { provider: "openai", model: "own-*", rates: { input: 1, output: 2 } };
    await assert.rejects(member.api.send("POST", "/api/prices", price), { code: "FORBIDDEN" });
    await assert.rejects(admin.api.send("POST", "/api/prices", { ...price, from: 5 }), { code: "INVALID_REQUEST" });
    await admin.api.send("POST", "/api/prices", price);
    const { set, table } = await member.api.get<{ set: { model: string }[]; table: { prices: unknown[] } }>("/api/prices");
    assert.deepEqual(set.map(({ model }) => model), ["own-*"]);
    assert.ok(table.prices.length > 50);
  });

  it("tells all of it on the command line", async () => {
    const shown = await Promise.all([slipway("costs", "--by", "team", "--since", "24h"), slipway("costs", "budgets"), slipway("prices", "set", "compatible", "llama", "--input", "0.1", "--output", "0.25")]);
    assert.match(shown[0], /TEAM +CALLS.*\nhers +1 .*\$5\.00\nmine +2 .*\$3\.00 +[\d.]+% of \$6\.00\ntotal +3 .*\$8\.00/);
    assert.match(shown[1], /mine +- +month .*\$6\.00/);
    assert.match(shown[2], /llama of compatible costs \$0\.10 .* \$0\.25/);
    assert.match(await slipway("prices", "llama"), /compatible +llama +20/);
  });

  async function slipway(...words: string[]): Promise<string> {
    const child = spawn(process.execPath, [program, ...words], { env: { ...process.env, SLIPWAY_URL: server.url, SLIPWAY_API_KEY: adminKey } });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => { output += chunk.toString(); });
    await new Promise((resolve) => child.once("close", resolve));
    return output;
  }
});
