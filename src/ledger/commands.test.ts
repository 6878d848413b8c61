import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ApiClient } from "../core/api-client.ts";
import { ledgerCommands } from "./commands.ts";

const setPrice = ledgerCommands.find(({ words }) => words.join(" ") === "prices set")!;

async function set(options: object, remark: string | null = null, model = "gpt-5"): Promise<{ sent: unknown; remarks: string[] }> {
  const remarks: string[] = [];
  let sent: unknown;
  const api = { send: (_method: string, _path: string, body: object) => Promise.resolve({ ...(sent = body), remark }) } as unknown as ApiClient;
  await setPrice.run({ api, progress: (text) => void remarks.push(text), print: () => undefined }, { positionals: ["openai", model], options: { input: "1.25", output: "10", ...options } });
  return { sent, remarks };
}

describe("slipway prices set", () => {
  it("takes rates of audio, search units, searches of the web and tiers", async () => {
    const rates = { input: 1.25, output: 10, cacheRead: undefined, cacheWrite: undefined, cacheWriteHour: undefined, audioInput: undefined, audioOutput: 64, searchUnits: 2, webSearches: 14 };
    assert.deepEqual((await set({ audioOutput: "64", searchUnits: "2", webSearches: "14", tier: ["priority=2.5/20"] })).sent, { provider: "openai", model: "gpt-5", rates, tiers: { priority: { input: 2.5, output: 20 } } });
    await assert.rejects(set({ tier: ["priority=2.5"] }), { code: "INVALID_REQUEST", message: /priority=2\.5\/20/ });
    await assert.rejects(set({ audioInput: "-1" }), { code: "INVALID_REQUEST" });
  });

  it("asks for the rate of output but of a model of embeddings, which has none", async () => {
    const rates = ({ sent }: { sent: unknown }): { output: number } => (sent as { rates: { output: number } }).rates;
    assert.equal(rates(await set({ output: undefined }, null, "text-embedding-3-small")).output, 0);
    assert.equal(rates(await set({ output: "0" })).output, 0);
    await assert.rejects(set({ output: undefined }), { code: "INVALID_REQUEST", message: /^Give --output too/ });
  });

  it("takes rates of long calls and of what is kept for an hour, and the list shows them", async () => {
    const { sent } = await set({ cacheWrite: "3.75", cacheWriteHour: "6", above: "200000=6/22.5" });
    const { rates, above } = sent as { rates: Record<string, number>; above: object };
    assert.deepEqual([rates.cacheWriteHour, above], [6, { inputTokens: 200_000, input: 6, output: 22.5 }]);
    for (const wrong of ["200000", "many=6/22.5", "200000=6"]) await assert.rejects(set({ above: wrong }), { code: "INVALID_REQUEST", message: /200000=6\/22\.5/ });
    const list = ledgerCommands.find(({ words }) => words.join(" ") === "prices")!;
    const text = list.render({ set: [{ provider: "openai", model: "gpt-5", from: 0, rates, above }], table: { version: "v", prices: [] } });
    assert.match(text, /above 200000 tokens \$6\.00\/\$22\.50, written for an hour \$6\.00/);
  });

  it("says on stderr that nobody knows the model", async () => {
    assert.deepEqual((await set({}, "No model named \"gtp-5\" is known here.")).remarks, ["No model named \"gtp-5\" is known here."]);
    assert.deepEqual((await set({})).remarks, []);
  });
});

describe("slipway costs", () => {
  it("has attempts that were lost beside the calls, where there were some, and their prices in its words", () => {
    const list = ledgerCommands.find(({ words }) => words.join(" ") === "costs")!;
    const sums = { calls: 2, lostAttempts: 0, failed: 0, cached: 0, unpriced: 0, inputTokens: 5, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 3, cost: 1_000_000_000, savedCost: 0, savedUnpriced: 0, savedUntold: 0 };
    const shown = (own: object): string[] => {
      const total = { ...sums, ...own };
      return list.render({ by: ["model"], rows: [{ group: { model: "m" }, budget: null, ...total }], total }).split("\n").slice(0, 2).map((line) => line.trim().replaceAll(/ {2,}/g, "|"));
    };
    assert.deepEqual(shown({}), ["MODEL|CALLS|INPUT|OUTPUT|COST", "m|2|5|3|$1.00"]);
    assert.deepEqual(shown({ lostAttempts: 1, unpriced: 2 }), ["MODEL|CALLS|LOST ATTEMPTS|INPUT|OUTPUT|COST", "m|2|1|5|3|$1.00"]);
    assert.deepEqual(shown({ lostAttempts: 1, unpriced: 3, cost: 0 })[1], "m|2|1|5|3|no price");
    // A failure beside them costs nothing, and says nothing of what the others cost.
    assert.deepEqual(shown({ unpriced: 1, failed: 1, cost: 0 })[1], "m|2|5|3|no price");
    assert.deepEqual(shown({ failed: 2, cost: 0 })[1], "m|2|5|3|$0.00");
  });

  it("has what the cache saved where it answered, and says what is not in it", () => {
    const list = ledgerCommands.find(({ words }) => words.join(" ") === "costs")!;
    const sums = { calls: 4, lostAttempts: 0, failed: 0, cached: 0, unpriced: 0, inputTokens: 5, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 3, cost: 0, savedCost: 0, savedUnpriced: 0, savedUntold: 0 };
    const shown = (own: object): string[] => {
      const rows = [{ group: { route: "chat" }, budget: null, ...sums, ...own }, { group: { route: "plain" }, budget: null, ...sums }];
      return list.render({ by: ["route"], rows, total: { ...sums, ...own } }).split("\n").map((line) => line.trim().replaceAll(/ {2,}/g, "|"));
    };
    assert.deepEqual(shown({ cached: 3, savedCost: 2_500_000_000 }), ["ROUTE|CALLS|INPUT|OUTPUT|COST|SAVED BY CACHE", "chat|4|5|3|$0.00|$2.50", "plain|4|5|3|$0.00|$0.00", "total|4|5|3|$0.00|$2.50"]);
    assert.deepEqual(shown({ cached: 3, savedCost: 1_000_000_000, savedUnpriced: 1, savedUntold: 1 }).slice(-4), [
      "total|4|5|3|$0.00|$1.00", "", "1 answer from the cache had no known price when made, and is not in what was saved", "1 answer from the cache was written down by a release that did not keep what they saved",
    ]);
    assert.equal(shown({ cached: 3, savedUntold: 3 })[1], "chat|4|5|3|$0.00|-");
  });

  it("asks for one key, one agent's run and one outcome", async () => {
    const command = ledgerCommands.find(({ words }) => words.join(" ") === "costs")!;
    const flags = command.options!.map(({ flags: each }) => each);
    for (const flag of ["--key <key>", "--agent-run <agent-run>", "--outcome <outcome>"]) assert.ok(flags.includes(flag), flag);
    const asked: object[] = [];
    const api = { get: (_path: string, query: object) => Promise.resolve(asked.push(query) && { until: 1000, by: [], rows: [], total: {} }) } as unknown as ApiClient;
    await command.run({ api, progress: () => undefined, print: () => undefined }, { positionals: [], options: { by: "trace", since: "7d", key: "key_1", agentRun: "run 1", outcome: "failed" } });
    const { by, key, agentRun, outcome } = asked[1] as Record<string, unknown>;
    assert.deepEqual([by, key, agentRun, outcome], ["trace", "key:key_1", "run 1", "failed"]);
  });
});
