import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { addDataset } from "../../src/datasets/index.ts";
import type { Evaluation } from "../../src/evaluation/index.ts";
import type { RecordedEvent } from "../../src/events/index.ts";
import type { Policy } from "../../src/registry/index.ts";
import type { WorkflowRun, WorkflowStep } from "../../src/workflows/index.ts";
import { zipMapClassifier } from "../kit/onnx-models.ts";
import { program } from "../kit/program.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

interface Answer {
  evaluations: Evaluation[];
  run: WorkflowRun | null;
}

async function until<Value>(look: () => Promise<Value | undefined | null | false>): Promise<Value> {
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Two coordinates, and whether the first is the greater; every eighth row says the opposite. */
function table(rows: number): string {
  const lines = Array.from({ length: rows }, (_, row) => {
    const [a, b] = [(row * 37) % 101, (row * 53) % 97];
    return `${a},${b},${(a > b) !== (row % 8 === 0) ? "over" : "under"}`;
  });
  return `a,b,side\n${lines.join("\n")}\n`;
}

const classifier = (weights: [number, number]): Uint8Array =>
  zipMapClassifier({ coefficients: [weights, [-weights[0], -weights[1]]], labels: { texts: ["over", "under"] } });

describe("evaluations of a server", { timeout: 300_000 }, () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer({ modelsInProcess: true });
    await addDataset(server.client.api, { file: await server.file("sides.csv", table(1200)), name: "sides", target: "side" });
  });
  after(() => server?.stop());

  const path = (version: string, model = "sides"): string => `/api/models/${model}/versions/${version}/evaluations`;
  const deploy = async (weights: [number, number], name = "sides"): Promise<string> => {
    const file = await server.file(`${name}-${weights.join("_")}.onnx`, classifier(weights));
    return (await server.client.deploy({ file, name })).version.version;
  };
  const setPolicy = async (evaluation: Partial<Policy["evaluation"]>, model = "sides"): Promise<void> => {
    const { revision } = await server.client.api.get<{ revision: number }>(`/api/models/${model}/policy`);
    await server.client.api.send("PUT", `/api/models/${model}/policy`, { revision, reason: "test", policy: { evaluation } });
  };
  const ended = (version: string, model?: string): Promise<Answer> =>
    until(async () => {
      const answer = await server.client.api.get<Answer>(path(version, model));
      return answer.run !== null && ["succeeded", "failed"].includes(answer.run.state) && answer;
    });
  const slipway = async (...words: string[]): Promise<string> => {
    const child = spawn(process.execPath, [program, "--url", server.url, ...words], { stdio: ["ignore", "pipe", "pipe"] });
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close") as Promise<[number | null]>]);
    assert.equal(code, 0, stderr);
    return stdout;
  };

  it("are made of each new version of a model whose policy names a dataset, with the champion that it replaces", async () => {
    assert.equal(await deploy([0.2, -0.2]), "1");
    await setPolicy({ dataset: "sides" });
    await deploy([0.2, 0.01]);
    const { evaluations, run } = await ended("2");
    assert.equal(run!.state, "succeeded", JSON.stringify(run!.error));
    assert.deepEqual([evaluations.length, run!.owner, run!.team], [1, "local", "default"]);
    const [evaluation] = evaluations;
    assert.deepEqual([evaluation!.task, evaluation!.metric, evaluation!.dataset.rows, evaluation!.notes], ["classification", "accuracy", 1200, []]);
    assert.deepEqual(evaluation!.comparisons.map(({ role, rival, verdict }) => [role, rival, verdict]).slice(1), [["champion", { kind: "version", version: "1" }, "worse"]]);
    assert.ok(Math.abs(evaluation!.comparisons[1]!.metrics.accuracy! - 0.875) < 0.02);
    assert.deepEqual(Object.keys(evaluation!.metrics), ["accuracy", "log_loss", "auc"]);
    assert.deepEqual(await server.client.api.get(`/api/evaluations/${evaluation!.id}`), evaluation);
    const { events } = await server.client.api.get<{ events: RecordedEvent[] }>("/api/events?type=model.version.evaluated");
    assert.deepEqual(events.map(({ object, payload }) => [object, payload]), [
      ["model:sides", { model: "sides", version: "2", evaluation: evaluation!.id, dataset: "sides", verdicts: evaluation!.comparisons.map(({ role, verdict }) => ({ role, verdict })) }],
    ]);
    // Version 1 was there before the policy.
    assert.deepEqual(await server.client.api.get(path("1")), { evaluations: [], run: null });
  });

  it("are started and shown by the command line", async () => {
    const shown = JSON.parse(await slipway("evaluate", "sides", "1", "--dataset", "sides@1", "--baseline", "2", "--wait", "--json", "--quiet")) as { evaluation: Evaluation };
    assert.deepEqual(shown.evaluation.comparisons.map(({ role, rival, verdict }) => [role, rival, verdict]), [
      ["baseline", { kind: "version", version: "2" }, "better"], ["champion", { kind: "version", version: "2" }, "better"],
    ]);
    assert.match(await slipway("evaluate", "sides", "1", "--list"), /sides version 1 on sides version 1, 1200 rows, by accuracy[\s\S]*baseline +2 [\s\S]*better/);
  });

  it("that are impossible say why, where the version is looked at", async () => {
    await deploy([0.3, -0.3], "lost");
    await setPolicy({ dataset: "nowhere" }, "lost");
    await deploy([0.31, -0.3], "lost");
    const { evaluations, run } = await ended("2", "lost");
    assert.deepEqual([evaluations, run!.state, run!.error!.code], [[], "failed", "EVALUATION_IMPOSSIBLE"]);
    assert.match(run!.error!.message, /no dataset "nowhere"/);
    await assert.rejects(server.client.api.send("POST", path("2", "lost"), { dataset: "nowhere" }), { code: "DATASET_NOT_FOUND" });
    await assert.rejects(server.client.api.send("POST", path("9", "lost"), {}), { code: "VERSION_NOT_FOUND" });
  });

  it("go on after the server was killed while models ran, and are written once", async () => {
    await addDataset(server.client.api, { file: await server.file("many.csv", table(60_000)), name: "many", target: "side" });
    await setPolicy({ dataset: "many" });
    const version = await deploy([0.4, -0.41]);
    const run = await until(async () => {
      const { run } = await server.client.api.get<Answer>(path(version));
      if (run === null) return null;
      const { steps } = await server.client.api.get<{ steps: WorkflowStep[] }>(`/api/workflow-runs/${run.id}`);
      return steps.some(({ step, state }) => step === "predict version" && state === "succeeded") && { ...run, steps };
    });
    await server.kill();
    server = await startServer({ directory: server.directory, modelsInProcess: true });
    const { evaluations } = await until(async () => {
      const answer = await server.client.api.get<Answer>(path(version));
      return answer.run?.state === "succeeded" && answer;
    });
    assert.equal(server.logLines.filter((line) => line.includes("workflows.left_by_killed_server")).length, 1, "no lease of the dead is waited for");
    assert.deepEqual(evaluations.map(({ workflowRun, dataset }) => [workflowRun, dataset.rows]), [[run.id, 60_000]]);
    const { steps } = await server.client.api.get<{ steps: WorkflowStep[] }>(`/api/workflow-runs/${run.id}`);
    const predicted = (all: WorkflowStep[]) => all.find(({ step }) => step === "predict version");
    assert.deepEqual(predicted(steps), predicted(run.steps));
    const { events } = await server.client.api.get<{ events: RecordedEvent[] }>("/api/events?type=model.version.evaluated");
    assert.equal(events.filter(({ payload }) => payload.version === version && payload.model === "sides").length, 1);
  });
});
