import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { startServer } from "../kit/running-server.ts";
import { answerJson, GatewayUpstream, speakAnthropic, speakOpenAi } from "../server/gateway-upstream.ts";
import { runChecks } from "./python-script.ts";

describe("Python's clients of language models", () => {
  it("get from the gateway what they get from the providers, in each protocol over a provider of each", async (test) => {
    const directory = await mkdtemp(join(tmpdir(), "slipway-clients-"));
    const openAi = new GatewayUpstream(speakOpenAi);
    const anthropic = new GatewayUpstream(speakAnthropic);
    const cohere = new GatewayUpstream((_call, response) => answerJson(response, { id: "rr-1", results: [{ index: 1, relevance_score: 0.75 }], meta: { api_version: { version: "2" }, billed_units: { search_units: 2 } } }));
    const [openAiUrl, anthropicUrl, cohereUrl] = await Promise.all([openAi.start(), anthropic.start(), cohere.start()]);
    const server = await startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" } });
    try {
      const put = (name: string, settings: object): Promise<unknown> => server.client.api.send("PUT", `/api/gateway/${name}`, { revision: 0, settings });
      await put("providers/openai-upstream", { kind: "openai", baseUrl: `${openAiUrl}/v1` });
      await put("providers/anthropic-upstream", { kind: "anthropic", baseUrl: anthropicUrl });
      await put("providers/cohere-upstream", { kind: "cohere", baseUrl: cohereUrl });
      await put("routes/plain", { targets: [{ provider: "openai-upstream", model: "m" }] });
      await put("routes/fails", { targets: [{ provider: "openai-upstream", model: "m" }], attempts: 1 });
      await runChecks(test, "gateway.py", server, directory);
    } finally {
      await server.stop();
      openAi.stop();
      anthropic.stop();
      cohere.stop();
      await rm(directory, { recursive: true, force: true });
    }
  });
});
