import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { betweenLooks } from "../kit/between-looks.ts";
import { linearModel } from "../kit/onnx-models.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

interface Answered {
  id: string;
  version: string;
  score: number;
}

describe("an A/B test of a model on two servers with one Postgres", { timeout: 240_000 }, () => {
  let cluster: PostgresCluster;
  let artifacts: string;
  let servers: RunningServer[] = [];
  before(async () => {
    cluster = await PostgresCluster.start();
    artifacts = await mkdtemp(join(tmpdir(), "slipway-artifacts-"));
    const environment = { SLIPWAY_DATABASE_URL: cluster.url(), SLIPWAY_ARTIFACTS: artifacts };
    servers = await Promise.all([startServer({ environment }), startServer({ environment })]);
  });
  after(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await cluster.remove();
    await rm(artifacts, { recursive: true });
  });

  /** Null where the server does not serve the model yet. */
  async function ask(server: RunningServer, key: string): Promise<Answered | null> {
    const reply = await fetch(`${server.url}/v2/models/priced/infer`, {
      method: "POST", headers: { "content-type": "application/json", "slipway-key": key }, body: JSON.stringify({ inputs: [{ name: "features", datatype: "FP32", shape: [1, 2], data: [1, 0] }], outputs: [{ name: "score" }] }),
    });
    const body = (await reply.json()) as { model_version: string; parameters: { prediction_id: string }; outputs: { data: number[] }[] };
    return reply.ok ? { id: body.parameters.prediction_id, version: body.model_version, score: body.outputs[0]!.data[0]! } : null;
  }

  it("counts truth for what one of them answered, whichever of them is told, and each once", async () => {
    const [first, second] = servers as [RunningServer, RunningServer];
    for (const bias of [0, 0.5]) await first.client.deploy({ file: await first.file(`priced-${bias}.onnx`, linearModel({ weights: [1, 0.1], bias })), name: "priced", activate: bias === 0 });
    const { id } = await first.client.abTests.start("priced", { variants: [{ name: "b", version: "2", percent: 50 }], metric: "error", direction: "down" });
    // A server that has not heard of the test yet answers for nobody.
    for (const server of servers) for (let probe = 0; (await ask(server, `probe ${probe}`))?.version !== "2"; probe++) await betweenLooks();
    const answered: { by: RunningServer; answer: Answered }[] = [];
    for (let call = 0; call < 40; call++) {
      const by = servers[call % 2]!;
      answered.push({ by, answer: (await ask(by, `caller ${call}`))! });
    }
    // What the champion predicted is off by one, what the variant did by two.
    const truthOf = ({ answer }: (typeof answered)[number]): object => ({ predictionId: answer.id, row: 0, value: answer.score + Number(answer.version) });
    for (const teller of servers) await teller.client.api.send("POST", "/api/truth", { records: answered.filter(({ by }) => by !== teller).map(truthOf) });
    // Told again, at the one that answered.
    await first.client.api.send("POST", "/api/truth", { records: answered.map(truthOf) });
    const wanted = ["1", "2"].map((version) => answered.filter(({ answer }) => answer.version === version).length);
    for (const reader of [second, first]) {
      for (;;) {
        const { arms } = await reader.client.abTests.report(id);
        assert.ok(arms.every(({ n }, index) => n <= wanted[index]!), JSON.stringify(arms.map(({ n }) => n)));
        if (arms.every(({ n }, index) => n === wanted[index])) {
          assert.deepEqual(arms.map(({ name, mean }) => [name, Math.round(mean! * 1000)]), [["control", 1000], ["b", 2000]]);
          break;
        }
        await betweenLooks();
      }
    }
  });
});
