import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import type { AppError } from "../../src/index.ts";
import { program } from "../kit/program.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { UpstreamPeer } from "./upstream-peer.ts";

describe("tables of predictions", () => {
  const environment = { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" };
  let server: RunningServer;
  before(async () => {
    server = await startServer({ environment });
  });
  after(() => server.stop());
  const ask = async (model: string, ids: number[]): Promise<{ status: number; text: string }> => {
    const answer = await fetch(`${server.url}/v1/models/${model}:predict`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ instances: ids.map((customer) => ({ customer })) }) });
    return { status: answer.status, text: await answer.text() };
  };

  it("are deployed, answer, are logged, and stay over a restart", async () => {
    const table = await server.file("scores.csv", `customer,score,label\n${Array.from({ length: 500 }, (_, id) => `${id},${id / 4},${id % 2 === 0 ? "even" : "odd"}`).join("\n")}\n`);
    const words = ["deploy", table, "--name", "scores", "--runtime", "lookup", "--key", "customer", "--json"];
    const { stdout } = await promisify(execFile)(process.execPath, [program, ...words], { env: { ...process.env, SLIPWAY_URL: server.url } });
    const { version, active } = JSON.parse(stdout) as Awaited<ReturnType<typeof server.client.deploy>>;
    assert.deepEqual([active, version.contract.runtime.kind, version.contract.runtime.lookup?.rows], [true, "lookup", 500]);
    assert.deepEqual(JSON.parse((await ask("scores", [3, 498])).text), { predictions: [{ score: 0.75, label: "odd" }, { score: 124.5, label: "even" }] });
    const missing = await ask("scores", [3, 500]);
    assert.equal(missing.status, 404);
    assert.match(missing.text, /no row for 1 of the 2 keys; the first is that of row 1/);
    assert.deepEqual((await server.client.predictions("scores")).map(({ outcome, rows }) => [outcome, rows]), [["LOOKUP_KEY_NOT_FOUND", 2], ["ok", 2]]);
    assert.equal((await server.client.model("scores")).served[0]!.placement, "inline");
    const again = await server.client.deploy({ file: table, name: "scores", lookup: { keys: ["customer"] } });
    assert.equal(again.created, false);
    const withDefault = await server.client.deploy({ file: table, name: "scores", lookup: { keys: ["customer"], default: { score: -1, label: "?" } } });
    assert.equal(withDefault.version.version, "2");
    const { directory } = server;
    await server.stop({ keep: true });
    server = await startServer({ directory, environment });
    while ((await ask("scores", [1])).status === 503) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(JSON.parse((await ask("scores", [1, 9999])).text), { predictions: [{ score: 0.25, label: "odd" }, { score: -1, label: "?" }] });
  });

  it("stand in for an online model that takes more than their keys", async (test) => {
    const peer = new UpstreamPeer(({ method }) => (method === "GET" ? {} : { status: 500 }));
    test.after(() => peer.close());
    const table = await server.file("nightly.csv", "customer,score\n1,0.25\n2,0.5\n");
    await server.client.deploy({ file: table, name: "nightly", lookup: { keys: ["customer"] } });
    const signature = {
      inputs: [{ name: "basket", datatype: "FP64", shape: [-1, 2] }, { name: "customer", datatype: "INT64", shape: [-1] }],
      outputs: [{ name: "score", datatype: "FP64", shape: [-1] }],
    };
    await server.client.deploy({ file: await peer.listen(), name: "online", upstream: { protocol: "json", timeoutMs: 20_000, signature } as never });
    const { revision, policy } = await server.client.policy("online");
    await server.client.changePolicy("online", { revision, reason: "answers of last night are better than none", policy: { ...policy, fallback: { ...policy.fallback, model: "nightly" } } });
    const both = [{ name: "basket", datatype: "FP64", shape: [2, 2], data: [1, 2, 3, 4] }, { name: "customer", datatype: "INT64", shape: [2], data: [2, 1] }];
    // Beside callers who ask the table itself: neither spoils the other's batch.
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? server.client.infer("online", both) : server.client.infer("nightly", both.slice(1)))));
    for (const { outputs } of answers) assert.deepEqual(outputs.score!.data, [0.5, 0.25]);
  });

  it("are refused when they are none", async () => {
    const code = (wanted: string) => (error: AppError): boolean => error.code === wanted;
    const twice = await server.file("twice.csv", "id,v\n1,2\n1,3\n");
    await assert.rejects(server.client.deploy({ file: twice, name: "twice", lookup: { keys: ["id"] } }), code("LOOKUP_TABLE_INVALID"));
    await assert.rejects(server.client.deploy({ file: await server.file("table.txt", "id,v\n1,2\n"), name: "twice", lookup: { keys: ["id"] } }), code("LOOKUP_TABLE_INVALID"));
    await assert.rejects(server.client.deploy({ file: twice, name: "twice", lookup: { keys: [] } }), code("INVALID_REQUEST"));
    await assert.rejects(server.client.model("twice"), code("MODEL_NOT_FOUND"));
  });
});
