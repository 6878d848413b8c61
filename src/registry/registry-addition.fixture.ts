import { jsonDigest } from "../core/canonical-json.ts";
import { epochMs } from "../core/clock.ts";
import type { RegistryStore } from "./registry-store.ts";
import type { Contract } from "./schemas.ts";

const now = epochMs(1_700_000_000_000);

export function digestOfLetter(letter: string): string {
  return `sha256:${letter.repeat(64)}`;
}

/** A request to register a small version of the model. */
export function registryAddition(model: string, kind: Contract["runtime"]["kind"] = "onnx"): Parameters<RegistryStore["addVersion"]>[0] {
  return {
    model,
    team: "default",
    actor: "key:key_1",
    now,
    makeContract: (version, parent) => {
      const plain = contractOf(model, version, parent);
      const contract = { ...plain, runtime: { ...plain.runtime, kind } };
      return { contract, digest: jsonDigest(contract) };
    },
  };
}

export function contractOf(model: string, version: string, parentVersion: string | null): Contract {
  return {
    contractVersion: 1,
    model,
    version,
    signature: {
      inputs: [{ name: "features", datatype: "FP32", shape: [-1, 2], columns: ["distance", "hour"], missingAllowed: false }],
      outputs: [{ name: "probability", datatype: "FP32", shape: [-1, 1], missingAllowed: false }],
      batchable: true,
    },
    referenceProfile: { digest: digestOfLetter("c"), rows: 0, columns: [], ignoredColumns: [], target: "late" },
    evaluation: { auc: 0.71, baseline_auc: 0.5 },
    runtime: {
      kind: "onnx",
      artifacts: [{ path: "model.onnx", digest: digestOfLetter("a"), bytes: 10 }],
      sourceDigest: digestOfLetter("b"),
      opsets: { "ai.onnx": 21 },
      notes: [],
    },
    lineage: { datasets: [{ name: "reference", digest: digestOfLetter("d") }], ...(parentVersion === null ? {} : { parentVersion }) },
  };
}
