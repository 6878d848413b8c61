import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { MlflowWire, type WireOutcome } from "../kit/mlflow-wire.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";
import { registerViolation, type RegisterOperation } from "../kit/register-history.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { seededRandom } from "../kit/seed.ts";

interface Pair {
  key: string;
  value: string;
}

interface Run {
  info: { run_id: string; run_name: string; experiment_id: string; lifecycle_stage: string };
  data: { metrics?: { key: string; value: number; step: number }[]; params?: Pair[]; tags: Pair[] };
}

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const codeOf = (outcome: WireOutcome): string => (outcome.kind === "refused" ? outcome.code : outcome.kind);

describe("tracking of two servers on one Postgres", () => {
  let cluster: PostgresCluster;
  let artifacts: string;
  let servers: RunningServer[];
  let both: readonly [MlflowWire, MlflowWire];
  let experiment: string;
  before(async () => {
    cluster = await PostgresCluster.start();
    artifacts = await mkdtemp(join(tmpdir(), "slipway-artifacts-"));
    const environment = { SLIPWAY_DATABASE_URL: cluster.url(), SLIPWAY_ARTIFACTS: artifacts };
    servers = await Promise.all([startServer({ environment }), startServer({ environment })]);
    both = [new MlflowWire(servers[0]!.url), new MlflowWire(servers[1]!.url)];
    experiment = String((await both[0].post("experiments/create", { name: "shared" }))["experiment_id"]);
  });
  after(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await cluster.remove();
    await rm(artifacts, { recursive: true });
  });

  const createRun = async (on: MlflowWire, name?: string): Promise<string> => ((await on.post("runs/create", { experiment_id: experiment, run_name: name }))["run"] as Run).info.run_id;
  const runOn = async (on: MlflowWire, id: string): Promise<Run> => (await on.get("runs/get", { run_id: id }))["run"] as Run;
  const found = async (on: MlflowWire, filter: string): Promise<string[]> =>
    (((await on.post("runs/search", { experiment_ids: [experiment], filter }))["runs"] ?? []) as Run[]).map(({ info }) => info.run_id);
  /** What `send` does on each at the same time. */
  const atOnce = (send: (on: MlflowWire, index: number) => Promise<WireOutcome>): Promise<WireOutcome[]> => Promise.all(both.map(send));

  it("make one experiment and one registered model of a name, whoever asks at once", async () => {
    for (const round of range(8)) {
      for (const [path, name] of [["experiments/create", `experiment ${round}`], ["registered-models/create", `model-${round}`]] as const) {
        const outcomes = await atOnce((on) => on.send("POST", path, { name }));
        assert.deepEqual(outcomes.map(codeOf).sort(), ["RESOURCE_ALREADY_EXISTS", "done"], `${path} ${name}`);
      }
    }
    for (const on of both) {
      const names = ((await on.post("experiments/search", { max_results: 1000 }))["experiments"] as { name: string }[]).map(({ name }) => name);
      assert.equal(new Set(names).size, names.length);
    }
  });

  it("take the metrics of one run from both, and show the one of the greatest step", async () => {
    const run = await createRun(both[0]);
    const points = range(60).map((index) => ({ key: "loss", value: index, timestamp: 1000 + index, step: (index * 37) % 61 }));
    await Promise.all(points.map((point, index) => both[index % 2]!.post("runs/log-metric", { run_id: run, ...point })));
    await Promise.all(range(10).map((index) => both[index % 2]!.post("runs/log-batch", { run_id: run, metrics: range(20).map((step) => ({ key: "batched", value: index * 100 + step, timestamp: index, step })) })));
    const greatest = points.toSorted((left, right) => right.step - left.step)[0]!;
    for (const on of both) {
      const { metrics } = await on.get("metrics/get-history", { run_id: run, metric_key: "loss" });
      assert.deepEqual((metrics as { value: number }[]).map(({ value }) => value).sort((left, right) => left - right), range(60));
      assert.equal(((await on.get("metrics/get-history", { run_id: run, metric_key: "batched" }))["metrics"] as unknown[]).length, 200);
      const latest = Object.fromEntries((await runOn(on, run)).data.metrics!.map(({ key, value }) => [key, value]));
      assert.deepEqual(latest, { loss: greatest.value, batched: 919 });
    }
  });

  it("keep one value of a param that both log, refuse the other, and take nothing of the batch it came with", async () => {
    const run = await createRun(both[1]);
    for (const round of range(10)) {
      const alone = await atOnce((on, index) => on.send("POST", "runs/log-parameter", { run_id: run, key: `alone ${round}`, value: `of ${index}` }));
      const batches = await atOnce((on, index) => on.send("POST", "runs/log-batch", {
        run_id: run, params: [{ key: `batched ${round}`, value: `of ${index}` }], tags: [{ key: `tag ${round} ${index}`, value: "x" }],
        metrics: [{ key: `metric ${round} ${index}`, value: 1, timestamp: 1, step: 0 }],
      }));
      for (const outcomes of [alone, batches]) assert.deepEqual(outcomes.map(codeOf).sort(), ["INVALID_PARAMETER_VALUE", "done"]);
      for (const on of both) {
        const { data } = await runOn(on, run);
        const winner = (outcomes: WireOutcome[]): string => `of ${outcomes.findIndex(({ kind }) => kind === "done")}`;
        assert.equal(data.params!.find(({ key }) => key === `alone ${round}`)?.value, winner(alone));
        assert.equal(data.params!.find(({ key }) => key === `batched ${round}`)?.value, winner(batches));
        const logged = [...data.tags, ...data.metrics!].map(({ key }) => key).filter((key) => key.startsWith(`tag ${round} `) || key.startsWith(`metric ${round} `)).map((key) => `of ${key.at(-1)}`);
        assert.deepEqual(logged, [winner(batches), winner(batches)]);
      }
    }
  });

  it("agree on the name of a run that both give one", async () => {
    const run = await createRun(both[0], "first");
    for (const round of range(10)) {
      const names = await atOnce((on, index) => (index === 0
        ? on.send("POST", "runs/update", { run_id: run, run_name: `updated ${round}` })
        : on.send("POST", "runs/set-tag", { run_id: run, key: "mlflow.runName", value: `tagged ${round}` })));
      assert.deepEqual(names.map(codeOf), ["done", "done"]);
      const [left, right] = await Promise.all(both.map((on) => runOn(on, run)));
      assert.equal(left!.info.run_name, right!.info.run_name);
      for (const { info, data } of [left!, right!]) assert.equal(data.tags.find(({ key }) => key === "mlflow.runName")?.value, info.run_name);
      assert.ok([`updated ${round}`, `tagged ${round}`].includes(left!.info.run_name));
    }
  });

  it("find by a search on one what the other acknowledged", async () => {
    for (const round of range(12)) {
      const [writer, reader] = round % 2 === 0 ? both : [both[1], both[0]];
      const run = await createRun(writer, `searched ${round}`);
      assert.deepEqual(await found(reader, `attributes.run_name = 'searched ${round}'`), [run]);
      await writer.post("runs/log-parameter", { run_id: run, key: "depth", value: `d${round}` });
      assert.deepEqual(await found(reader, `params.depth = 'd${round}'`), [run]);
      await writer.post("runs/log-metric", { run_id: run, key: "searched", value: round, timestamp: 1, step: 0 });
      assert.deepEqual(await found(reader, `metrics.searched = ${round}`), [run]);
      await reader.post("runs/log-metric", { run_id: run, key: "searched", value: round + 1000, timestamp: 1, step: 1 });
      assert.deepEqual(await found(writer, `metrics.searched = ${round}`), []);
      await writer.post("runs/delete", { run_id: run });
      assert.deepEqual(await found(reader, `params.depth = 'd${round}'`), []);
    }
  });

  it("refuse at once what the other deleted, though they know it from before, and take it again when it is restored", async () => {
    for (const round of range(4)) {
      const [one, other] = round % 2 === 0 ? both : [both[1], both[0]];
      const run = await createRun(one);
      const log = (on: MlflowWire): Promise<WireOutcome> => on.send("POST", "runs/log-metric", { run_id: run, key: "m", value: round, timestamp: 1, step: round });
      for (const on of both) assert.equal(codeOf(await log(on)), "done");
      await one.post("runs/delete", { run_id: run });
      for (const send of [
        log, (on: MlflowWire) => on.send("POST", "runs/log-parameter", { run_id: run, key: "p", value: "v" }), (on: MlflowWire) => on.send("POST", "runs/update", { run_id: run, status: "FINISHED" }),
      ]) assert.equal(codeOf(await send(other)), "INVALID_PARAMETER_VALUE");
      assert.equal((await runOn(other, run)).info.lifecycle_stage, "deleted");
      await other.post("runs/restore", { run_id: run });
      assert.equal(codeOf(await log(one)), "done");

      const { experiment_id: hidden } = await one.post("experiments/create", { name: `hidden ${round}` });
      const { run: within } = await other.post("runs/create", { experiment_id: hidden }) as { run: Run };
      await one.post("experiments/delete", { experiment_id: hidden });
      assert.equal(codeOf(await other.send("POST", "runs/create", { experiment_id: hidden })), "INVALID_PARAMETER_VALUE");
      assert.equal(codeOf(await other.send("POST", "runs/log-metric", { run_id: within.info.run_id, key: "m", value: 1, timestamp: 1, step: 0 })), "INVALID_PARAMETER_VALUE");
      await other.post("experiments/restore", { experiment_id: hidden });
      await one.post("runs/create", { experiment_id: hidden });

      const { model } = await one.post("logged-models", { experiment_id: experiment, name: `logged-${round}` }) as { model: { info: { model_id: string } } };
      const path = `logged-models/${model.info.model_id}`;
      await other.get(path);
      assert.equal(codeOf(await one.send("DELETE", path, {})), "done");
      assert.equal(codeOf(await other.send("PATCH", path, { status: "LOGGED_MODEL_READY" })), "RESOURCE_DOES_NOT_EXIST");

      const name = `removed-${round}`;
      await one.post("registered-models/create", { name });
      await other.get("registered-models/get", { name });
      await one.post("registered-models/rename", { name, new_name: `${name}-renamed` });
      assert.equal(codeOf(await other.send("POST", "model-versions/create", { name, source: "s3://bucket/x" })), "RESOURCE_DOES_NOT_EXIST");
      await other.post("model-versions/create", { name: `${name}-renamed`, source: "s3://bucket/x" });
      assert.equal(codeOf(await one.send("DELETE", "registered-models/delete", { name: `${name}-renamed` })), "done");
      assert.equal(codeOf(await other.send("POST", "registered-models/alias", { name: `${name}-renamed`, alias: "a", version: "1" })), "RESOURCE_DOES_NOT_EXIST");
    }
  });

  it("give versions their numbers one by one, and point an alias where the last of both said", async () => {
    await both[0].post("registered-models/create", { name: "pointed" });
    const versions = await Promise.all(range(16).map((index) => both[index % 2]!.post("model-versions/create", { name: "pointed", source: `s3://bucket/${index}` })));
    const numbers = versions.map(({ model_version: version }) => Number((version as { version: string }).version)).sort((left, right) => left - right);
    assert.deepEqual(numbers, range(16).map((index) => index + 1));

    // Each version is pointed at once, by one of them, while both look where the alias is.
    const operations: RegisterOperation[] = [];
    let moment = 0;
    const timed = async (operation: Pick<RegisterOperation, "kind" | "register">, work: () => Promise<number | null>): Promise<void> => {
      const start = ++moment;
      operations.push({ ...operation, value: await work(), start, end: ++moment });
    };
    const write = (on: MlflowWire, version: number) => timed({ kind: "write", register: "alias" }, async () => {
      await on.post("registered-models/alias", { name: "pointed", alias: "chosen", version: String(version) });
      return version;
    });
    const read = (on: MlflowWire) => timed({ kind: "read", register: "alias" }, async () => {
      const { registered_model: model } = await on.get("registered-models/get", { name: "pointed" });
      const chosen = ((model as { aliases?: { alias: string; version: string }[] }).aliases ?? []).find(({ alias }) => alias === "chosen");
      return chosen === undefined ? null : Number(chosen.version);
    });
    const client = async (on: MlflowWire, own: readonly number[]): Promise<void> => {
      const random = seededRandom(`aliases ${own[0]}`);
      for (const version of own) {
        await write(on, version);
        for (let reads = random.integer(0, 3); reads > 0; reads--) await read(on);
      }
    };
    await Promise.all(range(4).map((index) => client(both[index % 2]!, numbers.filter((number) => number % 4 === index))));
    for (const on of both) await read(on);
    assert.equal(registerViolation(operations), null);
  });

  it("serve each other's artifacts, and none that was removed", async () => {
    const run = await createRun(both[0]);
    for (const round of range(4)) {
      const [one, other] = round % 2 === 0 ? both : [both[1], both[0]];
      const path = `${experiment}/${run}/artifacts/folder/file`;
      const contents = range(2).map((index) => new Uint8Array(30_000 + index * 70_000).fill(round * 2 + index));
      assert.equal(codeOf(await one.put(path, contents[0]!)), "done");
      assert.deepEqual(await other.file(path), contents[0]);
      assert.deepEqual((await atOnce((on, index) => on.put(path, contents[index]!))).map(codeOf), ["done", "done"]);
      const [left, right] = await Promise.all(both.map((on) => on.file(path)));
      assert.deepEqual(left, right);
      assert.ok(contents.some((content) => Buffer.from(content).equals(left!)), "whole, and one of the two");
      await fetch(`${servers[both.indexOf(other)]!.url}/api/2.0/mlflow-artifacts/artifacts/${path}`, { method: "DELETE" });
      assert.equal(await one.file(path), null);
    }
  });
});
