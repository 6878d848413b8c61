import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { betweenLooks } from "../kit/between-looks.ts";
import { linearModel } from "../kit/onnx-models.ts";
import { startServer } from "../kit/running-server.ts";

const row = (value: number) => [{ name: "features", datatype: "FP32", shape: [1, 1], data: [value] }];

describe("kill -9", () => {
  it("during deployments leaves every version whole or absent, and the acknowledged ones served", async (t) => {
    let server = await startServer();
    // Whichever it is then; a server that is left keeps this process from ending.
    t.after(() => server.stop());
    const { directory } = server;
    const acknowledged = new Map<string, string>();
    // Killed after the n-th log line of the deployment under way: at another point of it in each round.
    for (let round = 0; round < 6; round++) {
      const file = await server.file(`v${round}.onnx`, linearModel({ weights: [round + 1] }));
      const first = await server.client.deploy({ file, name: "killed" });
      acknowledged.set(first.version.version, first.version.contractDigest);
      const next = await server.file(`w${round}.onnx`, linearModel({ weights: [100 + round] }));
      const lines = server.logLines.length;
      const pending = server.client.deploy({ file: next, name: "killed" }).then((result) => acknowledged.set(result.version.version, result.version.contractDigest), () => undefined);
      if (round > 0) while (server.logLines.length < lines + round - 1) await new Promise((resolve) => setImmediate(resolve));
      await server.kill();
      await pending;
      server = await startServer({ directory });
      const { versions, model } = await server.client.model("killed");
      assert.deepEqual(versions.map(({ version }) => version), Array.from({ length: versions.length }, (_, index) => String(versions.length - index)), "numbers without gaps");
      for (const [version, digest] of acknowledged) assert.equal(versions.find((found) => found.version === version)?.contractDigest, digest);
      while ((await fetch(`${server.url}/ready`)).status !== 200) await betweenLooks();
      const champion = versions.find(({ version }) => version === model.aliases.champion)!;
      assert.equal((await server.client.infer("killed", row(1))).version, champion.version);
    }
    for (const version of (await server.client.model("killed")).versions) {
      await server.client.activate("killed", version.version);
      assert.equal((await server.client.infer("killed", row(2))).version, version.version);
    }
  });

  it("loses no prediction that was answered, and doubles none", async (t) => {
    let server = await startServer();
    t.after(() => server.stop());
    const { directory } = server;
    await server.client.deploy({ file: await server.file("m.onnx", linearModel({ weights: [2] })), name: "logged" });
    const answered: string[] = [];
    const caller = async (): Promise<void> => {
      for (let value = 0; ; value++) answered.push((await server.client.infer("logged", row(value))).predictionId);
    };
    const callers = Promise.allSettled(Array.from({ length: 16 }, caller));
    while (answered.length < 1000) await new Promise((resolve) => setImmediate(resolve));
    await server.kill();
    await callers;
    server = await startServer({ directory });
    const found: string[] = [];
    for (let before: string | undefined; ; ) {
      const page = await server.client.predictions("logged", { limit: 500, ...(before === undefined ? {} : { before }) });
      if (page.length === 0) break;
      found.push(...page.map(({ id }) => id));
      before = found.at(-1);
    }
    assert.equal(new Set(found).size, found.length, "none twice");
    const kept = new Set(found);
    assert.deepEqual(answered.filter((id) => !kept.has(id)), []);
    assert.equal((await server.client.why(answered[0]!)).prediction.outcome, "ok");
  });
});
