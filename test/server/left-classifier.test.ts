import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { after, before, describe, it } from "node:test";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { answerJson, GatewayUpstream, type UpstreamCall } from "./gateway-upstream.ts";

const tensors = { inputs: [{ name: "text", datatype: "BYTES", shape: [-1] }], outputs: [{ name: "label", datatype: "BYTES", shape: [-1] }] };

describe("a classifier of a guardrail whose caller leaves", () => {
  let server: RunningServer;
  /** What the model is asked and holds, in order. */
  const held: { call: UpstreamCall; answer(): void }[] = [];
  let noted = (): void => undefined;
  const label = (response: ServerResponse): void => answerJson(response, { model_name: "words", outputs: [{ name: "label", datatype: "BYTES", shape: [1], data: ["good"] }] });
  const peer = new GatewayUpstream((call, response) => {
    if (call.path === "/v2") return answerJson(response, { name: "peer", version: "1", extensions: [] });
    if (call.path.endsWith("/ready")) return answerJson(response, { name: "words", ready: true });
    if (call.bytes.length === 0) return answerJson(response, { name: "words", platform: "peer", ...tensors });
    held.push({ call, answer: () => label(response) });
    noted();
  });

  before(async () => {
    const url = await peer.start();
    server = await startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" } });
    await server.client.deploy({ file: url, name: "words", upstream: { protocol: "open-inference", model: "words", timeoutMs: 30_000 } } as never);
    const settings = { targets: [{ provider: "echo", model: "echo" }], guardrails: [{ kind: "classifier", name: "polite", on: "input", model: "words", blockLabels: ["bad"] }] };
    await server.client.api.send("PUT", "/api/gateway/routes/guarded", { revision: 0, settings });
  });
  after(async () => {
    await server.stop();
    peer.stop();
  });

  /** Settles when the model has been asked. */
  async function ask(content: string, signal?: AbortSignal): Promise<{ status: Promise<number | string> }> {
    const asked = new Promise<void>((resolve) => (noted = resolve));
    const status = fetch(`${server.url}/v1/chat/completions`, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ model: "guarded", messages: [{ role: "user", content }] }), ...(signal && { signal }),
    }).then((reply) => reply.status, (error: Error) => error.name);
    await asked;
    return { status };
  }

  it("is not asked any further, and those of others go on", async () => {
    const stays = await ask("one");
    const leaving = new AbortController();
    const leaves = await ask("two", leaving.signal);
    leaving.abort();
    assert.equal(await leaves.status, "AbortError");
    const [first, second] = held;
    // Else both would be given up by their deadlines, the first one first.
    assert.equal(await Promise.race([first!.call.abandoned.then(() => "the first"), second!.call.abandoned.then(() => "the second")]), "the second");
    first!.answer();
    assert.equal(await stays.status, 200);
  });
});
