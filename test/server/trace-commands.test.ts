import assert from "node:assert/strict";
import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import { traceCommands } from "../../src/tracing/commands.ts";
import type { CommandLineEnd } from "../kit/command-line-thread.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

const began = Date.now() - 60_000;
const [dear, cheap] = ["1af7651916cd43dd8448eb211c80319c", "2af7651916cd43dd8448eb211c80319c"];
const spanId = "b7ad6b7169203331";

describe("traces on the command line and in the SDK", () => {
  let server: RunningServer;
  let thread: Worker;
  before(async () => {
    server = await startServer();
    thread = new Worker(new URL("../kit/command-line-thread.ts", import.meta.url), { workerData: { url: server.url } });
    const messages = (role: string, content: string) => JSON.stringify([{ role, parts: [{ type: "text", content }] }]);
    for (const [traceId, cost, tool, failed] of [[dear, 50_000_000, "search", true], [cheap, 49_999_999, "lookup", false]] as const) {
      const attributes = {
        "gen_ai.operation.name": "chat", "gen_ai.tool.name": tool, "session.id": `of ${tool}`, "user.id": "ann", "gen_ai.usage.input_tokens": failed ? 70 : 7, "gen_ai.usage.output_tokens": 5, "slipway.cost_nano_dollars": cost,
        "gen_ai.input.messages": messages("user", "Where is it?"), "gen_ai.output.messages": messages("assistant", "On its way."),
      };
      await server.client.api.send("POST", "/v1/traces", { resourceSpans: [{ scopeSpans: [{ spans: [{
        traceId, spanId, name: `ask ${tool}`, startTimeUnixNano: `${began}000000`, endTimeUnixNano: `${began + 100}000000`, status: { code: failed ? 2 : 1 },
        attributes: Object.entries(attributes).map(([key, value]) => ({ key, value: typeof value === "number" ? { intValue: value } : { stringValue: value } })),
      }] }] }] });
    }
  });
  after(async () => {
    await thread.terminate();
    await server.stop();
  });

  async function slipway(...words: string[]): Promise<CommandLineEnd> {
    thread.postMessage(words);
    return ((await once(thread, "message")) as [CommandLineEnd])[0];
  }
  async function json<Answer>(...words: string[]): Promise<Answer> {
    const { code, told } = await slipway(...words, "--json");
    assert.equal(code, 0, told);
    return JSON.parse(told) as Answer;
  }

  it("are found by an attribute, cost, tokens, failure, session and name", async () => {
    const found = async (...words: string[]): Promise<string[]> => (await json<{ traces: { traceId: string }[] }>("traces", ...words)).traces.map(({ traceId }) => traceId).sort();
    const searches = [["--attribute", "gen_ai.tool.name=search"], ["--min-cost", "0.05"], ["--min-tokens", "20"], ["--errors"], ["--session", "of search"], ["--name", "ask search"]];
    for (const words of searches) assert.deepEqual(await found(...words), [dear], words.join(" "));
    assert.deepEqual([await found("--no-errors"), await found(), await found("--attribute", "gen_ai.tool.name=search", "user.id=bob")], [[cheap], [dear, cheap], []]);
  });

  it("are searched for a word that is a command behind --text, which the help and the command say", async () => {
    for (const word of ["show", "feedback", "to-dataset"]) {
      const { code, told } = await slipway("traces", word);
      assert.deepEqual([code, told], [2, `error: missing required argument 'trace'\nTo search the traces for the word: slipway traces --text ${word}\n`]);
    }
    assert.deepEqual((await json<{ traces: object[] }>("traces", "--text", "feedback")).traces, []);
    const [search, ...others] = traceCommands;
    const help = search!.options!.find(({ flags }) => flags === "--text <text>")!.description;
    assert.deepEqual(others.filter(({ words }) => !help.includes(words[1]!)).map(({ words }) => words[1]), []);
  });

  it("are shown with their messages, and judged, as a whole or a span of it", async () => {
    const { told } = await slipway("traces", "show", dear, "--team", "default");
    assert.match(told, /^ {2}user: Where is it\?\n {2}assistant: On its way\.$/m);
    assert.match(told, new RegExp(`^ask search +${spanId} .* 70\\+5 +\\$0\\.05 +error`, "m"));
    assert.doesNotMatch((await slipway("traces", "show", dear, "--no-messages")).told, /Where is it/);

    const { id } = await json<{ id: string }>("traces", "feedback", dear, "correct", "true", "--comment", "it is");
    const { code, told: again } = await slipway("traces", "feedback", dear, "correct", "false", "--id", id);
    assert.deepEqual([code, again], [0, `correct: false, of the trace ${dear}, revision 2. To say it anew: --id ${id}\n`]);
    assert.equal((await slipway("traces", "feedback", dear, "score", "0.5", "--span", spanId, "--source", "llm", "--from", "judge")).code, 0);
    await server.client.traces.addFeedback(dear, { name: "answer", kind: "expectation", value: "On Tuesday" });
    const { feedback } = await json<{ feedback: { name: string; value: unknown; spanId: string | null; sourceId: string; kind: string }[] }>("traces", "show", dear);
    assert.deepEqual(feedback.map(({ name, value, spanId: on, kind }) => [name, value, on, kind]), [["correct", false, null, "feedback"], ["score", 0.5, spanId, "feedback"], ["answer", "On Tuesday", null, "expectation"]]);
    assert.deepEqual((await json<{ traces: { traceId: string }[] }>("traces", "--feedback", "score")).traces.map(({ traceId }) => traceId), [dear]);
  });

  it("become rows of a dataset, once each", async () => {
    assert.equal((await slipway("traces", "to-dataset", dear, "golden")).told, "A row of golden, version 1, which has 1 row.\n");
    assert.deepEqual(await json("traces", "to-dataset", dear, "golden"), { dataset: "golden", version: 1, rows: 1, added: false });
    assert.deepEqual(await server.client.traces.addToDataset(cheap, "golden"), { dataset: "golden", version: 2, rows: 2, added: true });
    assert.deepEqual(await server.client.traces.addToDataset(cheap, "golden", { again: true, team: "default" }), { dataset: "golden", version: 3, rows: 3, added: true });
    assert.equal((await server.client.datasets.version("golden", 3)).rows, 3);
  });

  it("become rows behind those of a file that somebody made, which names them elsewhere", async () => {
    const made = `\uFEFFinput,trace_id\n"asks of ${dear}, ""again""\n日本",of another`;
    await server.client.datasets.add({ file: await server.file("made.csv", made), name: "made" });
    assert.deepEqual(await server.client.traces.addToDataset(dear, "made"), { dataset: "made", version: 2, rows: 2, added: true });
    assert.deepEqual(await server.client.traces.addToDataset(dear, "made"), { dataset: "made", version: 2, rows: 2, added: false });
    assert.equal((await buffer(await server.client.datasets.content("made", 2))).toString(), `${made}\n"Where is it?","${dear}"\n`);
  });

  it("are summed up by session, for one user too: an option behind a command's word is that command's", async () => {
    const sessions = await json<{ sessions: { session: string; cost: number }[] }>("traces", "sessions", "--user", "ann");
    assert.deepEqual(sessions.sessions.map(({ session, cost }) => [session, cost]).sort(), [["of lookup", 49_999_999], ["of search", 50_000_000]]);
    assert.deepEqual((await server.client.traces.sessions({ user: "bob" })).sessions, []);
    assert.match((await slipway("traces", "sessions", "--user", "bob")).told, /^No sessions\./);
    assert.equal((await json<{ sessions: unknown[] }>("traces", "sessions", "--limit", "1")).sessions.length, 1);
  });
});
