import { counted } from "../../../core/counted.ts";
import { AppError } from "../../../core/errors.ts";
import { elementCount, typedArrayOf, type Datatype, type NumericData } from "../../../core/tensor.ts";
import { elementTypeOf } from "./element-types.ts";
import { tensorFields } from "./onnx-fields.ts";
import { WireWriter } from "./protobuf-wire.ts";

/**
 * Elements in row-major order: the typed array of the datatype (BOOL: Uint8Array of 0 and 1, FP16: Uint16Array of bit
 * patterns), strings for BYTES, or plain numbers, bigints or booleans, which are converted.
 */
export type OnnxData = NumericData | readonly number[] | readonly bigint[] | readonly boolean[] | readonly string[];

/** A constant within a node's attributes. */
export interface OnnxTensor {
  datatype: Datatype;
  shape: readonly number[];
  data: OnnxData;
}

/** A TensorProto. Large typed arrays are kept by reference. Throws MODEL_FILE_INVALID when data and shape or datatype disagree. */
export function writeTensor(name: string, { datatype, shape, data }: OnnxTensor): WireWriter {
  const invalid = (what: string): AppError => new AppError("MODEL_FILE_INVALID", `The tensor ${JSON.stringify(name)} ${what}.`);
  if (!shape.every((dimension) => Number.isSafeInteger(dimension) && dimension >= 0)) throw invalid("must have a shape of whole numbers");
  if (data.length !== elementCount(shape)) {
    throw invalid(`has ${counted(data.length, "element")}, but its shape [${shape.join(", ")}] asks for ${elementCount(shape)}`);
  }
  const tensor = new WireWriter();
  for (const dimension of shape) tensor.integer(tensorFields.dims, dimension);
  tensor.integer(tensorFields.dataType, elementTypeOf[datatype]);
  if (name !== "") tensor.text(tensorFields.name, name);
  if (datatype === "BYTES") {
    for (const element of data) {
      if (typeof element !== "string") throw invalid("is of BYTES and must have texts for its elements");
      tensor.text(tensorFields.stringData, element);
    }
    return tensor;
  }
  const typed = ArrayBuffer.isView(data) ? data : convert(datatype, data);
  if (!(typed instanceof typedArrayOf[datatype])) {
    throw invalid(`is of ${datatype} and its data must come as ${typedArrayOf[datatype].name}`);
  }
  return tensor.bytes(tensorFields.rawData, new Uint8Array(typed.buffer, typed.byteOffset, typed.byteLength));
}

/** Undefined when plain values cannot become this datatype. */
function convert(datatype: Exclude<Datatype, "BYTES">, data: readonly (number | bigint | boolean | string)[]): NumericData | undefined {
  if (datatype === "FP16" || data.some((element) => typeof element === "string")) return undefined;
  if (datatype === "INT64") return BigInt64Array.from(data, (element) => BigInt(element));
  if (datatype === "UINT64") return BigUint64Array.from(data, (element) => BigInt(element));
  return new typedArrayOf[datatype](data.map(Number));
}
