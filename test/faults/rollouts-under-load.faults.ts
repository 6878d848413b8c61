import assert from "node:assert/strict";
import { Agent, get, request } from "node:http";
import { after, before, describe, it } from "node:test";
import type { RolloutStatus, SlipwayClient } from "../../src/index.ts";
import { linearModel } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

/** Promotions and rollbacks; SLIPWAY_TEST_ROLLOUTS=500 for a long run. */
const changes = Number(process.env.SLIPWAY_TEST_ROLLOUTS ?? 16);
const callers = 16;
/** Not the server's: while it is away, no caller's connection takes its port. */
const callersAddress = "127.0.0.2";
const model = "swapped";
const body = Buffer.from(JSON.stringify({ inputs: [{ name: "features", shape: [1, 2], datatype: "FP32", data: [1, 2] }] }));

interface Answers {
  ok: number;
  failed: string[];
  /** By version. */
  versions: Map<string, number>;
}

/** Callers that ask one after the other until they are told to stop. After a connection that was refused they wait until the server is ready, as a load balancer does. */
class Load {
  readonly answers: Answers = { ok: 0, failed: [], versions: new Map() };
  readonly #agent = new Agent({ keepAlive: true, maxSockets: callers });
  readonly #port: number;
  #stopping = false;
  readonly #loops: Promise<void>[];

  constructor(port: number) {
    this.#port = port;
    this.#loops = Array.from({ length: callers }, () => this.#loop());
  }

  async stop(): Promise<Answers> {
    this.#stopping = true;
    await Promise.all(this.#loops);
    this.#agent.destroy();
    return this.answers;
  }

  async #loop(): Promise<void> {
    while (!this.#stopping) {
      const failure = await this.#ask();
      if (failure === "refused") await this.#untilReady();
      else if (failure === null) this.answers.ok++;
      else this.answers.failed.push(failure);
    }
  }

  async #untilReady(): Promise<void> {
    while (!this.#stopping && !(await this.#isReady())) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  #isReady(): Promise<boolean> {
    return new Promise((resolve) => {
      const asked = get({ port: this.#port, host: "127.0.0.1", localAddress: callersAddress, path: "/v2/health/ready" }, (response) => resolve(response.resume().statusCode === 200));
      asked.on("error", () => resolve(false));
    });
  }

  #ask(): Promise<string | null> {
    return new Promise((resolve) => {
      const sent = request({ port: this.#port, host: "127.0.0.1", localAddress: callersAddress, path: `/v2/models/${model}/infer`, method: "POST", agent: this.#agent, headers: { "Content-Type": "application/json", "Content-Length": body.length } }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", (error) => resolve(error.message));
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          if (response.statusCode !== 200) return resolve(`${response.statusCode} ${text.slice(0, 200)}`);
          const { model_version: version } = JSON.parse(text) as { model_version: string };
          this.answers.versions.set(version, (this.answers.versions.get(version) ?? 0) + 1);
          resolve(null);
        });
      });
      sent.on("error", (error: NodeJS.ErrnoException) => {
        // A new connection may wait in the kernel when the listener closes, and is reset: nobody took it. That none was taken is seen in the prediction log.
        const isRefused = error.code === "ECONNREFUSED" || (error.code === "ECONNRESET" && !sent.reusedSocket);
        resolve(isRefused ? "refused" : `${error.code} ${error.message}`);
      });
      sent.end(body);
    });
  }
}

/** Half the traffic for the candidate, until somebody says more. */
const plan = { phases: [{ phase: "canary", weight: 0.5, minSeconds: 86_400, gates: [] }, { phase: "full", weight: 1, minSeconds: 86_400, gates: [] }], keepWarmSeconds: 60 };

async function until(client: SlipwayClient, holds: (status: RolloutStatus) => boolean): Promise<RolloutStatus> {
  for (;;) {
    const status = await client.api.get<RolloutStatus>(`/api/models/${model}/rollout`);
    if (holds(status)) return status;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function countPredictions(client: SlipwayClient): Promise<number> {
  let count = 0;
  for (let before = ""; ; ) {
    const { predictions } = await client.api.get<{ predictions: { id: string }[] }>(`/api/models/${model}/predictions?limit=500${before}`);
    count += predictions.length;
    if (predictions.length === 0) return count;
    before = `&before=${predictions.at(-1)!.id}`;
  }
}

describe("rollouts under load", { timeout: 3_600_000 }, () => {
  let server: RunningServer;
  let answered = 0;
  before(async () => {
    server = await startServer();
    for (const bias of [0, 1]) {
      const file = await server.file(`${bias}.onnx`, linearModel({ weights: [1, 2], bias }));
      await server.client.deploy({ file, name: model, activate: bias === 0 });
    }
  });
  after(() => server.stop());

  it(`are promoted and rolled back ${changes} times without a failed request`, async () => {
    const { client } = server;
    const load = new Load(server.httpPort);
    for (let change = 0; change < changes; change++) {
      await client.api.send("POST", `/api/models/${model}/rollouts`, { version: "2", plan });
      await until(client, ({ rollout }) => rollout.state === "running");
      if (change % 2 === 0) {
        await client.api.send("POST", `/api/models/${model}/rollout/promote`, {});
        await until(client, ({ rollout }) => rollout.phase === 1 && rollout.state === "running");
      }
      await client.api.send("POST", `/api/models/${model}/rollback`, { reason: "again" });
      await until(client, ({ rollout }) => rollout.endedAt !== null);
    }
    const { ok, failed, versions } = await load.stop();
    answered += ok;
    assert.deepEqual(failed.slice(0, 5), []);
    assert.ok(ok > changes * callers, `${ok} answers`);
    assert.ok((versions.get("1") ?? 0) > 0 && (versions.get("2") ?? 0) > 0, JSON.stringify([...versions]));
  });

  it("goes on with its phase after SIGTERM and a new start, and no request that was taken is dropped", async () => {
    await server.client.api.send("POST", `/api/models/${model}/rollouts`, { version: "2", plan });
    const before = await until(server.client, ({ rollout }) => rollout.state === "running");
    const load = new Load(server.httpPort);
    const { directory, httpPort } = server;
    while (load.answers.ok < 500) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(await server.stop({ keep: true }), 0);
    server = await startServer({ directory, flags: ["--port", String(httpPort), "--grpc-port", "0"] });
    const atStart = load.answers.ok;
    const after = await until(server.client, ({ rollout, route }) => rollout.state === "running" && route !== null);
    assert.deepEqual([after.rollout.id, after.rollout.phase, after.rollout.phaseSince], [before.rollout.id, before.rollout.phase, before.rollout.phaseSince]);
    load.answers.versions.clear();
    while (load.answers.ok < atStart + 500 || load.answers.versions.size < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    const { ok, failed } = await load.stop();
    assert.deepEqual(failed.slice(0, 5), []);
    // What the server worked on, it answered.
    assert.equal(await countPredictions(server.client), answered + ok);
    await server.client.api.send("POST", `/api/models/${model}/rollout/abort`, { reason: "seen enough" });
  });
});
