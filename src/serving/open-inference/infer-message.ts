import { counted } from "../../core/counted.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Signature } from "../../registry/index.ts";
import { decodeBinaryData, encodeBinaryData } from "./binary-tensor-data.ts";
import { noParameters, refuseUnsupported, routingKey, setParameter, timeoutMs, type InferRequest, type KnownParameters, type RequestedOutput } from "./infer-request.ts";
import type { InferenceResult } from "./inference-service.ts";
import { ProblemList } from "./problem-list.ts";
import { ProtobufReader, varintType, fixed64Type, bytesType } from "./protobuf-reader.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";
import { RequestAdmission } from "./request-admission.ts";
import { fitsContents, readContents, writeContents, type ContentsRange } from "./tensor-contents.ts";
import { assertWithin } from "./wire-limits.ts";
import { selectOutputs } from "./write-infer-response.ts";

interface WireInput {
  name: string;
  datatype: string;
  shape: number[];
  parameters: KnownParameters;
  contents: ContentsRange[];
}

/** A ModelInferRequest whose tensors still are bytes: reading them takes the model's signature. */
export interface InferMessage {
  bytes: Buffer;
  model: string;
  version: string;
  id: string;
  parameters: KnownParameters;
  inputs: WireInput[];
  outputs: { name: string; parameters: KnownParameters }[];
  /** Views, in the order of the inputs. */
  rawContents: Buffer[];
}

const textTag = (field: number): number => (field << 3) | bytesType;

/** Reads the frame of a ModelInferRequest. Throws INVALID_REQUEST for what is not one. */
export function decodeInferMessage(bytes: Buffer): InferMessage {
  const reader = new ProtobufReader(bytes);
  const message: InferMessage = { bytes, model: "", version: "", id: "", parameters: noParameters, inputs: [], outputs: [], rawContents: [] };
  while (reader.more) {
    const tag = reader.tag();
    if (tag === textTag(1)) message.model = reader.text();
    else if (tag === textTag(2)) message.version = reader.text();
    else if (tag === textTag(3)) message.id = reader.text();
    else if (tag === textTag(4)) message.parameters = readParameter(reader, message.parameters);
    else if (tag === textTag(5)) assertWithin("tensors", message.inputs.push(readInput(reader)), "inputs");
    else if (tag === textTag(6)) assertWithin("tensors", message.outputs.push(readOutput(reader)), "outputs");
    else if (tag === textTag(7)) assertWithin("tensors", message.rawContents.push(reader.view()), "raw contents");
    else reader.skip(tag);
  }
  return message;
}

/**
 * Reads the tensors of a message and checks them against the signature, as `parseInferRequest` does for REST. Raw
 * contents stay views of the message where they are aligned. Throws INVALID_INPUT with every problem, NOT_SUPPORTED.
 */
export function readInferMessage(message: InferMessage, signature: Signature | undefined): InferRequest {
  const problems = new ProblemList();
  const admission = new RequestAdmission(signature, problems);
  const raw = message.rawContents.length > 0;
  if (raw && message.rawContents.length !== message.inputs.length) {
    problems.add("raw_input_contents", `has ${counted(message.rawContents.length, "element")} for ${counted(message.inputs.length, "input")}; raw contents carry all of them or none`);
  }
  message.inputs.forEach((input, index) => {
    const path = (): string => `inputs[${index}]`;
    refuseUnsupported(input.parameters, path);
    const admitted = admission.admit(input.name, input.datatype, input.shape, path);
    if (raw && input.contents.length > 0) problems.add(`${path()}.contents`, "stand beside raw_input_contents; send one of them");
    if (admitted === null || (raw && index >= message.rawContents.length)) return;
    const { datatype, count, rule } = admitted;
    const data = raw
      ? decodeBinaryData(datatype, input.shape, count, message.rawContents[index]!, problems, path)
      : readContents(message.bytes, input.contents, datatype, count, problems, path);
    if (data === null) return;
    admission.keep({ name: input.name, datatype, shape: input.shape, data }, rule, (element) => `${path()}.${raw ? "data" : "contents"}[${element}]`);
  });
  const outputs: RequestedOutput[] = message.outputs.map(({ name, parameters }, index) => {
    refuseUnsupported(parameters, () => `outputs[${index}]`);
    return { name, binary: undefined };
  });
  const id = message.id === "" ? undefined : message.id;
  admission.checkId(id);
  admission.checkOutputs(outputs);
  const inputs = admission.finish();
  // Contents are answered with contents: who reads them may not know the raw form.
  return { id, timeoutMs: timeoutMs(message.parameters), routingKey: routingKey(message.parameters), inputs, outputs: outputs.length === 0 ? undefined : outputs, binaryOutputDefault: raw || inputs.length === 0 };
}

/** A ModelInferResponse, raw or in contents as the request was; raw where a datatype has no contents. */
export function encodeInferResponse(result: InferenceResult, request: Pick<InferRequest, "id" | "outputs" | "binaryOutputDefault">): Buffer {
  const outputs = selectOutputs(result.outputs, request.outputs);
  const raw = request.binaryOutputDefault || !outputs.every(fitsContents);
  const blobs = raw ? outputs.map(encodeBinaryData) : [];
  let size = 160 + outputs.length * 128;
  for (const blob of blobs) size += blob.byteLength + 10;
  const writer = new ProtobufWriter(size);
  writeInferResponse(writer, result, request.id ?? "", outputs, blobs, undefined);
  return writer.finish();
}

/** A ModelStreamInferResponse that carries a response. */
export function encodeStreamResponse(result: InferenceResult, request: Pick<InferRequest, "id" | "outputs" | "binaryOutputDefault">): Buffer {
  const outputs = selectOutputs(result.outputs, request.outputs);
  const raw = request.binaryOutputDefault || !outputs.every(fitsContents);
  const writer = new ProtobufWriter(512);
  const start = writer.open(2);
  writeInferResponse(writer, result, request.id ?? "", outputs, raw ? outputs.map(encodeBinaryData) : [], true);
  writer.close(start);
  return writer.finish();
}

/** A ModelStreamInferResponse that tells of a failure; the id lets the caller find its request. */
export function encodeStreamFailure(message: string, id: string): Buffer {
  const writer = new ProtobufWriter(256);
  writer.text(1, message);
  const start = writer.open(2);
  writer.text(3, id);
  writer.close(start);
  return writer.finish();
}

function writeInferResponse(
  writer: ProtobufWriter, result: InferenceResult, id: string, outputs: readonly Tensor[], blobs: readonly Uint8Array[], final: true | undefined,
): void {
  writer.text(1, result.model);
  writer.text(2, result.version);
  writer.text(3, id);
  const parameter = writer.open(4);
  writer.text(1, "prediction_id");
  const value = writer.open(2);
  writer.text(3, result.predictionId);
  writer.close(value);
  writer.close(parameter);
  if (result.arm !== undefined) {
    const choice = writer.open(4);
    writer.text(1, "arm");
    const text = writer.open(2);
    writer.text(3, result.arm);
    writer.close(text);
    writer.close(choice);
  }
  if (final) {
    // Triton's mark on every message of a stream: no other answer follows for this request.
    const mark = writer.open(4);
    writer.text(1, "triton_final_response");
    const choice = writer.open(2);
    writer.varint((1 << 3) | varintType);
    writer.varint(1);
    writer.close(choice);
    writer.close(mark);
  }
  for (const output of outputs) {
    const start = writer.open(5);
    writer.text(1, output.name);
    writer.text(2, output.datatype);
    if (output.shape.length > 0) {
      const shape = writer.open(3);
      for (const dimension of output.shape) writer.varint(dimension);
      writer.close(shape);
    }
    if (blobs.length === 0) {
      const contents = writer.open(5);
      writeContents(writer, output);
      writer.close(contents);
    }
    writer.close(start);
  }
  for (const blob of blobs) writer.bytes(6, blob);
}

function readInput(outer: ProtobufReader): WireInput {
  const end = outer.delimitedEnd();
  const reader = new ProtobufReader(outer.bytes, outer.position, end);
  const input: WireInput = { name: "", datatype: "", shape: [], parameters: noParameters, contents: [] };
  while (reader.more) {
    const tag = reader.tag();
    if (tag === textTag(1)) input.name = reader.text();
    else if (tag === textTag(2)) input.datatype = reader.text();
    else if (tag === textTag(3)) readPackedShape(reader, input.shape);
    else if (tag === ((3 << 3) | varintType)) addDimension(input.shape, reader.signed());
    else if (tag === textTag(4)) input.parameters = readParameter(reader, input.parameters);
    else if (tag === textTag(5)) {
      const contentsEnd = reader.delimitedEnd();
      if (contentsEnd > reader.position) {
        assertWithin("contentParts", input.contents.push({ start: reader.position, end: contentsEnd }), "parts of one tensor's contents");
      }
      reader.position = contentsEnd;
    } else reader.skip(tag);
  }
  outer.position = end;
  return input;
}

function readPackedShape(reader: ProtobufReader, shape: number[]): void {
  const end = reader.delimitedEnd();
  const outer = reader.end;
  reader.end = end;
  while (reader.more) addDimension(shape, reader.signed());
  reader.end = outer;
}

function addDimension(shape: number[], dimension: number): void {
  assertWithin("dimensions", shape.push(dimension), "dimensions in a shape");
}

function readOutput(outer: ProtobufReader): InferMessage["outputs"][number] {
  const end = outer.delimitedEnd();
  const reader = new ProtobufReader(outer.bytes, outer.position, end);
  const output = { name: "", parameters: noParameters as KnownParameters };
  while (reader.more) {
    const tag = reader.tag();
    if (tag === textTag(1)) output.name = reader.text();
    else if (tag === textTag(2)) output.parameters = readParameter(reader, output.parameters);
    else reader.skip(tag);
  }
  outer.position = end;
  return output;
}

/** One entry of a map of InferParameter. */
function readParameter(outer: ProtobufReader, into: KnownParameters): KnownParameters {
  const end = outer.delimitedEnd();
  const reader = new ProtobufReader(outer.bytes, outer.position, end);
  const parameters = into === noParameters ? { ...noParameters } : into;
  let name = "";
  let value: unknown;
  while (reader.more) {
    const tag = reader.tag();
    if (tag === textTag(1)) name = reader.text();
    else if (tag === textTag(2)) value = readParameterValue(reader);
    else reader.skip(tag);
  }
  outer.position = end;
  setParameter(parameters, name, value);
  return parameters;
}

function readParameterValue(outer: ProtobufReader): unknown {
  const end = outer.delimitedEnd();
  const reader = new ProtobufReader(outer.bytes, outer.position, end);
  let value: unknown;
  while (reader.more) {
    const tag = reader.tag();
    if (tag === ((1 << 3) | varintType)) value = reader.varint() !== 0;
    else if (tag === ((2 << 3) | varintType)) value = reader.signed();
    else if (tag === textTag(3)) value = reader.text();
    else if (tag === ((4 << 3) | fixed64Type)) value = reader.double();
    else if (tag === ((5 << 3) | varintType)) value = reader.varint();
    else reader.skip(tag);
  }
  outer.position = end;
  return value;
}
