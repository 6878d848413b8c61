import type { Datatype } from "../../data/types.ts";
import { formatCount, plural } from "../../format.ts";
import { isInteger, type FormField, type FormPart, type FormValues } from "./form-model.ts";

export interface BuiltRequest {
  /** The body, JSON text. Whole numbers stand in it as they were typed, so that 64 bits survive. */
  body: string;
  /** By the key of the field, or the name of the tensor. */
  problems: Record<string, string>;
}

const integerBounds: Partial<Record<Datatype, readonly [bigint, bigint]>> = {
  UINT8: [0n, 255n], UINT16: [0n, 65_535n], UINT32: [0n, 4_294_967_295n], UINT64: [0n, 2n ** 64n - 1n],
  INT8: [-128n, 127n], INT16: [-32_768n, 32_767n], INT32: [-2_147_483_648n, 2_147_483_647n], INT64: [-(2n ** 63n), 2n ** 63n - 1n],
};

/** The Open Inference Protocol body of a form, and what is wrong with it, if anything. `random` fills tensors. */
export function buildRequest(parts: readonly FormPart[], values: FormValues, random: () => number): BuiltRequest {
  const problems: Record<string, string> = {};
  const inputs = parts.map((part) => {
    const { name, datatype } = part.spec;
    if (part.kind === "fields") {
      const data = part.fields.map((field) => {
        const element = fieldElement(field, values.fields[field.key] ?? "");
        if ("problem" in element) problems[field.key] = element.problem;
        return "json" in element ? element.json : "null";
      });
      return inputText(name, datatype, part.shape, `[${data.join(",")}]`);
    }
    const tensor = tensorData(part, values, random);
    if ("problem" in tensor) problems[name] = tensor.problem;
    return "data" in tensor ? inputText(name, datatype, tensor.shape, tensor.data) : "";
  });
  return { body: `{"inputs":[${inputs.join(",")}]}`, problems };
}

function inputText(name: string, datatype: Datatype, shape: readonly number[], data: string): string {
  return `{"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[${shape.join(",")}],"data":${data}}`;
}

type Element = { json: string } | { problem: string };

/** One typed value as JSON, or why it is none. */
export function fieldElement({ datatype, missingAllowed, choices }: Pick<FormField, "datatype" | "missingAllowed" | "choices">, typed: string): Element {
  const text = typed.trim();
  if (datatype === "FP16") return { problem: "FP16 cannot be sent as JSON; use a client that sends binary data." };
  if (choices !== undefined && !choices.includes(datatype === "BYTES" ? typed : text)) return { problem: `Choose one of ${choices.slice(0, 6).join(", ")}${choices.length > 6 ? ", …" : ""}.` };
  if (datatype === "BYTES") return { json: JSON.stringify(typed) };
  if (datatype === "BOOL") return { json: text };
  if (text === "" || /^nan$/i.test(text)) {
    if (isInteger(datatype)) return { problem: "Type a whole number." };
    // JSON has no NaN; null is how the protocol's clients send a missing value.
    return missingAllowed ? { json: "null" } : { problem: "Type a number; this input takes no missing values." };
  }
  const bounds = integerBounds[datatype];
  if (bounds !== undefined) {
    if (!/^-?\d+$/.test(text)) return { problem: "Type a whole number." };
    const value = BigInt(text);
    return value < bounds[0] || value > bounds[1] ? { problem: `${datatype} holds ${bounds[0]} to ${bounds[1]}.` } : { json: String(value) };
  }
  const value = Number(text);
  return Number.isFinite(value) ? { json: String(value) } : { problem: "Type a number, such as 12.5." };
}

type TensorData = { shape: number[]; data: string } | { problem: string };

function tensorData(part: Extract<FormPart, { kind: "tensor" }>, values: FormValues, random: () => number): TensorData {
  const { spec, example } = part;
  const value = values.tensors[spec.name];
  if (value === undefined) return { problem: "Fill this input." };
  if (value.fill === "example" && example !== undefined) return { shape: example.shape, data: JSON.stringify(example.data) };
  const shape = value.shape.split(/[\s,×x[\]]+/).filter((text) => text !== "").map(Number);
  if (shape.some((dimension) => !Number.isInteger(dimension) || dimension < 0)) return { problem: "The shape is a list of whole numbers, such as 1, 3, 224, 224." };
  if (shape.length !== spec.shape.length) return { problem: `The shape needs ${plural(spec.shape.length, "dimension")}.` };
  const wrong = spec.shape.findIndex((dimension, index) => dimension >= 0 && dimension !== shape[index]);
  if (wrong >= 0) return { problem: `Dimension ${wrong + 1} must be ${spec.shape[wrong]}.` };
  const count = shape.reduce((product, dimension) => product * dimension, 1);
  if (value.fill === "json") return pastedData(value.json, shape, count);
  if (count > 4_000_000) return { problem: `${formatCount(count)} values are too many for JSON; use a client that sends binary data.` };
  return { shape, data: `[${Array.from({ length: count }, () => filler(spec.datatype, value.fill === "random", random)).join(",")}]` };
}

function pastedData(json: string, shape: number[], count: number): TensorData {
  let data: unknown;
  try {
    data = JSON.parse(json);
  } catch {
    return { problem: "This is not JSON. Paste a list, flat or nested." };
  }
  if (!Array.isArray(data)) return { problem: "Paste a list, flat or nested." };
  const found = data.flat(Infinity).length;
  return found === count ? { shape, data: json } : { problem: `The list has ${plural(found, "value")}; the shape needs ${formatCount(count)}.` };
}

function filler(datatype: Datatype, isRandom: boolean, random: () => number): string {
  if (datatype === "BYTES") return '""';
  if (datatype === "BOOL") return isRandom && random() < 0.5 ? "true" : "false";
  if (!isRandom) return "0";
  return isInteger(datatype) ? String(Math.floor(random() * 100)) : random().toFixed(4);
}

/**
 * Problems that the server names in the text of an Open Inference Protocol error, by the key of the field that they are
 * about: `inputs[1].data[0] is …` is the first value of the second input. What follows a full stop is advice, not a problem.
 */
export function problemsInMessage(message: string, parts: readonly FormPart[]): Record<string, string> {
  const problems: Record<string, string> = {};
  for (const match of message.matchAll(/inputs\[(\d+)\]\.(\w+)((?:\[\d+\])*) ([^;]+)/g)) {
    const part = parts[Number(match[1])];
    if (part === undefined) continue;
    const last = [...match[3]!.matchAll(/\d+/g)].map(Number).at(-1) ?? 0;
    const key = part.kind === "fields" ? part.fields[last]?.key : part.spec.name;
    if (key !== undefined) problems[key] ??= match[4]!.split(". ")[0]!.trim();
  }
  return problems;
}
