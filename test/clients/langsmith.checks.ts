import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { startServer } from "../kit/running-server.ts";
import { runChecks } from "./python-script.ts";

describe("LangChain and LangSmith's SDK", () => {
  it("trace here with their environment alone", async (test) => {
    const directory = await mkdtemp(join(tmpdir(), "slipway-clients-"));
    const server = await startServer();
    try {
      await runChecks(test, "langsmith_traces.py", server, directory);
    } finally {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    }
  });
});
