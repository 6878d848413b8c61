import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { program } from "../kit/program.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

const began = Date.now() - 60_000;
/** More than a search looks through for one page. */
const newestSpans = 30_001;
const [oldest, newest] = ["1af7651916cd43dd8448eb211c80319c", "2af7651916cd43dd8448eb211c80319c"];

describe("a search for a text in more spans than one page looks through", () => {
  let server: RunningServer;
  const send = async (traceId: string, from: number, spans: number): Promise<void> => {
    const body = { resourceSpans: [{ scopeSpans: [{ spans: Array.from({ length: spans }, (_, index) => ({
      traceId, spanId: (index + 1).toString(16).padStart(16, "0"), ...(index === 0 ? {} : { parentSpanId: "1".padStart(16, "0") }), name: index === 0 ? `trace at ${from}` : "step",
      startTimeUnixNano: `${began + from}000000`, endTimeUnixNano: `${began + from + 1}000000`, attributes: index === 0 && traceId === oldest ? [{ key: "told", value: { stringValue: "a needle" } }] : [],
    })) }] }] };
    const answer = await fetch(`${server.url}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    assert.equal(answer.status, 200, await answer.text());
  };
  before(async () => {
    server = await startServer();
    await send(newest, 1000, newestSpans);
    await send(oldest, 0, 2);
  });
  after(() => server.stop());

  it("ends its page, says how far it looked, and goes on from there", async () => {
    const first = await server.client.traces.search({ text: "needle" });
    assert.deepEqual([first.traces, first.searchedUntil], [[], began + 1000]);
    const second = await server.client.traces.search({ text: "needle", after: first.next! });
    assert.deepEqual([second.traces.map(({ traceId }) => traceId), second.next, second.searchedUntil], [[oldest], null, null]);
  });

  it("is taken to its end by the SDK", async () => {
    const all = async (query: Parameters<typeof server.client.traces.searchAll>[0]): Promise<string[]> => {
      const ids: string[] = [];
      for await (const { traceId } of server.client.traces.searchAll(query)) ids.push(traceId);
      return ids;
    };
    assert.deepEqual(await all({ attributes: { told: "a needle" } }), [oldest]);
    assert.deepEqual(await all({ errors: false, limit: 1 }), [newest, oldest]);
    assert.equal((await server.client.traces.find(oldest)).spans.length, 2);
  });

  it("finds on the command line what failed on a route of the gateway", async () => {
    const send = (spanId: string, route: string, code: number): Promise<unknown> =>
      server.client.api.send("POST", "/v1/traces", { resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: spanId + spanId, spanId, name: `chat ${route}`, startTimeUnixNano: `${began}000000`, endTimeUnixNano: `${began + 1}000000`, status: { code }, attributes: [{ key: "slipway.route", value: { stringValue: route } }] }] }] }] });
    await send("00000000000000c1", "support", 2);
    await send("00000000000000c2", "support", 1);
    await send("00000000000000c3", "sales", 2);
    const { stdout } = await promisify(execFile)(process.execPath, [program, "traces", "--errors", "--route", "support", "--json"], { env: { ...process.env, SLIPWAY_URL: server.url } });
    assert.deepEqual((JSON.parse(stdout) as { traces: { traceId: string }[] }).traces.map(({ traceId }) => traceId), ["00000000000000c100000000000000c1"]);
  });

  it("finds on the command line what began since or until a time, however it is told", async () => {
    const traces = async (...words: string[]): Promise<string[]> => {
      const { stdout } = await promisify(execFile)(process.execPath, [program, "traces", ...words, "--json"], { env: { ...process.env, SLIPWAY_URL: server.url } });
      return (JSON.parse(stdout) as { traces: { traceId: string }[] }).traces.map(({ traceId }) => traceId).filter((traceId) => traceId === oldest || traceId === newest);
    };
    const between = new Date(began + 500).toISOString();
    assert.deepEqual(await Promise.all([["--since", "2h"], ["--until", "2h"], ["--since", between], ["--until", between, "--since", "1d"]].map((words) => traces(...words))), [[newest, oldest], [], [newest], [oldest]]);
    await assert.rejects(traces("--since", "soon"), /neither how long ago/);
  });

  it("says on the command line how far it looked and how to go on", async () => {
    const slipway = async (...words: string[]): Promise<string> => (await promisify(execFile)(process.execPath, [program, "traces", ...words], { env: { ...process.env, SLIPWAY_URL: server.url } })).stdout;
    const said = await slipway("needle");
    assert.ok(said.includes("No such traces so far.") && said.includes(`Searched back to ${new Date(began + 1000).toISOString()}`), said);
    const [, place] = /--after (\S+)/.exec(said) ?? [];
    assert.ok((await slipway("needle", "--after", place!)).includes(oldest));
    assert.ok((await slipway("--limit", "1")).includes("There may be more: the same with --after "));
  });
});
