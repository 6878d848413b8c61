import type { ColumnProfile, Datatype, ExampleTensor, ReferenceProfile, Signature, TensorSpec } from "../../data/types.ts";
import { formatNumber } from "../../format.ts";

/** One value that a person types. */
export interface FormField {
  /** `<input>/<index>`: unique in the form. */
  key: string;
  label: string;
  input: string;
  index: number;
  datatype: Datatype;
  /** The only values, where the contract names them. */
  choices: readonly string[] | undefined;
  profile: ColumnProfile | undefined;
  missingAllowed: boolean;
  initial: string;
}

export type FormPart =
  | { kind: "fields"; spec: TensorSpec; /** Shape of one row as it is sent. */ shape: number[]; fields: FormField[] }
  | { kind: "tensor"; spec: TensorSpec; initialShape: number[]; example: ExampleTensor | undefined };

/** How a large tensor is filled. */
export interface TensorValue {
  fill: "example" | "zeros" | "random" | "json";
  shape: string;
  json: string;
}

export interface FormValues {
  fields: Record<string, string>;
  tensors: Record<string, TensorValue>;
}

/** Up to so many values get a field of their own. */
const maxFields = 64;

/**
 * The form of one row of a signature: small inputs become fields, with what the reference data knows of each; everything
 * else becomes a tensor that is filled or pasted.
 */
export function formParts(signature: Signature, profile: ReferenceProfile | null): FormPart[] {
  return signature.inputs.map((spec): FormPart => {
    const example = signature.inputExample?.find((tensor) => tensor.name === spec.name);
    const batched = signature.batchable || spec.shape[0] === -1;
    const inner = batched ? spec.shape.slice(1) : spec.shape;
    const shape = batched ? [1, ...inner] : [...inner];
    const count = inner.reduce((product, dimension) => product * dimension, 1);
    // With any other free dimension, how many fields there are is not known.
    if (inner.some((dimension) => dimension < 0) || count > maxFields || count === 0) {
      const initialShape = example?.shape ?? spec.shape.map((dimension) => (dimension < 0 ? 1 : dimension));
      return { kind: "tensor", spec, initialShape, example };
    }
    const fields = Array.from({ length: count }, (_, index): FormField => {
      const column = profile?.columns.find((candidate) => candidate.input === spec.name && candidate.index === index);
      const label = spec.columns?.[index] ?? column?.name ?? (count === 1 ? spec.name : `${spec.name} [${index}]`);
      const choices = spec.datatype === "BOOL" ? ["true", "false"] : spec.allowedValues?.map(String);
      const fromExample = example?.data[index];
      return {
        key: `${spec.name}/${index}`, label, input: spec.name, index, datatype: spec.datatype, choices, profile: column, missingAllowed: spec.missingAllowed,
        initial: fromExample !== undefined ? String(fromExample) : initialValue(spec, choices, column),
      };
    });
    return { kind: "fields", spec, shape, fields };
  });
}

function initialValue(spec: TensorSpec, choices: readonly string[] | undefined, profile: ColumnProfile | undefined): string {
  if (profile?.kind === "categorical" && profile.categories[0] !== undefined) return profile.categories[0].value;
  if (profile?.kind === "numeric" && profile.mean !== null) return shortNumber(profile.mean, spec.datatype);
  return choices?.[0] ?? (spec.datatype === "BYTES" ? "" : "0");
}

/** A number as one would type it: whole for integers, else four significant digits. */
function shortNumber(value: number, datatype: Datatype): string {
  return isInteger(datatype) ? String(Math.round(value)) : String(Number(value.toPrecision(4)));
}

export function initialValues(parts: readonly FormPart[]): FormValues {
  const values: FormValues = { fields: {}, tensors: {} };
  for (const part of parts) {
    if (part.kind === "fields") for (const field of part.fields) values.fields[field.key] = field.initial;
    else values.tensors[part.spec.name] = { fill: part.example === undefined ? "zeros" : "example", shape: part.initialShape.join(", "), json: "" };
  }
  return values;
}

/** Values of an earlier prediction: its first row. What was redacted or too large to log stays as it is. */
export function valuesFromTensors(parts: readonly FormPart[], tensors: readonly { name: string; shape: readonly number[]; data: readonly (string | number | boolean)[] | null }[]): FormValues {
  const values = initialValues(parts);
  for (const part of parts) {
    const tensor = tensors.find((candidate) => candidate.name === part.spec.name);
    if (tensor?.data === null || tensor === undefined) continue;
    if (part.kind === "tensor") {
      values.tensors[part.spec.name] = { fill: "json", shape: tensor.shape.join(", "), json: JSON.stringify(tensor.data) };
    } else {
      for (const field of part.fields) {
        const value = tensor.data[field.index];
        values.fields[field.key] = value === undefined || value === null || value === "NaN" ? "" : String(value);
      }
    }
  }
  return values;
}

/** A likely row: every column drawn from its reference distribution on its own. `random` answers with [0, 1). */
export function randomValues(parts: readonly FormPart[], random: () => number): FormValues {
  const values = initialValues(parts);
  for (const part of parts) {
    if (part.kind === "tensor") {
      values.tensors[part.spec.name]!.fill = "random";
      continue;
    }
    for (const field of part.fields) values.fields[field.key] = randomValue(field, random);
  }
  return values;
}

function randomValue({ profile, choices, datatype, initial }: FormField, random: () => number): string {
  if (profile?.kind === "categorical" && profile.categories.length > 0) return pick(profile.categories, ({ count }) => count, random).value;
  if (profile?.kind === "numeric" && profile.min !== null && profile.max !== null) {
    const bounds = [profile.min, ...profile.edges, profile.max];
    const bucket = pick(profile.counts.map((count, index) => ({ count, low: bounds[index]!, high: bounds[index + 1]! })), ({ count }) => count, random);
    return shortNumber(bucket.low + (bucket.high - bucket.low) * random(), datatype);
  }
  if (choices !== undefined && choices.length > 0) return choices[Math.floor(random() * choices.length)]!;
  return datatype === "BYTES" ? initial : isInteger(datatype) ? String(Math.floor(random() * 10)) : random().toFixed(3);
}

function pick<Item>(items: readonly Item[], weightOf: (item: Item) => number, random: () => number): Item {
  let left = random() * items.reduce((sum, item) => sum + weightOf(item), 0);
  for (const item of items) {
    left -= weightOf(item);
    if (left < 0) return item;
  }
  return items.at(-1)!;
}

/** What the reference data knows of a column, in a few words. */
export function hintOf({ profile, missingAllowed, datatype }: FormField): string {
  const parts: string[] = [];
  if (profile?.kind === "numeric" && profile.min !== null && profile.max !== null) parts.push(`${formatNumber(profile.min, 4)} to ${formatNumber(profile.max, 4)}`);
  if (profile?.kind === "categorical") parts.push(`${profile.distinct} known`);
  if (parts.length === 0) parts.push(datatype);
  if (missingAllowed) parts.push("may be empty");
  return parts.join(" · ");
}

/** A remark on a valid value that training has not seen; null when there is nothing to say. */
export function remarkOn({ profile }: FormField, text: string): string | null {
  if (profile === undefined || text.trim() === "") return null;
  if (profile.kind === "categorical") {
    if (profile.otherCount > 0 || profile.categories.some(({ value }) => value === text)) return null;
    return "not in the reference data";
  }
  const value = Number(text);
  if (profile.min === null || profile.max === null || !Number.isFinite(value)) return null;
  return value < profile.min ? "below all of the reference data" : value > profile.max ? "above all of the reference data" : null;
}

export function isInteger(datatype: Datatype): boolean {
  return /^U?INT/.test(datatype);
}
