import type { RuntimeFacts, TensorSpec } from "./schemas.ts";

/** What a model file says of itself, and what had to be changed to serve it. */
export interface ModelInspection {
  inputs: TensorSpec[];
  outputs: TensorSpec[];
  opsets: Record<string, number>;
  producer: string | undefined;
  notes: string[];
  /** True when the graph has loops, conditions or other operators whose cost depends on the values: never run inline. */
  valueDependentCost: boolean;
  /** The file to serve, where the import had to change it (ZipMap removed); absent when the original is served. */
  rewritten?: Uint8Array;
}

/** What came out when the model was loaded and run in a process of its own. */
export interface ModelProbe {
  /** Outputs with the shapes that were seen; refines what the graph leaves open. */
  outputs: TensorSpec[];
  batchable: boolean;
  notes: string[];
}

/** Reads a model file and tries it, without trusting it. Never loads it in this process. */
export interface ModelInspector {
  readonly kind: RuntimeFacts["kind"];
  /** Throws MODEL_FILE_INVALID, MODEL_OPERATOR_UNSUPPORTED, MODEL_EXTERNAL_DATA. */
  inspect(path: string): Promise<ModelInspection>;
  /** Loads and runs the model on made-up inputs, in a child that is killed when it hangs. Throws MODEL_FILE_INVALID, MODEL_OPERATOR_UNSUPPORTED, MODEL_PROBE_FAILED. */
  probe(path: string, inspection: ModelInspection): Promise<ModelProbe>;
}
