import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { startServer } from "../kit/running-server.ts";
import { GatewayUpstream, speakOpenAi } from "../server/gateway-upstream.ts";
import { runChecks } from "./python-script.ts";

describe("Python in the gateway's documents", () => {
  it("runs as it is written", async (test) => {
    const directory = await mkdtemp(join(tmpdir(), "slipway-clients-"));
    const upstream = new GatewayUpstream(speakOpenAi);
    const server = await startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" } });
    try {
      await server.client.api.send("PUT", "/api/gateway/providers/openai", { revision: 0, settings: { kind: "openai", baseUrl: `${await upstream.start()}/v1` } });
      await runChecks(test, "documents.py", server, directory);
    } finally {
      await server.stop();
      upstream.stop();
      await rm(directory, { recursive: true, force: true });
    }
  });
});
