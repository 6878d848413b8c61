import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, it } from "node:test";
import { startSecuredServer } from "../kit/secured-server.ts";
import { seededRandom } from "../kit/seed.ts";
import { answerJson, GatewayUpstream, type UpstreamAnswer } from "./gateway-upstream.ts";

const calls = 1000;
const atOnce = 16;
const pieces = 6;

interface Outcome {
  status: number;
  /** Of every chunk, or of the one answer. */
  ids: string[];
  text: string;
  ended: boolean;
}

/** Answers with its own name and what it was asked, so that an answer tells who gave it, to whom, and whether it is whole. */
function sound(name: string): UpstreamAnswer {
  let answered = 0;
  return ({ body }, response) => {
    const { messages, stream } = body as unknown as { messages: [{ content: string }]; stream?: boolean };
    const frame = { id: `${name}-${answered++}`, created: 1, model: "m" };
    const parts = Array.from({ length: pieces }, (_, piece) => `${name}:${messages[0].content}:${piece} `);
    const usage = { prompt_tokens: 1, completion_tokens: pieces, total_tokens: pieces + 1 };
    if (stream !== true) return answerJson(response, { ...frame, object: "chat.completion", choices: [{ index: 0, message: { role: "assistant", content: parts.join("") }, finish_reason: "stop" }], usage });
    const chunk = (delta: object, reason: string | null): string => `data: ${JSON.stringify({ ...frame, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`;
    response.writeHead(200, { "content-type": "text/event-stream" });
    const rest = [...parts.map((content) => chunk({ content }, null)), chunk({}, "stop"), `data: ${JSON.stringify({ ...frame, choices: [], usage })}\n\n`, "data: [DONE]\n\n"];
    // Piece by piece, so that streams of many callers are under way at the same time.
    const next = (): void => {
      const part = rest.shift();
      if (part === undefined) response.end();
      else response.write(part, () => setImmediate(next));
    };
    next();
  };
}

/** What goes wrong before any of an answer has come: after that, no other provider may take over. */
const wrong: ((response: ServerResponse) => void)[] = [
  (response) => answerJson(response, { error: { message: "Slow down." } }, 429, { "retry-after": "1" }),
  (response) => void response.writeHead(529).end("Overloaded."),
  (response) => void response.writeHead(502, { "content-type": "text/html" }).end("<html>".repeat(1000)),
  (response) => void response.socket?.resetAndDestroy(),
  (response) => void response.socket?.write("HTTP/1.1 200 OK\r\ncontent-ty", () => response.socket?.resetAndDestroy()),
  (response) => void response.writeHead(200, { "content-type": "text/event-stream" }).write('data: {"id":"half","cho', () => response.socket?.resetAndDestroy()),
  (response) => void response.writeHead(200, { "content-type": "application/json" }).end('{"id":"half","choices":[{"mess'),
  (response) => answerJson(response, { hello: "I am no provider" }),
];
/** And what costs time: given up after the route's firstByteMs, or when half of its deadline is over. */
const endless: typeof wrong = [
  () => undefined,
  (response) => {
    const drip = (): void => void (response.destroyed || response.write(": wait\n\n", () => setTimeout(drip, 20)));
    drip();
  },
];

describe("the gateway between a sound provider and one that fails half of the time", () => {
  it("loses no call, answers each once and mixes no streams", async () => {
    const random = seededRandom("gateway chaos");
    const good = sound("flaky");
    let failures = 0;
    const flaky = new GatewayUpstream((call, response) => {
      if (random.next() < 0.5) return good(call, response);
      failures++;
      const kinds = random.next() < 0.03 ? endless : wrong;
      kinds[random.integer(0, kinds.length - 1)]!(response);
    });
    const steady = new GatewayUpstream(sound("steady"));
    const server = await startSecuredServer({ egressAllowed: ["127.0.0.1"] });
    try {
      for (const [name, upstream] of [["flaky", flaky], ["steady", steady]] as const) {
        // A breaker that opens would keep the calls from what they are to live through.
        const settings = { kind: "compatible", baseUrl: await upstream.start(), breaker: { failures: 1000, openSeconds: 1 } };
        assert.equal((await server.asAdmin("PUT", `/api/gateway/providers/${name}`, { revision: 0, settings })).status, 200);
      }
      const route = { targets: [{ provider: "flaky", model: "m" }, { provider: "steady", model: "m" }], firstByteMs: 1000, deadlineMs: 6000, sticky: false };
      assert.equal((await server.asAdmin("PUT", "/api/gateway/routes/chaos", { revision: 0, settings: route })).status, 200);

      const url = `http://127.0.0.1:${server.slipway.httpPort}/v1/chat/completions`;
      const outcomes: Outcome[] = [];
      let next = 0;
      const caller = async (): Promise<void> => {
        for (let call = next++; call < calls; call = next++) {
          const stream = call % 2 === 1;
          const answer = await fetch(url, {
            method: "POST", headers: { authorization: `Bearer ${server.adminKey}`, "content-type": "application/json" }, body: JSON.stringify({ model: "chaos", stream, messages: [{ role: "user", content: `q${call}` }] }),
          });
          outcomes[call] = read(answer.status, await answer.text(), stream);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, caller));

      const lost = outcomes.filter(({ status, ended }) => status !== 200 || !ended);
      assert.ok(lost.length <= calls / 1000, JSON.stringify(lost.slice(0, 3)));
      for (const [call, { ids, text, status, ended }] of outcomes.entries()) {
        if (status !== 200 || !ended) continue;
        const [name] = text.split(":");
        assert.equal(text, Array.from({ length: pieces }, (_, piece) => `${name}:q${call}:${piece} `).join(""));
        assert.equal(new Set(ids).size, 1);
      }
      assert.equal(new Set(outcomes.map(({ ids }) => ids[0])).size, calls);
      // The flaky one was in use to the end, and did fail.
      assert.ok(failures > calls / 8, String(failures));
      const reply = await server.asAdmin("GET", "/api/costs?by=outcome");
      const { rows } = JSON.parse(reply.body) as { rows: { group: { outcome: string }; calls: number }[] };
      assert.equal(rows.find(({ group }) => group.outcome === "ok")?.calls, calls - lost.length);
    } finally {
      await server.stop();
      flaky.stop();
      steady.stop();
    }
  });
});

function read(status: number, body: string, stream: boolean): Outcome {
  if (status !== 200) return { status, ids: [], text: body, ended: false };
  interface Document { id: string; choices: { delta?: { content?: string }; message?: { content: string } }[] }
  const documents = (stream ? body.split("\n\n").filter((part) => part.startsWith("data: {")).map((part) => part.slice(6)) : [body]).map((text) => JSON.parse(text) as Document);
  const text = documents.map(({ choices }) => choices?.[0]?.message?.content ?? choices?.[0]?.delta?.content ?? "").join("");
  return { status, ids: documents.map(({ id }) => id), text, ended: !stream || body.endsWith("data: [DONE]\n\n") };
}
