import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { addDataset } from "../../src/datasets/index.ts";
import type { Evaluation } from "../../src/evaluation/index.ts";
import { SlipwayClient, type AppError, type WorkflowRun } from "../../src/index.ts";
import { firstAdminKey } from "../kit/first-admin-key.ts";
import { linearModel } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

/** What an attempt is refused with, without the name that it asked for. */
const refusal = (attempt: Promise<unknown>, name: string): Promise<[string, string]> =>
  attempt.then(
    () => assert.fail("was not refused"),
    (error: unknown) => [(error as AppError).code, (error as AppError).message.replaceAll(name, "NAME")],
  );

describe("evaluations of another team", { timeout: 300_000 }, () => {
  let server: RunningServer;
  let theirs: SlipwayClient;
  let ours: SlipwayClient;
  let evaluation: Evaluation;

  async function ended({ api }: SlipwayClient, run: WorkflowRun): Promise<WorkflowRun> {
    for (;;) {
      const { run: now } = await api.get<{ run: WorkflowRun }>(`/api/workflow-runs/${run.id}`);
      if (["succeeded", "failed"].includes(now.state)) return now;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  before(async () => {
    server = await startServer({ flags: ["--access", "keys"], modelsInProcess: true });
    const admin = new SlipwayClient({ url: server.url, apiKey: await firstAdminKey(server) });
    const clientOf = async (team: string): Promise<SlipwayClient> => {
      await admin.api.send("POST", "/api/teams", { name: team });
      const made = await admin.api.send<{ key: string }>("POST", "/api/keys", { name: team, grants: [{ role: "deployer", team }] });
      const client = new SlipwayClient({ url: server.url, apiKey: made.key });
      await client.deploy({ file: await server.file(`${team}.onnx`, linearModel({ weights: [2] })), name: `${team}-model`, team });
      await addDataset(client.api, { file: await server.file(`${team}.csv`, `features,y\n1,2\n2,4.5\n3,5\n`), name: `${team}-data`, target: "y", team });
      await client.api.send("PUT", `/api/models/${team}-model/policy`, { revision: 0, reason: "test", policy: { evaluation: { output: "score" } } });
      return client;
    };
    theirs = await clientOf("theirs");
    ours = await clientOf("ours");
    const { run } = await theirs.api.send<{ run: WorkflowRun }>("POST", "/api/models/theirs-model/versions/1/evaluations", { dataset: "theirs-data" });
    evaluation = (await ended(theirs, run)).output as Evaluation;
  });
  after(() => server?.stop());

  it("are there for the team itself", async () => {
    assert.deepEqual(await theirs.api.get(`/api/evaluations/${evaluation.id}`), evaluation);
    assert.equal(evaluation.dataset.rows, 3);
  });

  it("answer as what is missing does", async () => {
    const nobody = evaluation.id.replace(/.{4}$/, "0000");
    const ask = (id: string) => refusal(ours.api.get(`/api/evaluations/${id}`), id);
    assert.deepEqual(await ask(evaluation.id), await ask(nobody));
    assert.equal((await ask(nobody))[0], "EVALUATION_NOT_FOUND");
  });

  it("cannot be had by naming the dataset of another team, nor told from one that is missing", async () => {
    const ask = (dataset: string) => refusal(ours.api.send("POST", "/api/models/ours-model/versions/1/evaluations", { dataset }), dataset);
    assert.deepEqual(await ask("theirs-data"), await ask("nobody-data"));
    assert.equal((await ask("nobody-data"))[0], "DATASET_NOT_FOUND");
  });

  it("cannot be had by starting the workflow itself, nor told from those of a model or dataset that is missing", async () => {
    const outcome = async (input: Record<string, string>, name: string) => {
      const { run } = await ours.workflows.start("evaluate", input, { team: "ours" });
      const { state, error } = await ended(ours, run);
      return [state, error?.code, error?.message.replaceAll(name, "NAME")];
    };
    const onModel = (model: string) => outcome({ model, version: "1", dataset: "theirs-data" }, model);
    assert.deepEqual(await onModel("theirs-model"), await onModel("absent-model"));
    const onData = (dataset: string) => outcome({ model: "ours-model", version: "1", dataset }, dataset);
    const hidden = await onData("theirs-data");
    assert.deepEqual(hidden, await onData("absent-data"));
    assert.equal(hidden[1], "EVALUATION_IMPOSSIBLE");
  });
});
