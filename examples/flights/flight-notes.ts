import { setTimeout as sleepFor } from "node:timers/promises";
import { randomNumbers } from "./fit-delay-model.ts";

export interface FlightNotesOptions {
  /** Of the server, such as `http://127.0.0.1:4400`. */
  url: string;
  signal: AbortSignal;
  log: (line: string) => void;
  /** Seconds between two questions; 5 when absent. */
  everySeconds?: number;
}

const route = "flight-notes";
const airports = ["ORD", "ATL", "DFW", "LAX", "PHX", "DEN", "SFO", "BOS"];
const carriers = ["AA", "DL", "UA", "WN", "US"];

/** Two providers that need no network; the cheaper one is too busy for the first question, which the other answers. */
const providers = {
  "notes-small": [{ status: 503, error: "too many requests at once" }, { text: "Likely late: the evening bank at this airport runs behind when the morning did.", delayMs: 120, inputTokens: 90, outputTokens: 22 }],
  "notes-large": [{ text: "The inbound aircraft leaves its previous airport after the scheduled turn; expect 20 to 40 minutes. Offer the passenger the next departure.", delayMs: 260, inputTokens: 95, outputTokens: 31 }],
} as const;

/**
 * Asks a language model for notes on flights, so that gateway, costs and traces have something to show: a route with a fallback, a cache, a guardrail that keeps addresses from the provider, and a budget. Its models are scripted, at
 * made-up prices. Waits for a server that is not up yet; what fails is told once and ends nothing else.
 */
export async function askForNotes({ url, signal, log, everySeconds = 5 }: FlightNotesOptions): Promise<void> {
  const sleep = (milliseconds: number): Promise<void> => sleepFor(milliseconds, undefined, { signal }).catch(() => undefined);
  const send = async (method: string, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(url + path, { method, signal, body: JSON.stringify(body), headers: { "content-type": "application/json", ...headers } });
  while (!signal.aborted && !(await fetch(`${url}/health`, { signal }).then(({ ok }) => ok, () => false))) await sleep(500);
  try {
    await setUp(url, send);
    const random = randomNumbers(2026);
    const pick = (from: readonly string[]): string => from[Math.floor(random() * from.length)]!;
    for (let count = 0; !signal.aborted; count++) {
      const question = `Flight ${pick(carriers)} from ${pick(airports)} to ${pick(airports)} has a high risk of delay. Write one sentence for the agent; the passenger is p${count % 7}@example.com.`;
      const headers = { "x-slipway-session": `desk-${count % 3}`, "x-slipway-tags": `desk=${count % 3}` };
      const answer = await send("POST", "/v1/chat/completions", { model: route, messages: [{ role: "user", content: question }], user: `agent-${count % 3}` }, headers);
      await answer.arrayBuffer();
      await sleep(everySeconds * 1000);
    }
  } catch (error) {
    if (!signal.aborted) log(`The notes of the language model ended: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** What is there from an earlier start stays as somebody left it. */
async function setUp(url: string, send: (method: string, path: string, body: unknown) => Promise<Response>): Promise<void> {
  const { providers: known } = (await (await fetch(`${url}/api/gateway/providers`)).json()) as { providers: { name: string }[] };
  const { routes } = (await (await fetch(`${url}/api/gateway/routes`)).json()) as { routes: { name: string }[] };
  const must = async (answer: Promise<Response>): Promise<void> => {
    const { ok, status } = await answer;
    if (!ok) throw new Error(`the server answered ${status}`);
  };
  for (const [name, script] of Object.entries(providers)) {
    if (known.some((provider) => provider.name === name)) continue;
    await must(send("PUT", `/api/gateway/providers/${name}`, { revision: 0, settings: { kind: "scripted", script } }));
    await must(send("POST", "/api/prices", { provider: name, model: "*", rates: name === "notes-small" ? { input: 0.4, output: 1.6 } : { input: 2, output: 8 } }));
  }
  if (routes.some(({ name }) => name === route)) return;
  await must(send("PUT", `/api/gateway/routes/${route}`, {
    revision: 0, reason: "the flights example",
    settings: {
      targets: [{ provider: "notes-small", model: "small" }, { provider: "notes-large", model: "large", priority: 1 }],
      attempts: 1, cache: { ttlSeconds: 60 }, budget: { day: 1 }, guardrails: [{ kind: "pii", on: "input" }],
      systemPrompt: "You help the agents at a gate. Answer in one sentence.",
    },
  }));
}
