import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Client, type Feedback } from "langsmith";
import { RunTree } from "langsmith/run_trees";
import { getCurrentRunTree, traceable } from "langsmith/traceable";
import { wrapOpenAI } from "langsmith/wrappers";
import OpenAI from "openai";
import type { CostRow } from "../../src/ledger/index.ts";
import type { SpanView, TraceView } from "../../src/tracing/index.ts";
import type { RunningServer } from "../kit/running-server.ts";
import { models, startSdkServer, type SdkServer } from "./upstreams.ts";

const traceOf = (run: string): string => run.replaceAll("-", "");

describe("LangSmith's client", () => {
  let all: SdkServer;
  let server: RunningServer;
  let client: Client;
  before(async () => {
    all = await startSdkServer();
    ({ server } = all);
    client = new Client({ apiUrl: `${server.url}/langsmith`, apiKey: "none" });
  });
  after(() => all.stop());

  const view = async (run: string): Promise<{ trace: TraceView["trace"]; spans: SpanView[]; named: Map<string, SpanView>; feedback: TraceView["feedback"] }> => {
    await client.awaitPendingTraceBatches();
    const { trace, spans, feedback } = await server.client.traces.find(traceOf(run));
    return { trace, spans, feedback, named: new Map(spans.map((span) => [span.name, span])) };
  };

  /** What is in the ledger of a trace: source, calls and cost. */
  const costs = async (run: string): Promise<unknown[]> => {
    const { rows } = await server.client.api.get<{ rows: CostRow[] }>("/api/costs", { by: "source", trace: traceOf(run) });
    return rows.map(({ group, calls, cost }) => [group.source, calls, cost]);
  };

  it("traces functions with what they call, their tokens, costs and sessions", async () => {
    let id = "";
    const of = { client, tracingEnabled: true };
    const search = traceable(async (query: string) => [`about ${query}`], { ...of, name: "search", run_type: "retriever" });
    const chat = traceable(async (given: { messages: { role: string; content: string }[] }) => ({
      id: "chatcmpl-js-1", choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: `You said: ${given.messages.at(-1)!.content}` } }],
      usage_metadata: { input_tokens: 1000, output_tokens: 100, total_tokens: 1100 },
    }), { ...of, name: "chat", run_type: "llm", metadata: { ls_provider: "openai", ls_model_name: "gpt-4o", ls_temperature: 0.5 } });
    const app = traceable(async (question: string) => {
      id = getCurrentRunTree().id;
      const [found] = await search(question);
      return (await chat({ messages: [{ role: "system", content: found! }, { role: "user", content: question }] })).choices[0]!.message.content;
    }, { ...of, name: "app", project_name: "js app", metadata: { session_id: "s-js", user_id: "ann" }, tags: ["blue"] });
    assert.equal(await app("snow"), "You said: snow");

    const { trace, spans, named } = await view(id);
    assert.deepEqual([trace.name, trace.service, trace.status, trace.session, trace.user, trace.spans, trace.errors, trace.models], ["app", "js app", "ok", "s-js", "ann", 3, 0, ["gpt-4o"]]);
    assert.deepEqual([trace.inputTokens, trace.outputTokens, trace.cost], [1000, 100, 1000 * 2500 + 100 * 10_000]);
    assert.deepEqual(spans.map(({ name, operation }) => [name, operation]), [["app", "invoke_workflow"], ["search", "retrieval"], ["chat", "chat"]]);
    const [root, found, called] = [named.get("app")!, named.get("search")!, named.get("chat")!];
    assert.deepEqual([root.parentSpanId, found.parentSpanId, called.parentSpanId], [null, root.spanId, root.spanId]);
    assert.deepEqual([called.provider, called.model, called.inputTokens, called.outputTokens, called.cost], ["openai", "gpt-4o", 1000, 100, trace.cost]);
    assert.deepEqual(called.inputMessages?.map(({ role, parts }) => [role, parts[0]?.content]), [["system", "about snow"], ["user", "snow"]]);
    assert.deepEqual(called.outputMessages?.map(({ role, parts }) => [role, parts[0]?.content]), [["assistant", "You said: snow"]]);
    assert.deepEqual([called.attributes["gen_ai.request.temperature"], called.attributes["gen_ai.response.id"], root.attributes["langsmith.tags"]], [0.5, "chatcmpl-js-1", ["blue"]]);
    assert.deepEqual(await costs(id), [["trace", 1, trace.cost]]);
  });

  it("counts a call through the gateway once, in the ledger and in the sums of its trace", async () => {
    const openai = wrapOpenAI(new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none" }), { client, tracingEnabled: true });
    let id = "";
    const app = traceable(async () => {
      id = getCurrentRunTree().id;
      return (await openai.chat.completions.create({ model: models.openai, messages: [{ role: "user", content: "hello there" }] })).choices[0]!.message.content;
    }, { client, tracingEnabled: true, name: "through the gateway" });
    assert.equal(await app(), "You said: hello there");
    const { trace, named } = await view(id);
    assert.deepEqual([trace.spans, trace.status, named.get("ChatOpenAI")?.operation, named.get("ChatOpenAI")?.outputTokens], [2, "ok", "chat", 7]);
    assert.deepEqual(await costs(id), []);
  });

  it("tells what functions threw, and that runs are under way", async () => {
    let id = "";
    const of = { client, tracingEnabled: true };
    const breaks = traceable(async (word: string): Promise<void> => { throw new Error(`no ${word}`); }, { ...of, name: "breaks", run_type: "tool" });
    const app = traceable(async (word: string) => {
      id = getCurrentRunTree().id;
      await breaks(word);
    }, { ...of, name: "fails" });
    await assert.rejects(app("way"), /no way/);
    const { trace, named } = await view(id);
    assert.deepEqual([trace.status, trace.errors, named.get("breaks")!.operation, named.get("breaks")!.status.code], ["error", 2, "execute_tool", "error"]);
    assert.match(named.get("breaks")!.status.message, /no way/);

    const root = new RunTree({ client, name: "by hand", run_type: "chain", inputs: { a: 1 }, project_name: "js app" });
    await root.postRun();
    const child = root.createChild({ name: "within", run_type: "tool", inputs: { b: "x".repeat(100_000) } });
    await child.postRun();
    assert.deepEqual([(await view(root.id)).trace.status, (await view(root.id)).spans.length], ["running", 2]);
    await child.end({ c: 3 });
    await child.patchRun();
    await root.end({ d: 4 });
    await root.patchRun();
    const whole = await view(root.id);
    assert.deepEqual([whole.trace.status, whole.named.get("within")!.parentSpanId, whole.named.get("within")!.output], ["ok", whole.named.get("by hand")!.spanId, '{"c":3}']);
    assert.equal(whole.named.get("within")!.input?.length, 100_008);
  });

  it("gives feedback on a trace and on a run in it, at once and in the background", async () => {
    const root = new RunTree({ client, name: "judged", run_type: "chain", inputs: {}, project_name: "js app" });
    await root.postRun();
    const child = root.createChild({ name: "part", run_type: "tool", inputs: {} });
    await child.postRun();
    await child.end({});
    await child.patchRun();
    await root.end({});
    await root.patchRun();
    await client.awaitPendingTraceBatches();
    const of = { sessionId: root.id, feedbackSourceType: "model" } as const;
    await client.createFeedback({ ...of, runId: root.id, key: "correct", score: true, comment: "It is." });
    await client.createFeedback({ ...of, runId: child.id, traceId: root.id, key: "quality", score: 0.5, correction: { better: "yes" } });
    const { feedback, named } = await view(root.id);
    assert.deepEqual(feedback.map(({ name, value, source, spanId, comment }) => [name, value, source, spanId, comment]).toSorted(), [["correct", true, "llm", null, "It is."], ["quality", 0.5, "llm", named.get("part")!.spanId, ""]]);
    assert.equal(feedback.find(({ name }) => name === "quality")!.metadata.correction, '{"better":"yes"}');
  });

  it("reads, lists, changes and removes the feedback that it gave", async () => {
    const root = new RunTree({ client, name: "judged again", run_type: "chain", inputs: {}, project_name: "js app" });
    await root.postRun();
    const child = root.createChild({ name: "part", run_type: "tool", inputs: {} });
    await child.postRun();
    await child.end({});
    await child.patchRun();
    await root.end({});
    await root.patchRun();
    await client.awaitPendingTraceBatches();
    const given = await client.createFeedback({ runId: root.id, sessionId: root.id, key: "correct", score: 1, value: "yes", comment: "It is.", correction: { better: "so" } });
    const ofChild = await client.createFeedback({ runId: child.id, traceId: root.id, sessionId: root.id, key: "mood", value: "calm", feedbackSourceType: "model" });
    await client.awaitPendingTraceBatches();
    const told = async (id: string): Promise<unknown[]> => {
      const { run_id: run, trace_id: trace, key, score, value, comment, correction, feedback_source: source } = await client.readFeedback(id) as Feedback & { trace_id: string };
      return [run, trace, key, score, value, comment, correction, source?.type];
    };
    assert.deepEqual(await told(given.id), [root.id, root.id, "correct", 1, "yes", "It is.", { better: "so" }, "api"]);
    assert.deepEqual(await told(ofChild.id), [child.id, root.id, "mood", null, "calm", null, null, "model"]);
    await client.updateFeedback(given.id, { score: 0.25, comment: "Not quite." });
    assert.deepEqual(await told(given.id), [root.id, root.id, "correct", 0.25, "yes", "Not quite.", { better: "so" }, "api"]);
    const { feedback } = await view(root.id);
    assert.deepEqual(feedback.map(({ id, value, revision }) => [id, value, revision]).toSorted(), [[given.id, 0.25, 2], [ofChild.id, "calm", 1]].toSorted());

    const listed = async (asked: Parameters<Client["listFeedback"]>[0]): Promise<string[]> => (await Array.fromAsync(client.listFeedback(asked))).map(({ key }) => key).toSorted();
    assert.deepEqual(await listed({ runIds: [root.id] }), ["correct"]);
    assert.deepEqual(await listed({ runIds: [root.id, child.id] }), ["correct", "mood"]);
    assert.deepEqual(await listed({ runIds: [root.id, child.id], feedbackKeys: ["mood"] }), ["mood"]);
    assert.deepEqual(await listed({ runIds: [root.id, child.id], feedbackSourceTypes: ["api"] }), ["correct"]);
    await client.deleteFeedback(given.id);
    assert.deepEqual([await listed({ runIds: [root.id, child.id] }), (await view(root.id)).feedback.length], [["mood"], 1]);
    await assert.rejects(client.readFeedback(given.id), /There is no feedback/);
    await assert.rejects(client.updateFeedback(given.id, { score: 1 }), /There is no feedback/);
  });

  it("reads and lists the runs that it sent, and their projects", async () => {
    const root = new RunTree({ client, name: "read back", run_type: "chain", inputs: { question: "two?" }, project_name: "js reads", tags: ["blue"], metadata: { thread_id: "t-js" } });
    await root.postRun();
    const child = root.createChild({ name: "look up", run_type: "tool", inputs: { word: "x" } });
    await child.postRun();
    await child.end(undefined, "no x");
    await child.patchRun();
    await root.end({ answer: [4] });
    await root.patchRun();
    await client.awaitPendingTraceBatches();
    const read = await client.readRun(root.id, { loadChildRuns: true });
    assert.deepEqual([read.name, read.status, read.inputs, read.outputs, read.tags, read.extra?.metadata?.thread_id], ["read back", "success", { question: "two?" }, { answer: [4] }, ["blue"], "t-js"]);
    assert.deepEqual(read.child_runs?.map(({ id, name, error, parent_run_id: parent }) => [id, name, error, parent]), [[child.id, "look up", "no x", root.id]]);
    assert.equal((await client.readRun(child.id)).trace_id, root.id);
    const listed = async (asked: Parameters<Client["listRuns"]>[0]): Promise<string[]> => (await Array.fromAsync(client.listRuns(asked))).map(({ name }) => name);
    assert.deepEqual(await listed({ projectName: "js reads" }), ["look up", "read back"]);
    assert.deepEqual([await listed({ projectName: "js reads", limit: 1 }), await listed({ projectName: "js reads", isRoot: true }), await listed({ traceId: root.id, error: true })], [["look up"], ["read back"], ["look up"]]);
    assert.deepEqual([await listed({ id: [child.id] }), await listed({ traceId: root.id, filter: 'eq(run_type, "chain")' }), await listed({ traceId: crypto.randomUUID() })], [["look up"], ["read back"], []]);
    const project = await client.readProject({ projectName: "js reads" });
    assert.deepEqual([project.name, (await client.readProject({ projectId: project.id })).name, await client.hasProject({ projectName: "js reads" }), await client.hasProject({ projectName: "never seen" })], ["js reads", "js reads", true, false]);
    assert.ok((await Array.fromAsync(client.listProjects())).some(({ id }) => id === project.id));
    await assert.rejects(client.readRun(crypto.randomUUID()), /There is no run/);
  });

  it("reads runs, traces and threads by its newer calls, and asks once for what is not served", async () => {
    const root = new RunTree({ client, name: "agent", run_type: "chain", inputs: { question: "two?" }, project_name: "js newer", tags: ["blue"], metadata: { thread_id: "t-newer" } });
    await root.postRun();
    const child = root.createChild({ name: "look up", run_type: "tool", inputs: { word: "x" } });
    await child.postRun();
    await child.end(undefined, "no x");
    await child.patchRun();
    await root.end({ answer: [4] });
    await root.patchRun();
    await client.awaitPendingTraceBatches();
    await client.createFeedback({ runId: root.id, sessionId: root.id, key: "correct", score: 0.5 });
    await client.awaitPendingTraceBatches();
    const { id: project } = await client.readProject({ projectName: "js newer" });
    const listed = async (asked: Partial<Parameters<typeof client.runs.query>[0]>): Promise<unknown[]> => (await Array.fromAsync(client.runs.query({ project_ids: [project], selects: ["NAME"], ...asked }))).map(({ name }) => name);
    assert.deepEqual([await listed({}), await listed({ page_size: 1 }), await listed({ is_root: true }), await listed({ has_error: true }), await listed({ run_type: "TOOL" }), await listed({ ids: [root.id] })], [["look up", "agent"], ["look up", "agent"], ["agent"], ["look up"], ["look up"], ["agent"]]);
    const read = await client.runs.retrieve(root.id, { project_id: project, selects: ["NAME", "RUN_TYPE", "STATUS", "IS_ROOT", "INPUTS", "OUTPUTS", "TAGS", "METADATA", "THREAD_ID", "FEEDBACK_STATS"] });
    assert.deepEqual(
      [read.name, read.run_type, read.status, read.is_root, read.inputs, read.outputs, read.tags, read.thread_id, read.feedback_stats?.correct?.avg],
      ["agent", "CHAIN", "SUCCESS", true, { question: "two?" }, { answer: [4] }, ["blue"], "t-newer", 0.5],
    );
    const failed = await client.runs.retrieve(child.id, { project_id: project, selects: ["STATUS", "ERROR", "PARENT_RUN_IDS"] });
    assert.deepEqual([failed.status, failed.error, failed.parent_run_ids, failed.name], ["ERROR", "no x", [root.id], undefined]);
    assert.deepEqual((await client.traces.listRuns(root.id, { project_id: project, selects: ["NAME"] })).items?.map(({ name }) => name), ["agent", "look up"]);
    assert.deepEqual((await Array.fromAsync(client.traces.query({ project_id: project, selects: ["NAME"], tree_filter: 'eq(name, "look up")' }))).map((trace) => trace.root_run?.name), ["agent"]);
    assert.deepEqual((await Array.fromAsync(client.threads.query({ project_id: project }))).map(({ thread_id: thread, count, trace_id: trace }) => [thread, count, trace]), [["t-newer", 1, root.id]]);
    assert.deepEqual((await Array.fromAsync(client.threads.listTraces("t-newer", { project_id: project, selects: ["NAME", "OUTPUTS"] }))).map(({ trace_id: trace, name, outputs }) => [trace, name, outputs]), [[root.id, "agent", { answer: [4] }]]);

    const asks: string[] = [];
    const counted = new Client({ apiUrl: `${server.url}/langsmith`, apiKey: "none", fetchImplementation: (...given) => (asks.push(String(given[0])), fetch(...given)) });
    const refused: [() => Promise<unknown>, RegExp][] = [
      [() => Array.fromAsync(counted.runs.query({ project_ids: [project], ai_search: "what failed" })), /ai_search/], [() => counted.threads.stats("t-newer", { session_id: project, selects: ["TURNS"] }), /no statistics/],
    ];
    for (const [call, message] of refused) {
      asks.length = 0;
      await assert.rejects(call, message);
      assert.equal(asks.filter((url) => url.includes("/v2/")).length, 1, asks.join(" "));
    }
  });

  it("is told at once what to do instead of calls that are not served", async () => {
    const calls: [() => Promise<unknown>, RegExp][] = [
      [() => Array.fromAsync(client.listRuns({ projectName: "js app", query: "snow" })), /not found by query/], [() => Array.fromAsync(client.listRuns({ traceId: crypto.randomUUID(), filter: 'eq(feedback_key, "k")' })), /feedback_key/],
      [() => client.createProject({ projectName: "p" }), /service=PROJECT/], [() => client.createDataset("d"), /slipway datasets add/],
      [() => client.createPresignedFeedbackToken(crypto.randomUUID(), "k"), /no tokens/], [() => client.pullPromptCommit("name"), /Prompts of LangSmith are not kept/],
    ];
    for (const [call, message] of calls) await assert.rejects(call, message);
  });

  it("sends many runs in batches, and none is lost", async () => {
    const roots = Array.from({ length: 60 }, (_, index) => new RunTree({ client, name: `many ${index}`, run_type: "chain", inputs: { index }, project_name: "many" }));
    await Promise.all(roots.map(async (root) => {
      await root.postRun();
      await root.end({ done: true });
      await root.patchRun();
    }));
    await client.awaitPendingTraceBatches();
    const { traces } = await server.client.traces.search({ service: "many", limit: 500 });
    assert.deepEqual(traces.map(({ traceId, status }) => `${traceId} ${status}`).toSorted(), roots.map(({ id }) => `${traceOf(id)} ok`).toSorted());
  });
});
