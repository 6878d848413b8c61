import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { AppError } from "../../src/index.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { linearModel, loopsAsOftenAsTold } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { seededRandom } from "../kit/seed.ts";
import { answerEvents, answerJson, GatewayUpstream } from "../server/gateway-upstream.ts";

/** What a caller of each kind may be told while parts of the server die; everything else is a fault. */
const told = {
  chat: ["200"], stream: ["200"], count: ["200"],
  predict: ["200", "RUNNER_CRASHED", "DEADLINE_EXCEEDED"], spans: ["200", "503"], read: ["200", "503"], deploy: ["200", "DATABASE_UNAVAILABLE", "MODEL_PROBE_FAILED", "VERSION_FAILED"],
} satisfies Record<string, readonly string[]>;
type Kind = keyof typeof told;

/** What dies, how often, and whose answers show that it is there again. */
const faults: readonly (readonly [part: string, times: number, seenBy: Kind])[] = [
  ["sqlite-read", 3, "read"], ["sqlite-write", 4, "spans"], ["token-counter", 3, "count"], ["output-checker", 3, "chat"], ["SIGKILL of a runner", 3, "predict"], ["SIGSTOP of a runner", 1, "predict"], ["SIGKILL of a trial", 2, "deploy"],
];

const usage = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 };
const format = { type: "json_schema", json_schema: { name: "a", schema: { type: "object", properties: { a: { type: "integer" } } } } };
const hex = (bytes: number): string => randomBytes(bytes).toString("hex");

describe("a server whose threads and processes die under load", { timeout: 300_000 }, () => {
  const random = seededRandom("dying parts");
  const upstream = new GatewayUpstream(({ body }, response) => {
    const choice = { index: 0, finish_reason: "stop" };
    const message = { role: "assistant", content: '{"a":1}' };
    if (body.stream !== true) return answerJson(response, { id: "c", object: "chat.completion", created: 1, model: "m", choices: [{ ...choice, message }], usage });
    const frames = [{ choices: [{ ...choice, delta: message }] }, { choices: [], usage }].map((frame) => `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", ...frame })}\n\n`);
    answerEvents(response, [...frames, "data: [DONE]\n\n"]);
  });
  let server: RunningServer;
  const answers = new Map<Kind, number>();
  const outcomes = new Map<string, number>();
  const acknowledged = { calls: new Set<string>(), spans: new Set<string>(), predictions: new Set<string>() };
  let weights = 0;

  before(async () => {
    const baseUrl = `${await upstream.start()}/v1`;
    const fault = fileURLToPath(new URL("../kit/faulty-threads.ts", import.meta.url));
    const folder = mkdtempSync(join(tmpdir(), "slipway-test-"));
    server = await startServer({ directory: folder, environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1", FAULTY_THREAD: join(folder, "thread"), NODE_OPTIONS: `${process.env["NODE_OPTIONS"] ?? ""} --import ${fault}` } });
    const { api } = server.client;
    await api.send("PUT", "/api/gateway/providers/p", { revision: 0, settings: { kind: "compatible", baseUrl } });
    await api.send("POST", "/api/prices", { provider: "p", model: "m", rates: { input: 1, output: 1000 } });
    await api.send("PUT", "/api/gateway/routes/chat", { revision: 0, settings: { targets: [{ provider: "p", model: "m" }] } });
    await server.client.deploy({ file: await server.file("loop.onnx", loopsAsOftenAsTold()), name: "loop" });
    const { revision, policy } = await server.client.policy("loop");
    await server.client.changePolicy("loop", { revision, reason: "test", policy: { ...policy, serving: { ...policy.serving, deadlineMs: 3000 } } });
  });
  after(async () => {
    upstream.stop();
    await server.stop();
  });

  async function post(path: string, body: object, trace = hex(16)): Promise<{ outcome: string; text: string }> {
    const response = await fetch(server.url + path, { method: "POST", headers: { "content-type": "application/json", traceparent: `00-${trace}-${hex(8)}-01` }, body: JSON.stringify(body) });
    const text = await response.text();
    return { outcome: String(response.status), text };
  }

  const codeOf = (error: unknown): { outcome: string; text: string } => ({ outcome: (error as AppError).code ?? String(error), text: String(error) });
  async function chat(more: object): Promise<{ outcome: string; text: string }> {
    const trace = hex(16);
    const answer = await post("/v1/chat/completions", { model: "chat", messages: [{ role: "user", content: "x" }], ...more }, trace);
    if (answer.outcome === "200") acknowledged.calls.add(trace);
    return answer;
  }
  const work: Record<Kind, () => Promise<{ outcome: string; text: string }>> = {
    chat: () => chat({ response_format: format }),
    stream: async () => {
      const answer = await chat({ stream: true });
      assert.ok(answer.text.endsWith("data: [DONE]\n\n"), answer.text);
      return answer;
    },
    count: () => post("/v1/messages/count_tokens", { model: "chat", messages: [{ role: "user", content: "hello world" }] }),
    predict: () => server.client.infer("loop", [{ name: "x", datatype: "FP32", shape: [1, 1], data: [3] }]).then(({ predictionId }) => (acknowledged.predictions.add(predictionId), { outcome: "200", text: "" }), codeOf),
    spans: async () => {
      const traceId = hex(16);
      const time = `${Date.now()}000000`;
      const answer = await post("/v1/traces", { resourceSpans: [{ scopeSpans: [{ spans: [{ traceId, spanId: hex(8), name: "s", startTimeUnixNano: time, endTimeUnixNano: time }] }] }] });
      if (answer.outcome === "200") acknowledged.spans.add(traceId);
      return answer;
    },
    read: async () => {
      const response = await fetch(`${server.url}/api/traces?limit=1`);
      return { outcome: String(response.status), text: await response.text() };
    },
    deploy: async () => server.client.deploy({ file: await server.file("m.onnx", linearModel({ weights: [++weights] })), name: "deployed" }).then(() => ({ outcome: "200", text: "" }), codeOf),
  };

  async function once(kind: Kind): Promise<string> {
    const { outcome, text } = await work[kind]();
    assert.ok((told[kind] as readonly string[]).includes(outcome), `${kind}: ${outcome} ${text}`);
    outcomes.set(`${kind} ${outcome}`, (outcomes.get(`${kind} ${outcome}`) ?? 0) + 1);
    answers.set(kind, (answers.get(kind) ?? 0) + 1);
    return outcome;
  }

  const runners = (): number[] => server.logLines.filter((line) => line.includes('"runner.started"')).map((line) => JSON.parse(line) as { model?: string; processId: number }).filter(({ model }) => model === "loop").map(({ processId }) => processId);
  const children = (): number[] => readdirSync(`/proc/${server.process.pid!}/task`).flatMap((thread) => read(`/proc/${server.process.pid!}/task/${thread}/children`).split(" ").filter(Boolean).map(Number));
  const victims: Record<string, () => number[]> = {
    runner: () => children().filter((id) => runners().includes(id)),
    // Of a model that is being deployed, or of a runner that takes the place of another.
    trial: () => children().filter((id) => /runner-process/.test(read(`/proc/${id}/cmdline`)) && !runners().includes(id)),
  };

  /** Answers when the part was there and is told to die. */
  async function meet(part: string, isOver: () => boolean): Promise<void> {
    const [, signal, name] = /^(SIG\w+) of an? (\w+)$/.exec(part) ?? [];
    if (signal === undefined || name === undefined) {
      writeFileSync(join(server.directory, "thread"), part);
      const before = endsOf(part);
      // Once, and again only where it had not begun: a second death would meet those whom the first one met.
      while (endsOf(part) === before && !isOver()) {
        const tries = toldOf(part);
        server.process.kill("SIGUSR2");
        while (toldOf(part) === tries && !isOver()) await betweenLooks();
      }
      return;
    }
    for (; !isOver(); await betweenLooks()) {
      const [victim] = victims[name]!();
      if (victim === undefined) continue;
      try {
        process.kill(victim, signal);
        return;
      } catch {
        // It has just ended.
      }
    }
  }
  const toldOf = (thread: string): number => endsOf(thread) + server.logLines.filter((line) => line === `there is no thread ${thread}`).length;
  const endsOf = (thread: string): number => server.logLines.filter((line) => line === `the thread ${thread} is ended`).length;

  it("answers every caller, loses nothing that it acknowledged, counts nothing twice, and is well afterwards", async (t) => {
    let isOver = false;
    const lane = async (turn: () => Promise<unknown>): Promise<void> => {
      for (; !isOver; await betweenLooks()) await turn();
    };
    let looks = 0;
    const health = async (): Promise<void> => {
      assert.equal((await fetch(`${server.url}/health`)).status, 200);
      looks++;
    };
    const lanes = Promise.all([...(["chat", "chat", "stream", "count", "count", "predict", "predict", "spans", "spans", "read", "deploy"] as const).map((kind) => lane(() => once(kind))), lane(health)]);
    const drawn = faults.flatMap(([part, times, seenBy]) => Array.from({ length: times }, () => ({ part, seenBy, draw: random.next() }))).sort((one, other) => one.draw - other.draw);
    const last = new Map<string, number>();
    const attack = async (): Promise<void> => {
      for (const { part, seenBy } of drawn) {
        // A part dies again when those whom its death met have been answered: so nothing meets two deaths, and everything is made good by one more attempt.
        while (!isOver && (answers.get(seenBy) ?? 0) < (last.get(part) ?? 0)) await betweenLooks();
        const moment = random.integer(0, 4);
        const answered = looks;
        while (!isOver && looks < answered + moment) await betweenLooks();
        await meet(part, () => isOver);
        last.set(part, (answers.get(seenBy) ?? 0) + (seenBy === "deploy" ? 1 : 4));
      }
    };
    try {
      await Promise.race([attack(), lanes]);
    } finally {
      isOver = true;
    }
    await lanes;
    t.diagnostic(JSON.stringify(Object.fromEntries(outcomes)));
    for (const kind of Object.keys(work) as Kind[]) while ((await once(kind)) !== "200") await betweenLooks();
    assert.deepEqual(server.logLines.filter((line) => line.includes("traces.not_written")), []);

    const counted: string[] = [];
    for (let after: string | null = ""; after !== null; ) {
      const page: { entries: { attribution: { traceId: string } }[]; next: string | null } = await server.client.api.get(`/api/costs/entries?limit=1000${after === "" ? "" : `&after=${after}`}`);
      counted.push(...page.entries.map(({ attribution }) => attribution.traceId));
      after = page.next;
    }
    assert.deepEqual(counted.sort(), [...acknowledged.calls].sort());
    for (const trace of [...acknowledged.calls, ...acknowledged.spans]) assert.equal((await fetch(`${server.url}/api/traces/${trace}`)).status, 200, trace);
    const logged: string[] = [];
    for (let page = await server.client.predictions("loop", { limit: 500, outcome: "ok" }); page.length > 0; page = await server.client.predictions("loop", { limit: 500, outcome: "ok", before: logged.at(-1)! })) logged.push(...page.map(({ id }) => id));
    assert.deepEqual(logged.sort(), [...acknowledged.predictions].sort());
  });
});

/** Nothing of a process that has ended. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
