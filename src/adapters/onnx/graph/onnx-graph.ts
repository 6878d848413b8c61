/** A known size, a symbolic name, or -1 for a size that the file leaves open (negative sizes count as open). */
export type OnnxDimension = number | string;

export type OnnxType =
  /** `shape` is undefined when even the number of dimensions is open; a scalar has `[]`. */
  | { kind: "tensor"; elementType: number; shape: OnnxDimension[] | undefined }
  | { kind: "sequence" | "map" | "optional" | "sparse tensor" | "opaque value" | "value without a type" };

export interface OnnxValue {
  name: string;
  type: OnnxType;
}

/** What is known of a constant without reading its data. */
export interface OnnxInitializer {
  name: string;
  elementType: number;
  dimensions: number[];
  /** True when its data lies in another file. */
  external: boolean;
}

export interface OnnxNode {
  name: string;
  opType: string;
  /** Empty for the default domain, which is also written `ai.onnx`. */
  domain: string;
  inputs: string[];
  outputs: string[];
  /** Bodies of loops, branches of conditions. */
  subgraphs: OnnxGraph[];
  /** The element type that an attribute gives away: the `to` of a Cast, the `value` of a Constant. */
  elementType: number | undefined;
  /** The node's message within the file: first byte, and the byte after its last. */
  start: number;
  end: number;
}

export interface OnnxGraph {
  /** What a caller gives: the declared inputs that no initializer fills. */
  inputs: OnnxValue[];
  outputs: OnnxValue[];
  /** Types that the exporter noted for values within the graph, by name. */
  valueTypes: Map<string, OnnxType>;
  initializers: OnnxInitializer[];
  nodes: OnnxNode[];
}

/** An operator that the file defines by itself. */
export interface OnnxFunction {
  domain: string;
  name: string;
  nodes: OnnxNode[];
}

/** Facts of an ONNX file. Nothing of the weights is in here. */
export interface OnnxModel {
  irVersion: number | undefined;
  /** Highest version by domain; the default domain is `ai.onnx`. */
  opsets: Map<string, number>;
  producerName: string;
  producerVersion: string;
  graph: OnnxGraph;
  functions: OnnxFunction[];
  /** Entries whose value has at most 64 KiB. */
  metadata: Map<string, string>;
  /** Names of tensors, anywhere in the file, whose data lies in other files; the first 20. */
  externalTensors: string[];
}
