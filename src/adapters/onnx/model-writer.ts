import { AppError } from "../../core/errors.ts";
import { OnnxGraphWriter } from "./graph/graph-writer.ts";
import { entryFields, modelFields, opsetFields } from "./graph/onnx-fields.ts";
import { WireWriter } from "./graph/protobuf-wire.ts";

export { OnnxGraphWriter, type OnnxAttributes } from "./graph/graph-writer.ts";
export type { OnnxDimension } from "./graph/onnx-graph.ts";
export type { OnnxData, OnnxTensor } from "./graph/tensor-writer.ts";
export type { Datatype } from "../../core/tensor.ts";

/** Versions that every runtime of the last years knows. */
const defaultOpsets = new Map([
  ["", 17],
  ["ai.onnx.ml", 3],
]);
const defaultIrVersion = 8;

export interface OnnxModelOptions {
  /** Who made the model, for people who find the file. */
  producer?: string;
  producerVersion?: string;
  /** Versions of operator sets by domain; `ai.onnx` is the default domain, 17 unless given, `ai.onnx.ml` 3. */
  opsets?: Readonly<Record<string, number>>;
  irVersion?: number;
  graphName?: string;
}

/**
 * Writes ONNX models without Python or native code:
 *
 *     const bytes = new OnnxModelWriter({ producer: "my trainer" })
 *       .input("features", "FP32", ["batch", 3])
 *       .initializer("weights", "FP32", [3, 1], new Float32Array([0.5, -1, 2]))
 *       .node("MatMul", ["features", "weights"], ["score"])
 *       .output("score", "FP32", ["batch", 1])
 *       .toBytes();
 *
 * Throws AppError MODEL_FILE_INVALID for what no runtime would load: data that does not fit its shape, values that
 * nothing makes, operators of a domain without a version. Whether operators fit together only the runtime knows.
 */
export class OnnxModelWriter extends OnnxGraphWriter {
  readonly #options: OnnxModelOptions;
  readonly #metadata = new Map<string, string>();

  constructor(options: OnnxModelOptions = {}) {
    super(options.graphName);
    this.#options = options;
  }

  /** Adds an entry to the model's metadata, or replaces it. */
  metadata(key: string, value: string): this {
    this.#metadata.set(key, value);
    return this;
  }

  /** The whole file. May be called again after more was added. */
  toBytes(): Uint8Array {
    this.checkValues(new Set());
    const { producer, producerVersion, irVersion = defaultIrVersion } = this.#options;
    const model = new WireWriter().integer(modelFields.irVersion, irVersion);
    if (producer !== undefined) model.text(modelFields.producerName, producer);
    if (producerVersion !== undefined) model.text(modelFields.producerVersion, producerVersion);
    model.message(modelFields.graph, this.toMessage());
    for (const [domain, version] of this.#opsets()) {
      model.message(modelFields.opsetImport, new WireWriter().text(opsetFields.domain, domain).integer(opsetFields.version, version));
    }
    for (const [key, value] of this.#metadata) {
      model.message(modelFields.metadataProps, new WireWriter().text(entryFields.key, key).text(entryFields.value, value));
    }
    return model.toBytes();
  }

  /** Versions of the domains that are used or were given; the default domain is always among them. */
  #opsets(): Map<string, number> {
    const given = new Map(
      Object.entries(this.#options.opsets ?? {}).map(([domain, version]) => [domain === "ai.onnx" ? "" : domain, version]),
    );
    const opsets = new Map<string, number>();
    for (const domain of new Set(["", ...this.domains(), ...given.keys()])) {
      const version = given.get(domain) ?? defaultOpsets.get(domain);
      if (version === undefined) {
        throw new AppError(
          "MODEL_FILE_INVALID",
          `Operators of ${JSON.stringify(domain)} are used; give the version of this domain in opsets.`,
        );
      }
      opsets.set(domain, version);
    }
    return opsets;
  }
}
