import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { linearModel } from "../kit/onnx-models.ts";
import { startServer } from "../kit/running-server.ts";
import { answerEvents, answerJson, GatewayUpstream } from "../server/gateway-upstream.ts";
import { runChecks } from "./python-script.ts";

const usage = { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 };

/** A provider whose every answer costs the same. */
const provider = new GatewayUpstream(({ body }, response) => {
  const frame = { id: `chatcmpl-${provider.calls.length}-of-a-provider`, created: 1, model: body.model };
  if (body.stream !== true) return answerJson(response, { ...frame, object: "chat.completion", choices: [{ index: 0, message: { role: "assistant", content: "fine" }, finish_reason: "stop" }], usage });
  const chunk = (more: object): string => `data: ${JSON.stringify({ ...frame, object: "chat.completion.chunk", ...more })}\n\n`;
  return answerEvents(response, [
    chunk({ choices: [{ index: 0, delta: { role: "assistant", content: "fine" }, finish_reason: null }] }), chunk({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }), chunk({ choices: [], usage }), "data: [DONE]\n\n",
  ]);
});

describe("traced programs", () => {
  it("see each call once, with what it cost, whichever way it went", async (test) => {
    const directory = await mkdtemp(join(tmpdir(), "slipway-clients-"));
    const url = await provider.start();
    const server = await startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" } });
    try {
      const put = (name: string, settings: object): Promise<unknown> => server.client.api.send("PUT", `/api/gateway/${name}`, { revision: 0, settings });
      await put("providers/upstream", { kind: "openai", baseUrl: `${url}/v1` });
      await put("routes/guarded", { targets: [{ provider: "upstream", model: "gpt-4o" }] });
      await server.client.deploy({ file: await server.file("m.onnx", linearModel({ weights: [1, 10] })), name: "m" });
      await runChecks(test, "traced_calls.py", server, directory, url);
    } finally {
      await server.stop();
      provider.stop();
      await rm(directory, { recursive: true, force: true });
    }
  });
});
