import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { it } from "node:test";
import { startServer, type RunningServer } from "../kit/running-server.ts";

const chunk = Buffer.alloc(64 << 10, "x");
const [chunks, atOnce, textsAtOnce] = [256, 16, 10];
const contentBytes = chunks * chunk.length;

/** As fast as its caller takes it. */
async function sendContent(response: ServerResponse): Promise<void> {
  for (let sent = 0; sent < chunks && !response.destroyed; sent++) if (!response.write(chunk)) await new Promise<void>((resolve) => void response.once("drain", resolve));
}

/** Asks for large answers at once and for small ones until those are there: all come whole, and the server has not taken more memory than a part of what all hold. */
async function assertBounded(server: RunningServer, count: number, path: string, bodyOf: (word: string) => object): Promise<void> {
  /** Status, and the length of the answer, of which nothing is kept. */
  const ask = async (word: string): Promise<[status: number, bytes: number]> => {
    const answer = await fetch(server.url + path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(bodyOf(word)) });
    let bytes = 0;
    for await (const part of answer.body!) bytes += (part as Uint8Array).length;
    return [answer.status, bytes];
  };
  let isOver = false;
  const large = Promise.all(Array.from({ length: count }, () => ask("large"))).finally(() => (isOver = true));
  large.catch(() => undefined);
  let small = 0;
  for (; !isOver; small++) assert.equal((await ask("tiny"))[0], 200);
  const answers = await large;
  assert.ok(answers.every(([status, bytes]) => status === 200 && bytes > contentBytes), JSON.stringify(answers));
  assert.ok(small > 0);
  const [, peakKilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server.process.pid!}/status`, "utf8"))!;
  // Some 450 MB here; what comes of all at once, in pieces and whole, would be more than that alone.
  assert.ok(Number(peakKilobytes) < 700_000, `${peakKilobytes} kB`);
}

/** Speaks OpenAI's chats: a large answer is as many bytes as its caller takes, a small one a word. */
async function sendAnswer(response: ServerResponse, isLarge: boolean): Promise<void> {
  response.writeHead(200, { "content-type": "application/json" });
  response.write('{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"');
  if (isLarge) await sendContent(response);
  response.end('small"}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}');
}

/** Speaks the plain JSON of servers upstream: texts that are as large together, or a short one. */
async function sendTexts(response: ServerResponse, isLarge: boolean): Promise<void> {
  response.writeHead(200, { "content-type": "application/json" });
  response.write('{"outputs":{"y":["');
  if (isLarge) await sendContent(response);
  response.end('small"]}}');
}

it("many large answers of servers upstream at once take no more than a part of the memory, and small ones go on", async () => {
  const upstream = createServer((incoming, response) => {
    const parts: Buffer[] = [];
    incoming.on("data", (part: Buffer) => parts.push(part)).once("end", () => void sendTexts(response, Buffer.concat(parts).includes("large")));
  }).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  // Without a bound together the texts of all answers are more than the server has for objects and texts: it ended.
  const server = await startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1", NODE_OPTIONS: "--max-old-space-size=128" } });
  try {
    const text = (name: string): object => ({ name, datatype: "BYTES", shape: [-1] });
    await server.client.deploy({
      file: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`, name: "texts",
      upstream: { protocol: "json", path: "/", format: "inputs", timeoutMs: 120_000, signature: { inputs: [text("x")], outputs: [text("y")] } },
    } as never);
    const { revision, policy } = await server.client.policy("texts");
    await server.client.changePolicy("texts", { revision, reason: "test", policy: { ...policy, serving: { ...policy.serving, deadlineMs: 120_000, maxRunMs: 120_000 } } });
    await assertBounded(server, textsAtOnce, "/v2/models/texts/infer", (word) => ({ inputs: [{ name: "x", datatype: "BYTES", shape: [1], data: [word] }] }));
  } finally {
    await server.stop();
    upstream.closeAllConnections();
    upstream.close();
  }
});

it("many large answers of providers at once take no more than a part of the memory, and small calls go on", async () => {
  const upstream = createServer((incoming, response) => {
    const parts: Buffer[] = [];
    incoming.on("data", (part: Buffer) => parts.push(part)).once("end", () => void sendAnswer(response, Buffer.concat(parts).includes("large")));
  }).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  // The texts of all answers together take twice the memory that the server has for objects and texts.
  const server = await startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1", NODE_OPTIONS: "--max-old-space-size=128" } });
  try {
    const { api } = server.client;
    await api.send("PUT", "/api/gateway/providers/local", { revision: 0, settings: { kind: "compatible", baseUrl: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`, models: ["m"] } });
    await api.send("PUT", "/api/gateway/routes/chat", { revision: 0, settings: { targets: [{ provider: "local", model: "m" }], deadlineMs: 300_000, firstByteMs: 300_000 } });
    await assertBounded(server, atOnce, "/v1/chat/completions", (word) => ({ model: "chat", messages: [{ role: "user", content: word }] }));
  } finally {
    await server.stop();
    upstream.closeAllConnections();
    upstream.close();
  }
});
