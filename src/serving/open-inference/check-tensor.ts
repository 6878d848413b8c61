import type { Signature, TensorSpec } from "../../registry/index.ts";
import { counted } from "../../core/counted.ts";
import type { Datatype, Tensor } from "../../core/tensor.ts";
import { isFloat, isLong } from "./datatype-facts.ts";
import { shapeText } from "./read-tensor-data.ts";
import { quoted, type ProblemList } from "./problem-list.ts";

/** One input as requests are checked against it. */
export interface InputRule {
  spec: TensorSpec;
  /** Position in the signature. */
  index: number;
  /** The allowed values as the tensor's array holds them; null = any. */
  allowed: ReadonlySet<number | bigint | string> | null;
}

export interface SignatureRules {
  inputs: ReadonlyMap<string, InputRule>;
  outputs: ReadonlyMap<string, TensorSpec>;
}

const rulesOf = new WeakMap<Signature, SignatureRules>();

/** Made once for each signature object: a service that hands out the same object pays for this once. */
export function signatureRules(signature: Signature): SignatureRules {
  let rules = rulesOf.get(signature);
  if (rules === undefined) {
    rules = {
      inputs: new Map(signature.inputs.map((spec, index) => [spec.name, { spec, index, allowed: allowedValues(spec) }])),
      outputs: new Map(signature.outputs.map((spec) => [spec.name, spec])),
    };
    rulesOf.set(signature, rules);
  }
  return rules;
}

function allowedValues({ allowedValues: values, datatype }: TensorSpec): InputRule["allowed"] {
  if (values === undefined || datatype === "FP16") return null;
  const allowed = new Set<number | bigint | string>();
  for (const value of values) {
    if (datatype === "BYTES") allowed.add(String(value));
    else if (!isLong(datatype)) allowed.add(datatype === "FP32" ? Math.fround(Number(value)) : Number(value));
    else if (/^-?[0-9]+$/.test(String(value))) allowed.add(BigInt(value));
  }
  return allowed;
}

/** Rank, fixed dimensions and at least one row. True when the shape is right. */
export function checkShape(shape: readonly number[], spec: TensorSpec, problems: ProblemList, path: () => string): boolean {
  const wanted = spec.shape;
  if (shape.length !== wanted.length) {
    const dimensions = counted(shape.length, "dimension");
    problems.add(`${path()}.shape`, `is ${shapeText(shape)}, with ${dimensions}; the model wants ${wanted.length}: ${shapeText(wanted)}`);
    return false;
  }
  for (let level = 0; level < wanted.length; level++) {
    if (wanted[level] !== -1 && wanted[level] !== shape[level]) {
      problems.add(`${path()}.shape`, `is ${shapeText(shape)}; the model wants ${shapeText(wanted)}${wanted.includes(-1) ? ", where -1 is any number" : ""}`);
      return false;
    }
  }
  if (shape[0] === 0 && wanted[0] !== 0) {
    problems.add(`${path()}.shape`, `is ${shapeText(shape)}: it has no rows`);
    return false;
  }
  return true;
}

export function checkDatatype(datatype: Datatype, spec: TensorSpec, problems: ProblemList, path: () => string): boolean {
  if (datatype === spec.datatype) return true;
  problems.add(`${path()}.datatype`, `is ${datatype}; the model's input ${quoted(spec.name)} is ${spec.datatype}`);
  return false;
}

/**
 * NaN only where the model takes missing values; infinity never, since no reference data has it and a model answers it
 * with nonsense; and only allowed values, where the contract lists them.
 */
export function checkValues(tensor: Tensor, rule: InputRule | undefined, problems: ProblemList, describe: (index: number) => string): void {
  if (isFloat(tensor.datatype) && hasNonFinite(tensor)) {
    const missingAllowed = rule?.spec.missingAllowed ?? false;
    const data = tensor.data as Float32Array;
    for (let index = 0; index < data.length; index++) {
      const value = tensor.datatype === "FP16" ? halfKind(data[index]!) : data[index]!;
      if (Number.isFinite(value) || (missingAllowed && Number.isNaN(value))) continue;
      problems.add(
        problems.open ? describe(index) : "",
        Number.isNaN(value)
          ? "is missing (NaN), which this model does not take; deploy it with --allow-missing when it should"
          : "is infinite, which no input may be",
      );
    }
  }
  if (rule === undefined || rule.allowed === null) return;
  const { allowed } = rule;
  const data = tensor.data as string[];
  for (let index = 0; index < data.length; index++) {
    const value: unknown = data[index];
    if (allowed.has(value as string) || value !== value) continue;
    const values = [...allowed].slice(0, 10).map((one) => (typeof one === "string" ? quoted(one) : String(one)));
    const shown = typeof value === "string" ? quoted(value) : String(value);
    const more = allowed.size > values.length ? ` and ${allowed.size - values.length} more` : "";
    problems.add(problems.open ? describe(index) : "", `is ${shown}; allowed are ${values.join(", ")}${more}`);
  }
}

/** One pass without a branch: a product with zero is NaN exactly for NaN and the infinities. */
function hasNonFinite(tensor: Tensor): boolean {
  if (tensor.datatype === "FP16") return (tensor.data as Uint16Array).some((bits) => (bits & 0x7c00) === 0x7c00);
  return tensor.datatype === "FP32" ? nonFiniteSingles(tensor.data as Float32Array) : nonFiniteDoubles(tensor.data as Float64Array);
}

function nonFiniteSingles(data: Float32Array): boolean {
  let first = 0;
  let second = 0;
  let index = 0;
  for (const pairs = data.length - 1; index < pairs; index += 2) {
    first += data[index]! * 0;
    second += data[index + 1]! * 0;
  }
  if (index < data.length) first += data[index]! * 0;
  return first + second !== 0;
}

function nonFiniteDoubles(data: Float64Array): boolean {
  let sum = 0;
  for (let index = 0; index < data.length; index++) sum += data[index]! * 0;
  return sum !== 0;
}

/** NaN, an infinity, or 0 for every finite bit pattern. */
function halfKind(bits: number): number {
  if ((bits & 0x7c00) !== 0x7c00) return 0;
  return (bits & 0x3ff) !== 0 ? NaN : Infinity;
}
