import { fileURLToPath } from "node:url";
import { SlipwayClient, workflow, z } from "../../src/index.ts";

const model = "flight-delay";
const program = fileURLToPath(new URL("accuracy-by-airport.ts", import.meta.url));

interface Flight {
  origin: string;
  probability: number;
  late: boolean;
}

/** Rows of the newest predictions of which the truth is known. */
async function knownFlights(client: SlipwayClient, predictions: number): Promise<Flight[]> {
  const flights: Flight[] = [];
  for (let before: string | undefined; predictions > 0; ) {
    const page = await client.predictions(model, { outcome: "ok", limit: Math.min(100, predictions), ...(before !== undefined && { before }) });
    for (const { id, inputs, outputs } of page) {
      const origins = inputs.find(({ name }) => name === "origin")?.data ?? [];
      const probabilities = outputs.find(({ name }) => name === "late_probability")?.data ?? [];
      for (const { row, value } of (await client.why(id)).truth) {
        flights.push({ origin: String(origins[row]), probability: Number(probabilities[row]), late: value === true });
      }
    }
    if (page.length < 100) break;
    before = page.at(-1)!.id;
    predictions -= page.length;
  }
  return flights;
}

/**
 * How good the model is at each airport, for somebody to approve: what moved in its inputs, what came true, a program that
 * works out the numbers, and a wait for a person, for a week at most. A server that dies in the middle goes on where it was.
 */
export const accuracyReport = workflow({
  name: "flight-accuracy-report",
  version: 1,
  description: "Accuracy of flight-delay by airport, published when somebody approves it",
  input: z.strictObject({
    url: z.url().default("http://127.0.0.1:4400"),
    /** How many of the newest predictions are looked at. */
    predictions: z.number().int().min(1).max(2000).default(300),
    /** The report waits for as many flights whose truth is known. */
    minimumFlights: z.number().int().min(1).default(50),
    /** Until the reports of the airports have settled. */
    settleSeconds: z.number().min(0).default(20),
  }),
  concurrency: { limit: 1 },
  timeoutMs: 8 * 86_400_000,
  async run(context, { url, predictions, minimumFlights, settleSeconds }) {
    const client = new SlipwayClient({ url });
    await context.sleep("let late reports arrive", settleSeconds * 1000);

    const drift = await context.step("read drift", async ({ log, progress }) => {
      progress(0.1, "reading what moved");
      const { level, rows, columns } = await client.drift(model);
      const moved = columns.filter((column) => column.level !== "none" && column.level !== "unknown").map(({ column }) => column);
      log(`drift of ${rows} rows: ${level}${moved.length === 0 ? "" : ` (${moved.join(", ")})`}`);
      return { level, moved };
    });

    const flights = await context.step("read truth", async ({ attempt, log, progress }) => {
      progress(0.3, "reading what came true");
      const found = await knownFlights(client, predictions);
      log(`attempt ${attempt}: the truth of ${found.length} flights is known`);
      if (found.length < minimumFlights) throw new Error(`${minimumFlights} flights are needed, and the truth of ${found.length} is known`);
      return found;
    }, { retry: { maxAttempts: 20, initialDelayMs: 2000, maxDelayMs: 30_000 }, timeoutMs: 120_000 });

    const { output } = await context.command("accuracy by airport", {
      command: [process.execPath, program],
      input: { minimumFlights: 3 },
      files: { "flights.csv": ["origin,probability,late", ...flights.map(({ origin, probability, late }) => `${origin},${probability},${late ? 1 : 0}`)].join("\n") },
      maxMemoryBytes: 512 * 1024 * 1024,
    }, { timeoutMs: 60_000 });
    const accuracy = output as { flights: number; airports: { origin: string; brier: number }[] };

    await context.step("ask for approval", ({ log, progress }) => {
      progress(0.8, "waiting for approval");
      log(`Approve it: slipway workflows signal report-approved --key ${context.runId} --payload '{"by":"you"}'`);
    });
    const approval = await context.waitForSignal<{ by?: string } | null>("approval", { signal: "report-approved", key: context.runId, timeoutMs: 7 * 86_400_000 });

    return context.step("publish", ({ log, progress }) => {
      progress(1, approval === null ? "nobody approved it" : "published");
      log(approval === null ? "Not published: nobody approved it within a week." : `Published; approved by ${approval.by ?? "somebody"}.`);
      return { published: approval !== null, drift, flights: accuracy.flights, airports: accuracy.airports };
    });
  },
});
