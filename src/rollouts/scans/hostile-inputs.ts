import { toAppError } from "../../core/errors.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Signature, TensorSpec } from "../../registry/index.ts";

/** One request that a caller could send, and what is said of it. */
export interface HostileInput {
  what: string;
  inputs: Tensor[];
}

const longText = "\u{1F4A5}'\"; DROP TABLE models; --\u0000".repeat(2000);

/** Requests of the right datatypes and shapes with values at the edges of what they can hold; each is one that a model may refuse and must survive. */
export function hostileInputs({ inputs }: Pick<Signature, "inputs">): HostileInput[] {
  const kinds: { what: string; number: number; integer: "min" | "max" | "zero"; text: string; rows: number }[] = [
    { what: "zeros and empty texts", number: 0, integer: "zero", text: "", rows: 1 },
    { what: "the largest numbers and long texts", number: 3.4e38, integer: "max", text: longText, rows: 1 },
    { what: "the smallest numbers", number: -3.4e38, integer: "min", text: "\u0000", rows: 1 },
    { what: "numbers next to zero", number: 1e-38, integer: "zero", text: "null", rows: 1 },
    { what: "many rows", number: 1, integer: "zero", text: "a", rows: 64 },
  ];
  return kinds.map(({ what, number, integer, text, rows }) => ({ what, inputs: inputs.map((spec) => tensorOf(spec, { number, integer, text, rows })) }));
}

function tensorOf(spec: TensorSpec, { number, integer, text, rows }: { number: number; integer: "min" | "max" | "zero"; text: string; rows: number }): Tensor {
  const { name, datatype, allowedValues } = spec;
  const shape = spec.shape.map((length, axis) => (length >= 0 ? length : axis === 0 ? rows : 1));
  const size = shape.reduce((product, length) => product * length, 1);
  const made = (data: unknown): Tensor => ({ name, datatype, shape, data }) as Tensor;
  const allowed = allowedValues?.[0];
  const fill = <Value>(value: Value): Value[] => new Array<Value>(size).fill(value);
  switch (datatype) {
    case "BOOL": return made(new Uint8Array(size).fill(integer === "zero" ? 0 : 1));
    case "BYTES": return made(fill(typeof allowed === "string" ? allowed : text));
    case "INT64": return made(new BigInt64Array(size).fill(typeof allowed === "number" ? BigInt(allowed) : integer === "max" ? 2n ** 63n - 1n : integer === "min" ? -(2n ** 63n) : 0n));
    case "UINT64": return made(new BigUint64Array(size).fill(integer === "max" ? 2n ** 64n - 1n : 0n));
    case "INT32": return made(new Int32Array(size).fill(integer === "max" ? 2 ** 31 - 1 : integer === "min" ? -(2 ** 31) : 0));
    case "INT16": return made(new Int16Array(size).fill(integer === "max" ? 2 ** 15 - 1 : integer === "min" ? -(2 ** 15) : 0));
    case "INT8": return made(new Int8Array(size).fill(integer === "max" ? 127 : integer === "min" ? -128 : 0));
    case "UINT32": return made(new Uint32Array(size).fill(integer === "max" ? 2 ** 32 - 1 : 0));
    case "UINT16": return made(new Uint16Array(size).fill(integer === "max" ? 2 ** 16 - 1 : 0));
    case "UINT8": return made(new Uint8Array(size).fill(integer === "max" ? 255 : 0));
    case "FP64": return made(new Float64Array(size).fill(number));
    case "FP32": return made(new Float32Array(size).fill(number));
    default: return made(new Uint16Array(size).fill(0));
  }
}

/** A refusal is an answer; these say that the model could not stand the request. */
const falls: ReadonlySet<string> = new Set(["RUNNER_CRASHED", "DEADLINE_EXCEEDED", "INTERNAL", "OUTPUT_INVALID", "VERSION_FAILED"]);

/** Sends each of them, one after the other. Answers what went wrong; nothing where each was answered or refused with a clear error. */
export async function probeWithHostileInputs(signature: Signature, ask: (inputs: Tensor[]) => Promise<void>): Promise<string[]> {
  const problems: string[] = [];
  for (const { what, inputs } of hostileInputs(signature)) {
    try {
      await ask(inputs);
    } catch (error) {
      const { code } = toAppError(error);
      if (code === "SHUTTING_DOWN") throw error;
      if (falls.has(code)) problems.push(`${what}: ${code}`);
    }
  }
  return problems;
}
