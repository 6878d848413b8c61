import { nameOrder } from "../../../../src/core/name-order.ts";
import type { Model, ModelVersion } from "../../data/types.ts";

export interface LineageNode {
  id: string;
  kind: "dataset" | "run" | "code" | "logged model" | "version" | "parent version" | "alias" | "stage";
  label: string;
  note: string;
  /** An address of this console; null for what has no page. */
  href: string | null;
  column: number;
  row: number;
}

export interface LineageGraph {
  nodes: LineageNode[];
  /** Ids of nodes: the first became part of the second. */
  edges: [from: string, to: string][];
  columns: number;
  rows: number;
}

/** What is known of the run beside the contract: of versions whose contract was written without it. */
export interface LineageRun {
  name: string;
  experiment: string;
  params: number;
  datasets: readonly { name: string; digest: string; context?: string | undefined }[];
}

/** What a version is made of, from left to right: datasets and code, the run, the logged model, the version with the one before it, its names. Empty columns are left out. */
export function lineageGraph(model: Model, version: ModelVersion, known: LineageRun | null = null): LineageGraph {
  const { lineage } = version.contract;
  const layers: Omit<LineageNode, "column" | "row">[][] = [[], [], [], [], []];
  const edges: [string, string][] = [];
  const self = "version";
  const runId = lineage.run?.id ?? version.runId;
  const logged = lineage.loggedModel ?? version.loggedModel;
  const maker = runId === null || runId === undefined ? (logged ? "logged" : self) : "run";

  const run: LineageRun | null = lineage.run === undefined ? known : { ...lineage.run, params: Object.keys(lineage.run.params).length };

  const named: LineageRun["datasets"] = [...(run?.datasets ?? []), ...lineage.datasets];
  const datasets = new Map(named.map((dataset) => [`${dataset.name}:${dataset.digest}`, dataset]));
  for (const [key, { name, digest, context }] of datasets) {
    layers[0]!.push({ id: `dataset:${key}`, kind: "dataset", label: name, note: context ?? digest.replace(/^sha256:/, "").slice(0, 12), href: null });
    edges.push([`dataset:${key}`, maker]);
  }
  if (lineage.codeRevision !== undefined) {
    layers[0]!.push({ id: "code", kind: "code", label: lineage.codeRevision.slice(0, 12), note: "", href: null });
    edges.push(["code", maker]);
  }
  if (maker === "run") {
    layers[1]!.push({ id: "run", kind: "run", label: run?.name || runId!.slice(0, 12), note: run === null ? "" : `${run.params} params`, href: run === null ? null : `/experiments/${run.experiment}/runs/${runId}` });
    edges.push(["run", logged ? "logged" : self]);
  }
  if (logged) {
    layers[2]!.push({ id: "logged", kind: "logged model", label: logged.slice(0, 14), note: "", href: null });
    edges.push(["logged", self]);
  }
  const page = `/models/${encodeURIComponent(model.name)}`;
  layers[3]!.push({ id: self, kind: "version", label: `v${version.version}`, note: model.name, href: `${page}/contract?version=${version.version}` });
  if (lineage.parentVersion !== undefined) {
    layers[3]!.push({ id: "parent", kind: "parent version", label: `v${lineage.parentVersion}`, note: "", href: `${page}/registry?version=${lineage.parentVersion}` });
    edges.push(["parent", self]);
  }
  for (const [alias, target] of Object.entries(model.aliases).sort(([a], [b]) => nameOrder(a, b))) {
    if (target !== version.version) continue;
    layers[4]!.push({ id: `alias:${alias}`, kind: "alias", label: alias, note: "", href: null });
    edges.push([self, `alias:${alias}`]);
  }
  if (version.stage !== "None") {
    layers[4]!.push({ id: "stage", kind: "stage", label: version.stage, note: "", href: null });
    edges.push([self, "stage"]);
  }
  const filled = layers.filter((layer) => layer.length > 0);
  return { nodes: filled.flatMap((layer, column) => layer.map((node, row) => ({ ...node, column, row }))), edges, columns: filled.length, rows: Math.max(...filled.map((layer) => layer.length)) };
}
