import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startSecuredServer } from "../kit/secured-server.ts";
import { seededRandom } from "../kit/seed.ts";
import { GatewayUpstream } from "./gateway-upstream.ts";
import { askChaos, isWholeAnswer, SickProvider, type ChaosOutcome } from "./sick-provider.ts";

const atOnce = 24;

interface Chaos {
  calls: number;
  /** The share of answers of each provider that go wrong, while so many calls have been sent. */
  shares: readonly ((sent: number) => number)[];
  /** Who fails changes after so many calls. */
  turn?: number;
  /** Of their settings. */
  breaker?: { failures: number; openSeconds: number };
}

interface ChaosResult {
  outcomes: ChaosOutcome[];
  /** Calls that were under way while the sick and the sound changed places: each provider may have been asked at the wrong time. */
  between: Set<number>;
  providers: SickProvider[];
  /** By outcome, as the ledger has them: calls, and beside them attempts that another provider answered for. */
  ledger: Map<string, number>;
  /** Calls that did not end well, as metrics have them. */
  failed: number;
  breakers: { provider: string; state: string; errors: number }[];
}

async function runChaos({ calls, shares, turn = Infinity, breaker }: Chaos): Promise<ChaosResult> {
  let sent = 0;
  const providers = shares.map((share, index) => new SickProvider({ name: `p${index}`, random: seededRandom(`chaos ${index}`), share: () => share(sent), endless: 0.02, broken: 0.15, now: () => performance.now() }));
  const upstreams = providers.map(({ answer }) => new GatewayUpstream(answer));
  const server = await startSecuredServer({ egressAllowed: ["127.0.0.1"] });
  try {
    for (const [index, upstream] of upstreams.entries()) {
      const settings = { kind: "compatible", baseUrl: await upstream.start(), ...(breaker === undefined ? {} : { breaker }) };
      assert.equal((await server.asAdmin("PUT", `/api/gateway/providers/p${index}`, { revision: 0, settings })).status, 200);
    }
    const targets = providers.map((_, priority) => ({ provider: `p${priority}`, model: "m", priority }));
    // Server, providers and callers share a process: a sound provider must not be given up because the machine is busy.
    assert.equal((await server.asAdmin("PUT", "/api/gateway/routes/chaos", { revision: 0, settings: { targets, firstByteMs: 8000, deadlineMs: 120_000, sticky: false } })).status, 200);
    const url = `http://127.0.0.1:${server.slipway.httpPort}/v1/chat/completions`;
    const headers = { authorization: `Bearer ${server.adminKey}` };
    const outcomes: ChaosOutcome[] = [];
    const between = new Set<number>();
    const caller = async (): Promise<void> => {
      for (let call = sent++; call < calls; call = sent++) {
        outcomes[call] = await askChaos(url, headers, { question: `q${call}`, stream: call % 2 === 1 }, () => performance.now());
        if (Math.floor(call / turn) !== Math.floor(sent / turn)) between.add(call);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, caller));
    const costs = JSON.parse((await server.asAdmin("GET", "/api/costs?by=outcome")).body) as { rows: { group: { outcome: string }; calls: number }[] };
    const metrics = (await server.asAdmin("GET", "/metrics")).body.matchAll(/^slipway_gateway_requests_total\{[^}]*outcome="([^"]*)"[^}]*\} (\d+)/gm);
    const failed = [...metrics].reduce((sum, [, outcome, count]) => sum + (outcome === "ok" ? 0 : Number(count)), 0);
    const health = JSON.parse((await server.asAdmin("GET", "/api/gateway/health")).body) as { targets: ChaosResult["breakers"] };
    return { outcomes, between, providers, ledger: new Map(costs.rows.map((row) => [row.group.outcome, row.calls])), failed, breakers: health.targets };
  } finally {
    await server.stop();
    for (const upstream of upstreams) upstream.stop();
  }
}

/** What must hold however sick they were: an answer is whole and one provider's own, or its stream was broken after its first content and its caller was told. */
function judge({ outcomes, between, providers, ledger, failed }: ChaosResult): void {
  const lost = outcomes.filter(({ end }, call) => end === "refused" && !between.has(call));
  assert.deepEqual(lost, []);
  for (const [call, outcome] of outcomes.entries()) {
    if (outcome.end === "whole") assert.ok(isWholeAnswer(outcome, `q${call}`), JSON.stringify(outcome));
    else if (outcome.end !== "refused") assert.ok(outcome.end === "told" && call % 2 === 1 && providers.some(({ broken }) => broken.has(`q${call}`)), `call ${call}: ${JSON.stringify(outcome)}`);
  }
  const whole = outcomes.filter(({ end }) => end === "whole");
  assert.equal(new Set(whole.map(({ ids }) => ids[0])).size, whole.length);
  assert.equal(ledger.get("ok"), whole.length);
  assert.equal(failed, outcomes.length - whole.length);
  assert.ok((ledger.get("failed") ?? 0) >= failed);
}

describe("the gateway between providers that fail", () => {
  it("loses no call while one fails half of the time and is never left alone", async () => {
    const result = await runChaos({ calls: 400, shares: [() => 0.5, () => 0], breaker: { failures: 1000, openSeconds: 1 } });
    judge(result);
    const [flaky] = result.providers;
    // It was in use to the end, failed in every way, and broke streams within.
    assert.ok(flaky!.failedAt.size > 60 && flaky!.broken.size > 3 && flaky!.wrongs.size > 10, JSON.stringify([...flaky!.wrongs]));
    assert.ok(result.outcomes.some(({ end }) => end === "told"));
  });

  it("loses no call with breakers as they are, while two are down by turns", async () => {
    const turn = 120;
    const isOdd = (sent: number): boolean => Math.floor(sent / turn) % 2 === 1;
    const result = await runChaos({ calls: 6 * turn, turn, shares: [(sent) => (isOdd(sent) ? 1 : 0), (sent) => (isOdd(sent) ? 0 : 1)] });
    judge(result);
    // Both breakers opened: without a last resort the calls of a turn would have found everybody left alone.
    const [first, second] = result.providers.map((_, index) => result.breakers.find(({ provider }) => provider === `p${index}`)!);
    assert.ok(first!.errors >= 5 && second!.errors >= 5, JSON.stringify(result.breakers));
  });
});
