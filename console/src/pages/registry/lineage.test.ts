import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Model, ModelVersion } from "../../data/types.ts";
import { lineageGraph } from "./lineage.ts";

const model = { name: "churn", aliases: { champion: "2", old: "1" } } as unknown as Model;
const version = (lineage: object, more: object = {}): ModelVersion =>
  ({ version: "2", stage: "None", runId: null, loggedModel: null, contract: { lineage: { datasets: [], ...lineage } }, ...more }) as unknown as ModelVersion;

describe("the lineage of a version", () => {
  it("leads from datasets and code over the run to its names", () => {
    const run = { id: "r1", name: "tree", experiment: "3", params: { depth: "4" }, datasets: [{ name: "customers", digest: "d1", context: "training" }] };
    const graph = lineageGraph(model, version({ run, codeRevision: "abc", parentVersion: "1", loggedModel: "m-1" }, { stage: "Production" }));
    const ids = graph.nodes.map(({ id, column }) => `${column} ${id}`);
    assert.deepEqual(ids, ["0 dataset:customers:d1", "0 code", "1 run", "2 logged", "3 version", "3 parent", "4 alias:champion", "4 stage"]);
    assert.deepEqual(graph.edges.map((edge) => edge.join(" > ")), [
      "dataset:customers:d1 > run", "code > run", "run > logged", "logged > version", "parent > version", "version > alias:champion", "version > stage",
    ]);
    assert.equal(graph.nodes.find(({ id }) => id === "run")!.href, "/experiments/3/runs/r1");
  });

  it("takes from the run what the contract does not say", () => {
    const graph = lineageGraph(model, version({}, { runId: "r9" }), { name: "net", experiment: "5", params: 2, datasets: [{ name: "clicks", digest: "d2" }] });
    assert.deepEqual(graph.nodes.map(({ id, label, href }) => [id, label, href]).slice(0, 2), [["dataset:clicks:d2", "clicks", null], ["run", "net", "/experiments/5/runs/r9"]]);
    assert.equal(lineageGraph(model, version({}, { runId: "0123456789abcdef" })).nodes[0]!.label, "0123456789ab");
  });

  it("is the version alone where nothing else is known, and every edge has both ends", () => {
    const alone = lineageGraph({ ...model, aliases: {} }, version({}));
    assert.deepEqual([alone.nodes.map(({ id }) => id), alone.edges, alone.columns], [["version"], [], 1]);
    const uploaded = lineageGraph(model, version({ datasets: [{ name: "train.parquet", digest: "sha256:ff" }] }));
    const ids = new Set(uploaded.nodes.map(({ id }) => id));
    assert.ok(uploaded.edges.every(([from, to]) => ids.has(from) && ids.has(to)));
  });
});
