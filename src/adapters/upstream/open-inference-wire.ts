import { isUtf8 } from "node:buffer";
import { counted } from "../../core/counted.ts";
import { AppError } from "../../core/errors.ts";
import { Datatype, elementCount, elementSize, typedArrayOf, type Tensor, type TensorData } from "../../core/tensor.ts";
import type { TensorSpec, UpstreamDocument } from "../../registry/index.ts";
import { parseExactJson, type ExactValue } from "./exact-json.ts";
import { assertShape, flatJson, tensorOfFlat } from "./json-tensors.ts";
import { isSuccess, jsonHeaders, type UpstreamWire, type WireAnswer, type WireMetadata } from "./upstream-wire.ts";

const lengthHeader = "inference-header-content-length";

/** Open Inference Protocol v2 over REST, with tensors as bytes where the server says that it takes them. */
export const openInferenceWire: UpstreamWire = {
  predict(inputs, document, { outputs }) {
    const path = document.path ?? `${modelPath(document)}/infer`;
    if (!document.binary) {
      const tensors = inputs.map((tensor) => `{${headOf(tensor)},"data":${flatJson(tensor, document)}}`);
      return { path, headers: jsonHeaders, body: `{"inputs":[${tensors.join(",")}],"outputs":[${outputs.map(({ name }) => `{"name":${JSON.stringify(name)}}`).join(",")}]}` };
    }
    const blobs = inputs.map(bytesOf);
    const tensors = inputs.map((tensor, index) => `{${headOf(tensor)},"parameters":{"binary_data_size":${blobs[index]!.byteLength}}}`);
    const wanted = outputs.map(({ name }) => `{"name":${JSON.stringify(name)},"parameters":{"binary_data":true}}`);
    const json = Buffer.from(`{"inputs":[${tensors.join(",")}],"outputs":[${wanted.join(",")}]}`);
    return { path, headers: { "content-type": "application/octet-stream", "inference-header-content-length": String(json.length) }, body: Buffer.concat([json, ...blobs]) };
  },

  outputs(answer, _document, shape) {
    const { json, binary } = splitAnswer(answer);
    const listed = fieldOf(json, "outputs");
    if (!Array.isArray(listed)) throw bad("has no list of outputs");
    const found = new Map<string, { value: ExactValue; bytes: Buffer | null }>();
    let at = 0;
    for (const value of listed) {
      const size = fieldOf(fieldOf(value, "parameters"), "binary_data_size");
      let bytes: Buffer | null = null;
      if (typeof size === "number") {
        if (!Number.isSafeInteger(size) || size < 0 || at + size > binary.length) throw bad("announces more bytes than it has");
        bytes = binary.subarray(at, (at += size));
      }
      const name = fieldOf(value, "name");
      if (typeof name === "string") found.set(name, { value, bytes });
    }
    return shape.outputs.map((spec) => {
      const one = found.get(spec.name);
      if (one === undefined) throw bad(`has no output ${JSON.stringify(spec.name)}`);
      return tensorOf(spec, one.value, one.bytes);
    });
  },

  healthPath: (document) => document.healthPath ?? `${modelPath(document)}/ready`,
  isHealthy: isSuccess,

  async metadata(document, ask, askMaybe) {
    const json = parseExactJson((await ask(modelPath(document))).body);
    const server = await askMaybe("/v2");
    const extensions = server === null ? undefined : fieldOf(parseExactJson(server.body), "extensions");
    const binary = Array.isArray(extensions) && extensions.includes("binary_tensor_data");
    const platform = fieldOf(json, "platform");
    return {
      inputs: specsOf(fieldOf(json, "inputs"), "inputs"),
      outputs: specsOf(fieldOf(json, "outputs"), "outputs"),
      binary,
      notes: typeof platform === "string" && platform !== "" ? [`The server upstream says that the model's platform is ${platform.slice(0, 100)}.`] : [],
    } satisfies WireMetadata;
  },
};

function modelPath({ model, version }: Pick<UpstreamDocument, "model" | "version">): string {
  return `/v2/models/${encodeURIComponent(model)}${version === undefined ? "" : `/versions/${encodeURIComponent(version)}`}`;
}

function headOf({ name, datatype, shape }: Tensor): string {
  return `"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[${shape.join(",")}]`;
}

/** Little-endian, as the machines are that run this. */
function bytesOf({ data }: Tensor): Uint8Array {
  if (!Array.isArray(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat(data.flatMap((text) => {
    const bytes = Buffer.from(text);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    return [length, bytes];
  }));
}

function splitAnswer({ headers, body }: WireAnswer): { json: ExactValue; binary: Buffer } {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const header = headers[lengthHeader];
  if (header === undefined) return { json: parseExactJson(bytes), binary: Buffer.alloc(0) };
  const length = Number(header);
  if (!Number.isSafeInteger(length) || length < 0 || length > bytes.length) throw bad("says a wrong length of its JSON");
  return { json: parseExactJson(bytes.subarray(0, length)), binary: bytes.subarray(length) };
}

function tensorOf(spec: TensorSpec, value: ExactValue, bytes: Buffer | null): Tensor {
  const datatype = fieldOf(value, "datatype");
  if (datatype !== spec.datatype) throw bad(`has ${JSON.stringify(spec.name)} as ${String(datatype).slice(0, 20)}, and as ${spec.datatype} in the version's signature`);
  const shape = fieldOf(value, "shape");
  if (!Array.isArray(shape) || !shape.every((dimension): dimension is number => Number.isSafeInteger(dimension) && (dimension as number) >= 0)) throw bad(`has no shape of ${JSON.stringify(spec.name)}`);
  assertShape(spec, shape);
  if (bytes !== null) return { name: spec.name, datatype: spec.datatype, shape, data: dataOf(spec, elementCount(shape), bytes) };
  const data = fieldOf(value, "data");
  if (!Array.isArray(data)) throw bad(`has no data of ${JSON.stringify(spec.name)}`);
  // Flat or nested: both are row-major.
  return tensorOfFlat(spec, shape, flatten(data));
}

function flatten(values: ExactValue[]): ExactValue[] {
  return values.some(Array.isArray) ? values.flatMap((value) => (Array.isArray(value) ? flatten(value) : [value])) : values;
}

function dataOf({ name, datatype }: TensorSpec, count: number, bytes: Buffer): TensorData {
  const wrong = (): AppError => bad(`has bytes of ${JSON.stringify(name)} that are not ${counted(count, "element")} of ${datatype}`);
  if (datatype !== "BYTES") {
    if (bytes.length !== count * elementSize[datatype]) throw wrong();
    if (datatype === "BOOL" && bytes.some((byte) => byte > 1)) throw wrong();
    return new typedArrayOf[datatype](new Uint8Array(bytes).buffer);
  }
  const texts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 4 > bytes.length) throw wrong();
    const end = at + 4 + bytes.readUInt32LE(at);
    if (end > bytes.length || texts.length === count) throw wrong();
    const text = bytes.subarray(at + 4, end);
    if (!isUtf8(text)) throw bad(`has in ${JSON.stringify(name)} bytes that are no text in UTF-8`);
    texts.push(text.toString("utf8"));
    at = end;
  }
  if (texts.length !== count) throw wrong();
  return texts;
}

function specsOf(value: ExactValue | undefined, what: string): TensorSpec[] {
  if (!Array.isArray(value)) return [];
  return value.map((tensor) => {
    const [name, given, shape] = [fieldOf(tensor, "name"), fieldOf(tensor, "datatype"), fieldOf(tensor, "shape")];
    const datatype = Datatype.safeParse(given);
    const dimensions = Array.isArray(shape) ? shape.map(Number) : [NaN];
    if (typeof name !== "string" || name === "" || !datatype.success || !dimensions.every((dimension) => Number.isSafeInteger(dimension) && dimension >= -1)) {
      throw new AppError("MODEL_SOURCE_INVALID", `The metadata of the server upstream has ${what} that cannot be read, such as ${JSON.stringify(String(name).slice(0, 100))} of the type ${JSON.stringify(String(given).slice(0, 30))}; give the signature as a file.`);
    }
    return { name, datatype: datatype.data, shape: dimensions, missingAllowed: false };
  });
}

export function fieldOf(value: ExactValue | undefined, name: string): ExactValue | undefined {
  return value !== null && typeof value === "object" && !Array.isArray(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function bad(what: string): AppError {
  return new AppError("UPSTREAM_BAD_ANSWER", `The answer of the server upstream ${what}.`);
}
