import { startServer, type RunningServer } from "../kit/running-server.ts";
import { GatewayUpstream, speakAnthropic, speakOpenAi } from "../server/gateway-upstream.ts";

/** A whole server with a provider of each protocol behind it: `openai/m` and `anthropic/claude-sonnet-4-5`. */
export interface SdkServer {
  server: RunningServer;
  openAi: GatewayUpstream;
  anthropic: GatewayUpstream;
  stop(): Promise<void>;
}

/** By protocol of the provider, the model that callers name. */
export const models = { openai: "openai-upstream/m", anthropic: "anthropic-upstream/claude-sonnet-4-5" } as const;
export type Upstream = keyof typeof models;
export const upstreams = Object.keys(models) as Upstream[];

export async function startSdkServer(): Promise<SdkServer> {
  const openAi = new GatewayUpstream(speakOpenAi);
  const anthropic = new GatewayUpstream(speakAnthropic);
  const [openAiUrl, anthropicUrl] = await Promise.all([openAi.start(), anthropic.start()]);
  const server = await startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" } });
  const put = (kind: string, name: string, settings: object): Promise<unknown> => server.client.api.send("PUT", `/api/gateway/${kind}/${name}`, { revision: 0, settings });
  await put("providers", "openai-upstream", { kind: "openai", baseUrl: `${openAiUrl}/v1` });
  await put("providers", "anthropic-upstream", { kind: "anthropic", baseUrl: anthropicUrl });
  await put("providers", "planned", { kind: "scripted", script: [{ text: "not JSON" }, { text: '{"name":"Bob","age":7}' }] });
  // Failures are to arrive as they are, at once.
  for (const [name, provider] of [["fails-openai", "openai-upstream"], ["fails-anthropic", "anthropic-upstream"]]) await put("routes", name!, { targets: [{ provider, model: "claude-3-5-haiku-latest" }], attempts: 1 });
  await put("routes", "spent", { targets: [{ provider: "anthropic-upstream", model: "claude-sonnet-4-5" }], budget: { perQuery: 1e-9 } });
  return {
    server, openAi, anthropic,
    stop: async () => {
      await server.stop();
      openAi.stop();
      anthropic.stop();
    },
  };
}
