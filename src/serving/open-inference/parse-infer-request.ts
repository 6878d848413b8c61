import { isUtf8 } from "node:buffer";
import { counted } from "../../core/counted.ts";
import { AppError } from "../../core/errors.ts";
import { releaseMemory } from "../../core/release-memory.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Signature } from "../../registry/index.ts";
import { decodeBinaryData } from "./binary-tensor-data.ts";
import {
  noParameters, refuseUnsupported, routingKey, setParameter, timeoutMs, type InferRequest, type KnownParameters, type RequestedOutput,
} from "./infer-request.ts";
import { JsonScanner } from "./json-scanner.ts";
import { parseRawBody } from "./parse-raw-body.ts";
import { ProblemList, quoted } from "./problem-list.ts";
import { readTensorData } from "./read-tensor-data.ts";
import { RequestAdmission, type AdmittedInput } from "./request-admission.ts";
import { assertWithin } from "./wire-limits.ts";

/**
 * Reads the body of `POST /v2/models/M/infer` and checks it against the signature; without one, only against itself.
 * `inferenceHeaderContentLength` is the header of that name as it came: the bytes of JSON in front of the binary data,
 * or 0 for a raw body. Arrays of binary inputs are views of `body`; one of JSON alone is given up, since nothing of the
 * request lies in it: do not read it afterwards. Throws INVALID_JSON, INVALID_REQUEST, BODY_INCOMPLETE, INVALID_INPUT with
 * every problem, NOT_SUPPORTED.
 */
export function parseInferRequest(body: Buffer, inferenceHeaderContentLength: string | undefined, signature: Signature | undefined): InferRequest {
  const jsonLength = headerLength(inferenceHeaderContentLength, body.length);
  if (jsonLength === 0 && inferenceHeaderContentLength !== undefined) return parseRawBody(body, signature);
  if (!isUtf8(jsonLength === body.length ? body : body.subarray(0, jsonLength))) {
    throw new AppError("INVALID_JSON", "The body's JSON is not valid UTF-8.");
  }
  const request = new InferRequestReader(body, jsonLength, inferenceHeaderContentLength !== undefined, signature).read();
  if (inferenceHeaderContentLength === undefined) releaseMemory(body as Buffer<ArrayBuffer>);
  return request;
}

function headerLength(text: string | undefined, bodyLength: number): number {
  if (text === undefined) return bodyLength;
  if (!/^[0-9]{1,15}$/.test(text)) {
    throw new AppError("INVALID_REQUEST", `Inference-Header-Content-Length is ${quoted(text)}; it must be the number of bytes of JSON in the body.`);
  }
  const length = Number(text);
  if (length > bodyLength) {
    throw new AppError("BODY_INCOMPLETE", `Inference-Header-Content-Length is ${length}, but the body has ${counted(bodyLength, "byte")}.`);
  }
  return length;
}

class InferRequestReader {
  readonly #body: Buffer;
  readonly #scanner: JsonScanner;
  readonly #jsonLength: number;
  readonly #hasHeader: boolean;
  readonly #signature: Signature | undefined;
  readonly #problems = new ProblemList();
  readonly #admission: RequestAdmission;
  /** Where the next input's binary data starts. */
  #binaryOffset: number;

  constructor(body: Buffer, jsonLength: number, hasHeader: boolean, signature: Signature | undefined) {
    this.#body = body;
    this.#scanner = new JsonScanner(body, 0, jsonLength);
    this.#jsonLength = jsonLength;
    this.#hasHeader = hasHeader;
    this.#signature = signature;
    this.#admission = new RequestAdmission(signature, this.#problems);
    this.#binaryOffset = jsonLength;
  }

  read(): InferRequest {
    const scanner = this.#scanner;
    let id: string | undefined;
    let parameters: KnownParameters = noParameters;
    let outputs: RequestedOutput[] | undefined;
    let hasInputs = false;
    if (scanner.enter(0x7b)) {
      do {
        const key = scanner.readKey();
        if (key === "inputs") {
          if (hasInputs) this.#problems.add("inputs", "appear twice");
          hasInputs = true;
          this.#readInputs();
        } else if (key === "id") id = this.#readText(() => "id");
        else if (key === "parameters") parameters = this.#readParameters(() => "parameters");
        else if (key === "outputs") outputs = this.#readOutputs();
        else scanner.skipValue();
      } while (scanner.next(0x7b));
    }
    scanner.finish();
    if (!hasInputs) this.#problems.add("inputs", "are missing");
    if (this.#binaryOffset !== this.#body.length && this.#problems.count === 0) {
      this.#problems.add(
        "body",
        `carries ${counted(this.#body.length - this.#jsonLength, "byte")} of binary data; the inputs' binary_data_size add up to ${this.#binaryOffset - this.#jsonLength}`,
      );
    }
    this.#admission.checkId(id);
    this.#admission.checkOutputs(outputs);
    const binaryOutputDefault = parameters.binaryDataOutput === true;
    if (this.#signature !== undefined) this.#checkHalfOutputs(this.#signature, outputs, binaryOutputDefault);
    return { id, timeoutMs: timeoutMs(parameters), routingKey: routingKey(parameters), inputs: this.#admission.finish(), outputs, binaryOutputDefault };
  }

  #readInputs(): void {
    const scanner = this.#scanner;
    if (scanner.kind() !== "array") {
      scanner.skipValue();
      this.#problems.add("inputs", "is not a list");
      return;
    }
    if (!scanner.enter(0x5b)) return;
    let index = 0;
    do {
      this.#readInput(index++);
      assertWithin("tensors", index, "inputs");
    } while (scanner.next(0x5b));
  }

  #readInput(index: number): void {
    const scanner = this.#scanner;
    const problems = this.#problems;
    const path = (): string => `inputs[${index}]`;
    if (scanner.kind() !== "object") {
      scanner.skipValue();
      problems.add(path(), "is not an object");
      return;
    }
    const before = problems.count;
    let name: string | undefined;
    let datatype: string | undefined;
    let shape: number[] | undefined;
    let parameters: KnownParameters = noParameters;
    /** Undefined until name, datatype and shape are all there. */
    let admitted: AdmittedInput | null | undefined;
    let dataStart = -1;
    let data: Tensor["data"] | null = null;
    if (scanner.enter(0x7b)) {
      do {
        const key = scanner.readKey();
        if (key === "name") name = this.#readText(() => `${path()}.name`);
        else if (key === "datatype") datatype = this.#readText(() => `${path()}.datatype`);
        else if (key === "shape") shape = this.#readShape(path);
        else if (key === "parameters") parameters = this.#readParameters(() => `${path()}.parameters`);
        else if (key === "data") {
          if (dataStart >= 0) problems.add(`${path()}.data`, "appears twice");
          scanner.peek();
          dataStart = scanner.position;
          // Clients write `data` last, so that it can be read in one pass; where they do not, it is read afterwards.
          if (admitted === undefined && name !== undefined && datatype !== undefined && shape !== undefined) {
            admitted = this.#admission.admit(name, datatype, shape, path);
          }
          if (admitted) data = readTensorData(scanner, admitted.datatype, shape!, admitted.count, problems, path);
          else scanner.skipValue();
        } else scanner.skipValue();
      } while (scanner.next(0x7b));
    }
    if (name === undefined || datatype === undefined || shape === undefined) {
      for (const [key, value] of Object.entries({ name, datatype, shape })) {
        if (value === undefined && problems.count === before) problems.add(`${path()}.${key}`, "is missing");
      }
      return;
    }
    const inTime = admitted !== undefined;
    if (admitted === undefined) admitted = this.#admission.admit(name, datatype, shape, path);
    if (parameters !== noParameters) refuseUnsupported(parameters, path);
    const size = parameters.binaryDataSize;
    if (size !== undefined) {
      data = this.#readBinary(size, admitted, shape, dataStart >= 0, path);
    } else if (dataStart < 0) {
      problems.add(`${path()}.data`, "is missing");
    } else if (!inTime && admitted !== null) {
      const end = scanner.position;
      scanner.position = dataStart;
      data = readTensorData(scanner, admitted.datatype, shape, admitted.count, problems, path);
      scanner.position = end;
    }
    if (admitted === null || data === null) return;
    this.#admission.keep({ name, datatype: admitted.datatype, shape, data }, admitted.rule, (element) => `${path()}.data[${element}]`);
  }

  /** The input's part of the binary data; null when it cannot be read. */
  #readBinary(
    size: unknown, admitted: AdmittedInput | null, shape: readonly number[], hasData: boolean, path: () => string,
  ): Tensor["data"] | null {
    const at = `${path()}.parameters.binary_data_size`;
    const left = this.#body.length - this.#binaryOffset;
    let problem: string | undefined;
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) problem = `is ${JSON.stringify(size)}; it must be a whole number of bytes`;
    else if (hasData) problem = "stands beside data; send one of them";
    else if (!this.#hasHeader) problem = "needs the header Inference-Header-Content-Length, which is missing";
    else if (size > left) problem = `is ${size}, but only ${counted(left, "byte of the body is", "bytes of the body are")} left`;
    if (problem !== undefined) {
      this.#problems.add(at, problem);
      return null;
    }
    const start = this.#binaryOffset;
    this.#binaryOffset += size as number;
    if (admitted === null) return null;
    const bytes = this.#body.subarray(start, this.#binaryOffset);
    return decodeBinaryData(admitted.datatype, shape, admitted.count, bytes, this.#problems, path);
  }

  #readOutputs(): RequestedOutput[] | undefined {
    const scanner = this.#scanner;
    if (scanner.kind() !== "array") {
      scanner.skipValue();
      this.#problems.add("outputs", "is not a list");
      return undefined;
    }
    const outputs: RequestedOutput[] = [];
    if (scanner.enter(0x5b)) {
      do {
        this.#readOutput(outputs);
        assertWithin("tensors", outputs.length, "outputs");
      } while (scanner.next(0x5b));
    }
    return outputs.length === 0 ? undefined : outputs;
  }

  #readOutput(outputs: RequestedOutput[]): void {
    const scanner = this.#scanner;
    const path = (): string => `outputs[${outputs.length}]`;
    let name: string | undefined;
    let parameters: KnownParameters = noParameters;
    if (scanner.kind() !== "object") {
      scanner.skipValue();
    } else if (scanner.enter(0x7b)) {
      do {
        const key = scanner.readKey();
        if (key === "name") name = this.#readText(() => `${path()}.name`);
        else if (key === "parameters") parameters = this.#readParameters(() => `${path()}.parameters`);
        else scanner.skipValue();
      } while (scanner.next(0x7b));
    }
    if (name === undefined) this.#problems.add(`${path()}.name`, "is missing");
    if (parameters !== noParameters) refuseUnsupported(parameters, path);
    const { binaryData } = parameters;
    outputs.push({ name: name ?? "", binary: typeof binaryData === "boolean" ? binaryData : undefined });
  }

  #readShape(path: () => string): number[] | undefined {
    const scanner = this.#scanner;
    if (scanner.kind() !== "array") {
      scanner.skipValue();
      this.#problems.add(`${path()}.shape`, "is not a list of whole numbers");
      return undefined;
    }
    const shape: number[] = [];
    if (!scanner.enter(0x5b)) return shape;
    let valid = true;
    do {
      if (scanner.kind() === "number") {
        shape.push(scanner.readNumber());
        assertWithin("dimensions", shape.length, "dimensions in a shape");
      } else {
        scanner.skipValue();
        if (valid) this.#problems.add(`${path()}.shape[${shape.length}]`, "is not a whole number");
        valid = false;
      }
    } while (scanner.next(0x5b));
    return valid ? shape : undefined;
  }

  #readText(path: () => string): string | undefined {
    if (this.#scanner.kind() === "string") return this.#scanner.readString();
    this.#scanner.skipValue();
    this.#problems.add(path(), "is not a text");
    return undefined;
  }

  #readParameters(path: () => string): KnownParameters {
    const scanner = this.#scanner;
    if (scanner.kind() !== "object") {
      scanner.skipValue();
      this.#problems.add(path(), "is not an object");
      return noParameters;
    }
    const parameters: KnownParameters = { ...noParameters };
    if (!scanner.enter(0x7b)) return parameters;
    do {
      const name = scanner.readKey();
      const kind = scanner.kind();
      if (kind === "string") setParameter(parameters, name, scanner.readString());
      else if (kind === "number") setParameter(parameters, name, scanner.readNumber());
      else if (kind === "boolean") setParameter(parameters, name, scanner.readBoolean());
      else scanner.skipValue();
    } while (scanner.next(0x7b));
    return parameters;
  }

  /** Refused before the model runs: JSON has no agreed form for half floats. */
  #checkHalfOutputs(signature: Signature, outputs: readonly RequestedOutput[] | undefined, byDefault: boolean): void {
    for (const { name, datatype } of signature.outputs) {
      if (datatype !== "FP16") continue;
      const asked = outputs?.find((output) => output.name === name);
      if (outputs !== undefined && asked === undefined) continue;
      if (!(asked?.binary ?? byDefault)) this.#problems.add("outputs", `would send ${quoted(name)} as JSON, which cannot carry FP16; ask for binary data`);
    }
  }
}
