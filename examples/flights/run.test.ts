import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { json } from "node:stream/consumers";
import { runFlights } from "./run.ts";
import { trainedFiles } from "./train.ts";

interface Call {
  method: string;
  path: string;
  body: Record<string, unknown>;
}

/** Stands in for Slipway: knows the routes that the example uses, and records what it was asked. */
class StandIn {
  calls: Call[] = [];
  /** Digests of the files that versions of the model were made of. */
  deployed: string[] = [];
  /** Evaluation set of the model's policy. */
  evaluatedOn: string | null = null;
  /** Whether the training was logged before. */
  logged = false;
  onInfer: (call: Call) => void = () => undefined;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      void (async () => {
        const path = request.url!;
        const isBlob = path === "/api/blobs";
        const body = isBlob || request.method === "GET" ? {} : ((await json(request)) as Record<string, unknown>);
        if (isBlob) for await (const chunk of request) void chunk;
        const call = { method: request.method!, path, body };
        this.calls.push(call);
        const [status, answer] = this.#answer(call);
        const code = status === 404 ? { "X-Error-Code": "MODEL_NOT_FOUND" } : {};
        response.writeHead(status, { "Content-Type": "application/json", ...code }).end(JSON.stringify(answer));
      })();
    });
  }

  get deployments(): number {
    return this.calls.filter(({ method, path }) => method === "POST" && path === "/api/models/flight-delay/versions").length;
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(call: Call): [number, unknown] {
    const { method, path } = call;
    if (path === "/api/blobs") return [200, { digest: `sha256:${"0".repeat(64)}`, bytes: 1 }];
    if (path === "/api/truth") return [200, { added: 1, corrected: 0, unchanged: 0 }];
    if (path === "/v2/models/flight-delay/infer") {
      this.onInfer(call);
      const rows = (call.body as { inputs: { shape: number[] }[] }).inputs[0]!.shape[0]!;
      const late = { name: "late_probability", datatype: "FP32", shape: [rows, 1], data: Array.from({ length: rows }, () => 0.2) };
      return [200, { model_name: "flight-delay", model_version: "1", parameters: { prediction_id: `prd_${this.calls.length}` }, outputs: [late] }];
    }
    if (path === "/api/models/flight-delay/policy") {
      if (method === "PUT") this.evaluatedOn = (call.body as { policy: { evaluation: { dataset: string } } }).policy.evaluation.dataset;
      return [200, { revision: 3, policy: { serving: { runners: 2 }, evaluation: { dataset: this.evaluatedOn, confidence: 0.9 } } }];
    }
    if (path.endsWith("/evaluations")) return [200, { run: { id: "wfr_2" } }];
    if (path === "/api/models/flight-delay" && this.deployments > 0 && this.deployed.length === 0) return [200, { model: { latestVersion: "1" }, versions: [] }];
    if (path === "/api/workflows/flight-accuracy-report/runs") return [200, { run: { id: "wfr_1", state: "queued" }, created: true }];
    if (path.startsWith("/api/2.0/mlflow/experiments/get-by-name")) return [200, { experiment: { experiment_id: "7" } }];
    if (path === "/api/2.0/mlflow/runs/search") return [200, this.logged ? { runs: [{ info: { run_id: "r1" } }] } : {}];
    if (path === "/api/2.0/mlflow/runs/create") return [200, { run: { info: { run_id: "r1" } } }];
    if (path.startsWith("/api/2.0/mlflow/runs/")) return [200, {}];
    if (method === "POST") return [200, { version: { version: "1" }, created: true, active: true, notes: [] }];
    if (this.deployed.length === 0) return [404, { error: { code: "MODEL_NOT_FOUND", message: "There is no model flight-delay." } }];
    return [200, { model: { latestVersion: "1" }, versions: this.deployed.map((sourceDigest) => ({ version: "1", contract: { runtime: { sourceDigest } } })) }];
  }
}

describe("running the example", () => {
  let directory: string;
  let server: StandIn;
  let url: string;
  let stop: AbortController;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "flights-run-"));
    // Files of a training that has been: what they hold is not looked at here.
    const files = await trainedFiles(directory);
    await mkdir(dirname(files.model), { recursive: true });
    await writeFile(files.model, "model");
    await writeFile(files.reference, "reference");
    await writeFile(files.heldOut, "held out");
    await writeFile(files.evaluation, JSON.stringify({ auc: 0.77, baseline_probability: 0.2155 }));
    await writeFile(files.history, JSON.stringify([[25_000, 0.5], [50_000, 0.45]]));
  });
  after(() => rm(directory, { recursive: true }));

  beforeEach(async () => {
    server = new StandIn();
    stop = new AbortController();
    url = await server.listen();
  });
  afterEach(() => server.close());

  const run = (log: (line: string) => void = () => undefined): Promise<void> => runFlights({ url, dataDirectory: directory, signal: stop.signal, log });
  const deployments = (): Call[] => server.calls.filter(({ method, path }) => method === "POST" && path === "/api/models/flight-delay/versions");

  it("deploys what is trained, with reference data, target and metrics, before the first flight; and ends on the signal", async () => {
    server.onInfer = () => stop.abort();
    await run();
    const [deployment] = deployments();
    assert.equal(deployments().length, 1);
    assert.deepEqual([deployment!.body["target"], deployment!.body["fileName"]], ["late", "flight-delay.onnx"]);
    assert.deepEqual(deployment!.body["reference"], { digest: `sha256:${"0".repeat(64)}`, format: "parquet" });
    assert.deepEqual(deployment!.body["evaluation"], { auc: 0.77, baseline_probability: 0.2155 });
    const infer = server.calls.find(({ path }) => path.endsWith("/infer"))!;
    const inputs = infer.body["inputs"] as { name: string; datatype: string; shape: number[]; data: unknown[] }[];
    assert.deepEqual(inputs.map(({ name, datatype }) => [name, datatype]), [
      ["origin", "BYTES"], ["destination", "BYTES"], ["hour", "INT64"], ["minute", "INT64"], ["day_of_week", "INT64"], ["distance", "FP32"],
    ]);
    // The first held-out day, 1 May 2001, was a Tuesday.
    assert.deepEqual([inputs[4]!.data[0], inputs[0]!.shape], [2, [inputs[0]!.data.length, 1]]);
  });

  it("starts the accuracy report, once however often it is started", async () => {
    server.onInfer = () => stop.abort();
    const lines: string[] = [];
    await run((line) => lines.push(line));
    const started = server.calls.filter(({ path }) => path === "/api/workflows/flight-accuracy-report/runs");
    assert.deepEqual(started.map(({ body }) => body), [{ idempotencyKey: "first report", input: { url } }]);
    assert.ok(lines.some((line) => line.startsWith("workflow run wfr_1 makes an accuracy report")));
  });

  it("names the evaluation set in the policy and evaluates the version on it, once however often it is started", async () => {
    server.onInfer = () => stop.abort();
    await run();
    const asked = server.calls.filter(({ method, path }) => method !== "GET" && (path.startsWith("/api/datasets/") || path.endsWith("/policy") || path.endsWith("/evaluations")));
    assert.deepEqual(asked.map(({ method, path }) => `${method} ${path}`), [
      "POST /api/datasets/flights-may-june-2001/versions", "PUT /api/models/flight-delay/policy", "POST /api/models/flight-delay/versions/1/evaluations",
    ]);
    assert.equal(asked[0]!.body["target"], "late");
    // What else the policy says stays.
    assert.deepEqual([asked[1]!.body["revision"], asked[1]!.body["policy"]], [3, { serving: { runners: 2 }, evaluation: { dataset: "flights-may-june-2001", confidence: 0.9, metric: "log_loss" } }]);
    const before = server.calls.length;
    stop = new AbortController();
    await run();
    assert.ok(!server.calls.slice(before).some(({ method, path }) => method === "PUT" && path.endsWith("/policy")));
  });

  it("logs the training as a run, once however often it is started", async () => {
    server.onInfer = () => stop.abort();
    await run();
    const batch = server.calls.find(({ path }) => path === "/api/2.0/mlflow/runs/log-batch")!.body as { metrics: { key: string; value: number; step: number }[]; params: { key: string; value: string }[] };
    assert.deepEqual(batch.metrics.filter(({ key }) => key === "log_loss_while_learning").map(({ value, step }) => [step, value]), [[25_000, 0.5], [50_000, 0.45]]);
    assert.deepEqual(batch.metrics.find(({ key }) => key === "auc")?.value, 0.77);
    assert.ok(batch.params.some(({ key, value }) => key === "epochs" && value === "2"));
    const creations = (): number => server.calls.filter(({ path }) => path === "/api/2.0/mlflow/runs/create").length;
    assert.equal(creations(), 1);
    server.logged = true;
    stop = new AbortController();
    await run();
    assert.equal(creations(), 1);
  });

  it("leaves the traffic where it is when this very model was deployed before", async () => {
    // SHA-256 of "model".
    server.deployed = [`sha256:${"1".repeat(64)}`, "sha256:9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4"];
    server.onInfer = () => stop.abort();
    await run();
    assert.equal(deployments().length, 0);
    assert.ok(server.calls.some(({ path }) => path.endsWith("/infer")));
  });

  it("waits for a server that is not up yet, until the signal", async () => {
    const gone = url;
    server.close();
    const lines: string[] = [];
    await runFlights({
      url: gone, dataDirectory: directory, signal: stop.signal,
      log: (line) => {
        lines.push(line);
        stop.abort();
      },
    });
    assert.deepEqual(lines, [`No Slipway answers at ${gone}. Waiting for it.`]);
  });
});
