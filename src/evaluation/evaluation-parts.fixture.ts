import { createHash } from "node:crypto";
import { text } from "node:stream/consumers";
import { epochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { Tensor } from "../core/tensor.ts";
import type { CellValue, DatasetVersion, HeldDataset } from "../datasets/index.ts";
import { Policy, type Contract, type ModelVersion, type RegistryChange } from "../registry/index.ts";
import { contractOf, digestOfLetter } from "../registry/registry-addition.fixture.ts";
import type { EvaluationParts } from "./evaluation-workflow.ts";
import type { Evaluation } from "./schemas.ts";

const rows = 2500;
/** Two features and whether their sum is above 1, which a tenth of the rows deny; a few rows lack a feature or the target. */
const flightsTable: Readonly<Record<string, CellValue[]>> = (() => {
  const part = (row: number, step: number): number => ((row * step) % 997) / 997;
  const distance = Array.from({ length: rows }, (_, row): CellValue => (row % 500 === 3 ? null : part(row, 31)));
  const hour = Array.from({ length: rows }, (_, row): CellValue => part(row, 57));
  const late = distance.map((value, row): CellValue => (row % 700 === 9 ? null : Number((value ?? 0) as number + (hour[row] as number) > 1) ^ Number(row % 10 === 0)));
  return { distance, hour, late };
})();

/** Each version's own idea of the probability of being late. */
const ideas: Readonly<Record<string, (distance: number, hour: number) => number>> = {
  1: (distance, hour) => (distance + hour > 1 ? 0.9 : 0.1),
  2: (distance) => (distance > 0.5 ? 0.8 : 0.2),
  3: (distance, hour) => (distance + hour > 1 ? 0.85 : 0.15),
  4: () => NaN,
};

export interface EvaluationSetting {
  parts: EvaluationParts;
  policy: Policy["evaluation"];
  aliases: Record<string, string>;
  changes: RegistryChange[];
  kinds: Record<string, Contract["runtime"]["kind"]>;
  /** Versions in the order in which they were loaded. */
  loaded: string[];
  /** How many rows each batch had. */
  batches: number[];
  written: Evaluation[];
  blobs: Map<string, string>;
  dataset: { held: HeldDataset | null; version: DatasetVersion };
  batchable: boolean;
  /** Of the run. */
  team: string;
}

/** For tests: everything that an evaluation asks for, in memory. The model `flights` has four versions and is of the team `default`. */
export function evaluationSetting(): EvaluationSetting {
  const columns = Object.keys(flightsTable);
  const setting: Omit<EvaluationSetting, "parts"> = {
    policy: { ...Policy.parse({}).evaluation, dataset: "late" }, aliases: {}, changes: [], kinds: {}, loaded: [], batches: [], written: [], blobs: new Map([[digestOfLetter("e"), ""]]), batchable: true, team: "default",
    dataset: {
      held: { name: "late", description: "", team: "default", owner: "local", createdAt: 1, updatedAt: 1, latestVersion: 1 },
      version: {
        dataset: "late", version: 1, digest: digestOfLetter("e"), bytes: 1, format: "parquet", rows, profile: [], target: "late", source: "", createdAt: 1, owner: "local",
        columns: columns.map((name) => ({ name, kind: name === "late" ? "integer" : "float" })),
      },
    },
  };
  const versionOf = (version: string): ModelVersion => {
    if (ideas[version] === undefined) throw new AppError("VERSION_NOT_FOUND", `flights has no version ${version}.`);
    const plain = contractOf("flights", version, null);
    const kind = setting.kinds[version] ?? "onnx";
    const notes = kind === "none" ? ["No model was found there."] : [];
    const contract: Contract = { ...plain, signature: { ...plain.signature, batchable: setting.batchable }, runtime: { ...plain.runtime, kind, notes } };
    return {
      model: "flights", version, createdAt: 1, updatedAt: 1, contractDigest: digestOfLetter("f"), contract, description: "", tags: [], stage: "None", status: "READY", statusMessage: "", source: "", runId: null, runLink: "", loggedModel: null, owner: "local",
    };
  };
  const parts: EvaluationParts = {
    registry: {
      model: async (name) => {
        if (name !== "flights") throw new AppError("MODEL_NOT_FOUND", `There is no model named "${name}".`);
        return { name, createdAt: 1, updatedAt: 1, description: "", tags: [], aliases: setting.aliases, latestVersion: "4", team: "default", owner: "local" };
      },
      version: async (_, version) => versionOf(version),
      policy: async (model) => ({ model, revision: 1, author: "local", changedAt: 1, reason: "", policy: { ...Policy.parse({}), evaluation: setting.policy } }),
      changes: async () => setting.changes,
    },
    datasets: {
      find: async (name) => (name === setting.dataset.held?.name ? setting.dataset.held : null),
      findVersion: async (name, version = 1) => (name === setting.dataset.held?.name && version === 1 ? setting.dataset.version : null),
    },
    tables: { readRows: async (_path, _format, names, { offset, limit }) => names.map((name) => flightsTable[name]!.slice(offset, offset + limit)) },
    blobs: {
      put: async (content) => {
        const written = await text(content);
        const digest = `sha256:${createHash("sha256").update(written).digest("hex")}`;
        setting.blobs.set(digest, written);
        return { digest, bytes: written.length };
      },
      has: async (digest) => setting.blobs.has(digest),
      verifiedPath: async (digest) => {
        if (!setting.blobs.has(digest)) throw new AppError("BLOB_NOT_FOUND", "There is no such file.");
        return digest;
      },
      collect: async () => 0,
    },
    async *linesOf(path) {
      yield* setting.blobs.get(path)!.trimEnd().split("\n");
    },
    predictor: {
      load: async ({ version }) => {
        setting.loaded.push(version);
        return {
          predict: async ([features]) => {
            const { data, shape } = features!;
            setting.batches.push(shape[0]!);
            const answers = Float32Array.from({ length: shape[0]! }, (_, row) => ideas[version]!(data[2 * row] as number, data[2 * row + 1] as number));
            return [{ name: "probability", datatype: "FP32", shape: [shape[0]!, 1], data: answers } satisfies Tensor];
          },
          close: async () => undefined,
        };
      },
    },
    store: {
      add: async (evaluation) => {
        if (!setting.written.some(({ id }) => id === evaluation.id)) setting.written.push(evaluation);
      },
      find: async (id) => setting.written.find((evaluation) => evaluation.id === id) ?? null,
      list: async () => setting.written,
    },
    runOf: async () => ({ team: setting.team, owner: "key:key_1" }),
  };
  return Object.assign(setting, { parts });
}

/** The change by which a version became the champion. */
export function championChange(before: string | null, after: string): RegistryChange {
  const named = (version: string | null): string | null => (version === null ? null : `champion=${version}`);
  return { id: "chg_1", model: "flights", version: after, time: epochMs(1), actor: "local", change: "model.alias.changed", before: named(before), after: named(after), reason: "" };
}
