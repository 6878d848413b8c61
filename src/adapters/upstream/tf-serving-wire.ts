import { AppError } from "../../core/errors.ts";
import type { Datatype, Tensor } from "../../core/tensor.ts";
import type { TensorSpec, UpstreamDocument } from "../../registry/index.ts";
import { parseExactJson, type ExactValue } from "./exact-json.ts";
import { tensorJson, tensorOfNested } from "./json-tensors.ts";
import { fieldOf } from "./open-inference-wire.ts";
import { rowsJson, tensorsOfRows } from "./row-json.ts";
import { isSuccess, jsonHeaders, type UpstreamWire } from "./upstream-wire.ts";

/** Those that its REST API can say: of DT_HALF and DT_UINT16 it has no JSON in either direction. */
const datatypes: Readonly<Record<string, Datatype>> = {
  DT_BOOL: "BOOL", DT_UINT8: "UINT8", DT_UINT32: "UINT32", DT_UINT64: "UINT64", DT_INT8: "INT8", DT_INT16: "INT16", DT_INT32: "INT32",
  DT_INT64: "INT64", DT_FLOAT: "FP32", DT_DOUBLE: "FP64", DT_STRING: "BYTES",
};

/**
 * TensorFlow Serving's REST API: the columnar format unless the rows are asked for, NaN and the infinities as words, texts of tensors
 * whose names end in `_bytes` in base64. Also the first protocol of KServe, which has no metadata and takes rows.
 */
export const tfServingWire: UpstreamWire = {
  predict(inputs, document) {
    const styleOf = ({ name }: Tensor): { missing: UpstreamDocument["missing"]; base64: boolean } => ({ missing: document.missing, base64: name.endsWith("_bytes") });
    const tensors = document.format === "instances"
      ? `"instances":${rowsJson(inputs, styleOf)}`
      : `"inputs":{${inputs.map((tensor) => `${JSON.stringify(tensor.name)}:${tensorJson(tensor, styleOf(tensor))}`).join(",")}}`;
    return {
      path: document.path ?? `${modelPath(document)}:predict`,
      headers: jsonHeaders,
      body: `{"signature_name":${JSON.stringify(document.signatureName)},${tensors}}`,
    };
  },

  outputs({ body }, document, { outputs }) {
    const json = parseExactJson(body);
    if (document.format === "instances") return tensorsOfRows(outputs, fieldOf(json, "predictions"));
    const found = fieldOf(json, "outputs");
    if (found === undefined) throw new AppError("UPSTREAM_BAD_ANSWER", "The answer of the server upstream has no outputs.");
    // An only output of the model comes without its name.
    return outputs.map((spec) => {
      const named = fieldOf(found, spec.name);
      if (named === undefined && (outputs.length > 1 || (found !== null && typeof found === "object" && !Array.isArray(found)))) {
        throw new AppError("UPSTREAM_BAD_ANSWER", `The answer of the server upstream has no output ${JSON.stringify(spec.name)}.`);
      }
      return tensorOfNested(spec, named ?? found);
    });
  },

  healthPath: (document) => document.healthPath ?? modelPath(document),

  isHealthy(answer, document) {
    if (!isSuccess(answer)) return false;
    if (document.healthPath !== undefined) return true;
    const json = parseExactJson(answer.body);
    // KServe, whose first protocol is this one, says it so.
    if (fieldOf(json, "ready") === true) return true;
    const states = fieldOf(json, "model_version_status");
    return Array.isArray(states) && states.some((status) => fieldOf(status, "state") === "AVAILABLE");
  },

  async metadata(document, ask) {
    const json = parseExactJson((await ask(`${modelPath(document)}/metadata`)).body);
    const signatures = fieldOf(fieldOf(fieldOf(json, "metadata"), "signature_def"), "signature_def");
    const signature = fieldOf(signatures, document.signatureName);
    if (signature === undefined) throw invalid(`has no signature ${JSON.stringify(document.signatureName)}`);
    return { inputs: specsOf(fieldOf(signature, "inputs")), outputs: specsOf(fieldOf(signature, "outputs")), binary: false, notes: [] };
  },
};

function modelPath({ model, version }: Pick<UpstreamDocument, "model" | "version">): string {
  return `/v1/models/${encodeURIComponent(model)}${version === undefined ? "" : `/versions/${encodeURIComponent(version)}`}`;
}

function specsOf(tensors: ExactValue | undefined): TensorSpec[] {
  if (tensors === null || typeof tensors !== "object" || Array.isArray(tensors)) return [];
  return Object.entries(tensors).map(([name, info]): TensorSpec => {
    const shape = fieldOf(info, "tensor_shape");
    const datatype = datatypes[String(fieldOf(info, "dtype"))];
    if (datatype === undefined) throw invalid(`has the tensor ${JSON.stringify(name.slice(0, 100))} of the type ${String(fieldOf(info, "dtype")).slice(0, 30)}, which its JSON cannot carry`);
    if (fieldOf(shape, "unknown_rank") === true) throw invalid(`does not say how many dimensions ${JSON.stringify(name.slice(0, 100))} has`);
    const dimensions = fieldOf(shape, "dim");
    return { name, datatype, shape: Array.isArray(dimensions) ? dimensions.map((dimension) => sizeOf(fieldOf(dimension, "size"))) : [], missingAllowed: false };
  }).sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** Sizes are int64 and so come as texts. */
function sizeOf(size: ExactValue | undefined): number {
  const number = Number(size ?? -1);
  return Number.isSafeInteger(number) && number >= 0 ? number : -1;
}

function invalid(what: string): AppError {
  return new AppError("MODEL_SOURCE_INVALID", `The metadata of the server upstream ${what}; give the signature as a file.`);
}
