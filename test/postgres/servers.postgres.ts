import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { addDataset } from "../../src/datasets/index.ts";
import type { Evaluation } from "../../src/evaluation/index.ts";
import type { WorkflowRun } from "../../src/workflows/index.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { linearModel } from "../kit/onnx-models.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { SocketProxy } from "../kit/socket-proxy.ts";

/** Asks until the answer is as wanted; the test's own limit ends what never comes. */
async function until<Result>(ask: () => Promise<Result>, wanted: (result: Result) => boolean): Promise<Result> {
  for (;;) {
    const result = await ask();
    if (wanted(result)) return result;
    await betweenLooks();
  }
}

const ask = (server: RunningServer, value = 1): Promise<{ version: string; score: number }> =>
  server.client.infer("shared", [{ name: "features", datatype: "FP32", shape: [1, 1], data: [value] }]).then(
    ({ version, outputs }) => ({ version, score: Number(outputs["score"]!.data[0]) }),
    (error: { code?: string }) => {
      assert.ok(["MODEL_NOT_FOUND", "VERSION_NOT_READY"].includes(error.code ?? ""), String(error));
      return { version: "none", score: NaN };
    },
  );

const readiness = async (server: RunningServer): Promise<{ status: number; code: string | undefined; retryAfter: string | null }> => {
  const response = await fetch(`${server.url}/ready`);
  const body = (await response.json()) as { error?: { code: string }; code?: string };
  return { status: response.status, code: body.error?.code ?? body.code, retryAfter: response.headers.get("retry-after") };
};

describe("several servers on one Postgres", () => {
  let cluster: PostgresCluster;
  let proxy: SocketProxy;
  let artifacts: string;
  let first: RunningServer;
  let second: RunningServer;
  before(async () => {
    cluster = await PostgresCluster.start();
    proxy = await SocketProxy.start({ port: cluster.port });
    artifacts = await mkdtemp(join(tmpdir(), "slipway-artifacts-"));
    const environment = { SLIPWAY_DATABASE_URL: cluster.url({ port: proxy.port }), SLIPWAY_ARTIFACTS: artifacts };
    // At once: they migrate the same empty database.
    [first, second] = await Promise.all([startServer({ environment }), startServer({ environment })]);
  });
  after(async () => {
    proxy.plan(() => ({ kind: "none" }));
    await Promise.all([first.stop(), second.stop()]);
    await proxy.close();
    await cluster.remove();
    await rm(artifacts, { recursive: true });
  });

  const deploy = async (server: RunningServer, factor: number, activate?: boolean): Promise<string> => {
    const file = await server.file(`factor-${factor}.onnx`, linearModel({ weights: [factor] }));
    return (await server.client.deploy({ file, name: "shared", ...(activate === undefined ? {} : { activate }) })).version.version;
  };

  it("serves on each what was deployed on the other", async () => {
    assert.equal(await deploy(first, 10), "1");
    assert.deepEqual(await until(() => ask(second, 2), ({ version }) => version === "1"), { version: "1", score: 20 });
    assert.equal(await deploy(second, 20), "2");
    assert.deepEqual(await until(() => ask(first, 2), ({ version }) => version === "2"), { version: "2", score: 40 });
  });

  it("follows a change of the alias and of the policy, and loses no request over it", async () => {
    let running = true;
    let sent = 0;
    const caller = (async () => {
      for (; running; sent++) assert.notEqual((await ask(second)).version, "none");
    })();
    await first.client.activate("shared", "1");
    await until(() => ask(second), ({ version }) => version === "1");
    running = false;
    await caller;
    assert.ok(sent > 0);
    const { revision, policy } = await first.client.policy("shared");
    await first.client.changePolicy("shared", { revision, reason: "Test", policy: { ...policy, cache: { ...policy.cache, enabled: true } } });
    const answered = async (): Promise<string[]> => {
      await ask(second, 5);
      return (await second.client.predictions("shared")).map(({ outcome }) => outcome);
    };
    await until(answered, (outcomes) => outcomes.includes("cached"));
  });

  it("gives versions their numbers one by one, whoever registers them", async () => {
    const numbers = await Promise.all(Array.from({ length: 6 }, (_, index) => deploy(index % 2 === 0 ? first : second, 100 + index, false)));
    assert.deepEqual(numbers.map(Number).sort((left, right) => left - right), [3, 4, 5, 6, 7, 8]);
  });

  it("evaluates each version once, whichever server registers it and runs the evaluation", async () => {
    const table = Array.from({ length: 60 }, (_, row) => `${row},${2 * row + (row % 3)}`).join("\n");
    await addDataset(first.client.api, { file: await first.file("doubles.csv", `features,y\n${table}\n`), name: "doubles", target: "y" });
    const measured = async (server: RunningServer, factor: number): Promise<string> => {
      const file = await server.file(`measured-${factor}.onnx`, linearModel({ weights: [factor] }));
      return (await server.client.deploy({ file, name: "measured", activate: false })).version.version;
    };
    await measured(first, 1);
    const evaluation = { dataset: "doubles", output: "score" };
    await first.client.api.send("PUT", "/api/models/measured/policy", { revision: 0, reason: "test", policy: { evaluation } });
    const versions = await Promise.all([2, 3, 4, 5, 6, 7].map((factor) => measured(factor % 2 === 0 ? first : second, factor)));
    const runsOf = async (): Promise<WorkflowRun[]> => (await second.client.api.get<{ runs: WorkflowRun[] }>("/api/workflow-runs?workflow=evaluate")).runs;
    const runs = await until(runsOf, (all) => all.length >= versions.length && all.every(({ state }) => state === "succeeded" || state === "failed"));
    assert.deepEqual(runs.map(({ state, input }) => [state, (input as { version: string }).version]).sort(), versions.map((version) => ["succeeded", version]).sort());
    for (const version of versions) {
      const { evaluations } = await first.client.api.get<{ evaluations: Evaluation[] }>(`/api/models/measured/versions/${version}/evaluations`);
      assert.deepEqual(evaluations.map(({ dataset, comparisons }) => [dataset.rows, comparisons[0]!.rival.kind]), [[60, "mean"]]);
    }
  });

  it("serves loaded models without the database, says that it is not ready, and recovers by itself", async () => {
    assert.deepEqual(await readiness(first), { status: 200, code: undefined, retryAfter: null });
    await cluster.stop("immediate");
    const unready = await until(() => readiness(first), ({ status }) => status === 503);
    assert.deepEqual([unready.code, unready.retryAfter], ["DATABASE_UNAVAILABLE", "1"]);
    for (const server of [first, second]) assert.deepEqual(await ask(server, 3), { version: "1", score: 30 });
    const file = await first.file("late.onnx", linearModel({ weights: [7] }));
    await assert.rejects(first.client.deploy({ file, name: "shared" }), { code: "DATABASE_UNAVAILABLE" });
    const response = await fetch(`${first.url}/api/models`);
    assert.deepEqual([response.status, response.headers.get("retry-after")], [503, "1"]);
    assert.equal((await fetch(`${first.url}/health`)).status, 200);
    await cluster.restart();
    for (const server of [first, second]) await until(() => readiness(server), ({ status }) => status === 200);
    assert.equal(await deploy(first, 7), "9");
    assert.deepEqual(await until(() => ask(second, 2), ({ version }) => version === "9"), { version: "9", score: 14 });
  });

  it("starts again where it was", async () => {
    await second.stop({ keep: true });
    second = await startServer({ directory: second.directory, environment: { SLIPWAY_DATABASE_URL: cluster.url({ port: proxy.port }), SLIPWAY_ARTIFACTS: artifacts } });
    assert.deepEqual(await until(() => ask(second, 2), ({ version }) => version !== "none"), { version: "9", score: 14 });
  });
});
