import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startServer, type RunningServer } from "../../test/kit/running-server.ts";
import { askForNotes } from "./flight-notes.ts";

describe("notes on flights by a language model", () => {
  let server: RunningServer;
  before(async () => (server = await startServer()));
  after(() => server.stop());

  it("are asked for through a route with a fallback, priced, and traced without the passenger's address", async () => {
    const stop = new AbortController();
    const lines: string[] = [];
    const asking = askForNotes({ url: server.url, signal: stop.signal, log: (line) => lines.push(line), everySeconds: 0.01 });
    const read = async (path: string): Promise<never> => (await (await fetch(server.url + path)).json()) as never;
    let entries: { provider: string; cost: number | null; outcome: string }[] = [];
    while (new Set(entries.map(({ provider }) => provider)).size < 2) ({ entries } = await read("/api/costs/entries"));
    stop.abort();
    await asking;
    assert.deepEqual(lines, []);
    assert.ok(entries.every(({ outcome, cost }) => outcome !== "failed" && (outcome === "cancelled" || (cost ?? 0) > 0)), JSON.stringify(entries));
    const { traces } = await read("/api/traces") as { traces: { inputPreview: string | null; name: string }[] };
    assert.ok(traces.length > 0 && traces.every(({ name, inputPreview }) => name === "chat flight-notes" && inputPreview?.includes("@example.com") === false), JSON.stringify(traces[0]));
  });
});
