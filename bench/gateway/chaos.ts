import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { SeededRandom } from "../../test/kit/seeded-random.ts";
import { GatewayUpstream } from "../../test/server/gateway-upstream.ts";
import { askChaos, isWholeAnswer, SickProvider, type ChaosOutcome } from "../../test/server/sick-provider.ts";
import { startBetween } from "./slipway-servers.ts";

interface Scenario {
  name: string;
  /** The share of answers of each provider that go wrong, so many milliseconds after the start. */
  shares: readonly ((ms: number) => number)[];
}

/** How long a provider is down, and how long it is up. */
const turnMs = 10_000;
const isDown = (ms: number): boolean => Math.floor(ms / turnMs) % 2 === 0;
const scenarios: readonly Scenario[] = [
  { name: "the first is down for 10 s of each 20", shares: [(ms) => (isDown(ms) ? 1 : 0), () => 0] },
  { name: "half of the first one's answers fail", shares: [() => 0.5, () => 0] },
  { name: "both are down, in turns of 10 s", shares: [(ms) => (isDown(ms) ? 1 : 0), (ms) => (isDown(ms) ? 0 : 1)] },
];
const callers = 32;
/** Between two calls of one caller: the calls are to be spread over the turns. Milliseconds. */
const restMs = 150;

/** Slipway with its defaults (breakers, retries) between two providers that fail in every way: what was lost, and how long callers waited for the second provider after the first had failed. */
export async function chaos(quick: boolean): Promise<void> {
  console.log(`\nTwo providers, ${callers} callers, every other call a stream; 429, 529, 502, resets, half frames, wrong JSON, silence, drips, and breaks within streams\n`);
  console.log("| | calls | answered whole | broken within the stream, and told | lost | fell back | first failure to the other's answer p50, p99, most | share without fault of the gateway |\n| --- | --- | --- | --- | --- | --- | --- | --- |");
  for (const scenario of scenarios) await one(scenario, quick ? 2 * turnMs : 6 * turnMs);
}

async function one({ name, shares }: Scenario, spanMs: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "slipway-bench-chaos-"));
  let startedAt = Infinity;
  const now = (): number => performance.now();
  const providers = shares.map((share, index) => new SickProvider({ name: `p${index}`, random: new SeededRandom(index + 1), share: () => share(now() - startedAt), endless: 0.03, broken: 0.15, now }));
  const upstreams = providers.map(({ answer }) => new GatewayUpstream(answer));
  try {
    const addresses: string[] = [];
    for (const upstream of upstreams) addresses.push(await upstream.start());
    const { process, port } = await startBetween(directory, addresses);
    try {
      const outcomes: ChaosOutcome[] = [];
      let sent = 0;
      startedAt = now();
      const caller = async (): Promise<void> => {
        while (now() - startedAt < spanMs) {
          const call = sent++;
          outcomes[call] = await askChaos(`http://127.0.0.1:${port}/v1/chat/completions`, {}, { question: `q${call}`, stream: call % 2 === 1 }, now);
          await pause(restMs);
        }
      };
      await Promise.all(Array.from({ length: callers }, caller));
      report(name, outcomes, providers);
    } finally {
      await process.stop();
    }
  } finally {
    for (const upstream of upstreams) upstream.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function report(name: string, outcomes: readonly ChaosOutcome[], providers: readonly SickProvider[]): void {
  const count = (end: ChaosOutcome["end"]): number => outcomes.filter((outcome) => outcome.end === end).length;
  const whole = outcomes.filter((outcome, call) => outcome.end === "whole" && isWholeAnswer(outcome, `q${call}`)).length;
  const waits: number[] = [];
  for (const [call, { ids: [id], firstAt }] of outcomes.entries()) {
    for (const [index, { failedAt }] of providers.entries()) {
      const failed = failedAt.get(`q${call}`);
      if (failed !== undefined && id !== undefined && !id.startsWith(`p${index}-`)) waits.push(firstAt - failed);
    }
  }
  waits.sort((one, other) => one - other);
  const at = (share: number): string => `${Math.round(waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? NaN)} ms`;
  // A stream that a provider breaks within cannot be mended; that its caller was told is all that can be right about it.
  const right = whole + count("told");
  const cells = [name, outcomes.length, whole, count("told"), outcomes.length - right, waits.length, `${at(0.5)}, ${at(0.99)}, ${at(1)}`, `${((right / outcomes.length) * 100).toFixed(3)}%`];
  console.log(`| ${cells.join(" | ")} |`);
}
