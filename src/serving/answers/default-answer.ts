import { counted } from "../../core/counted.ts";
import type { Problem } from "../../core/errors.ts";
import { numberToHalf } from "../../core/half-float.ts";
import { typedArrayOf, type NumericData, type Tensor } from "../../core/tensor.ts";
import type { Fallback, Signature, TensorSpec } from "../../registry/index.ts";

type Answer = NonNullable<Fallback["answer"]>;
type Value = Answer[string][number];

/** What keeps an answer of a policy from being given for a version: outputs that it leaves out or makes up, values and numbers of values that do not fit. */
export function defaultAnswerProblems(answer: Answer, { outputs }: Signature): Problem[] {
  const path = (name: string): string => `policy.fallback.answer.${name}`;
  const unknown = Object.keys(answer).filter((name) => !outputs.some((output) => output.name === name));
  return [
    ...unknown.map((name) => ({ path: path(name), message: `the model has no output ${JSON.stringify(name)}; it has ${outputs.map((output) => JSON.stringify(output.name)).join(", ")}` })),
    ...outputs.flatMap((spec) => {
      const values = answer[spec.name];
      if (values === undefined) return [{ path: path(spec.name), message: `is missing; the model answers ${JSON.stringify(spec.name)}` }];
      const wrong = values.findIndex((value) => !takes(spec.datatype, value));
      if (wrong >= 0) return [{ path: `${path(spec.name)}[${wrong}]`, message: `${JSON.stringify(values[wrong])} is no value of ${spec.datatype}` }];
      return rowShape(spec, values.length) === null ? [{ path: path(spec.name), message: `has ${counted(values.length, "value")} where one row is [${spec.shape.slice(1).join(", ")}]` }] : [];
    }),
  ];
}

/** The answer of a policy for so many rows. Outputs that do not fit are left out: the version is another than the policy was written for. */
export function defaultAnswer(answer: Answer, { outputs, batchable }: Signature, rows: number): Tensor[] {
  return outputs.flatMap((spec) => {
    const values = answer[spec.name];
    const shape = values === undefined ? null : rowShape(spec, values.length);
    if (values === undefined || shape === null || !values.every((value) => takes(spec.datatype, value))) return [];
    const repeats = batchable ? rows : 1;
    return [{ name: spec.name, datatype: spec.datatype, shape: spec.shape.length === 0 ? [] : [repeats, ...shape], data: repeated(spec.datatype, values, repeats) }];
  });
}

/** Dimensions of one row of so many values; null where there are none. One variable dimension takes what is left. */
function rowShape({ shape }: TensorSpec, count: number): number[] | null {
  const own = shape.slice(1);
  const known = own.reduce((product, dimension) => (dimension < 0 ? product : product * dimension), 1);
  const open = own.filter((dimension) => dimension < 0).length;
  if (open === 0) return count === known ? own : null;
  if (open > 1 || known === 0 || count % known !== 0) return null;
  return own.map((dimension) => (dimension < 0 ? count / known : dimension));
}

const integerRanges: Partial<Record<Tensor["datatype"], readonly [least: number, most: number]>> = {
  UINT8: [0, 2 ** 8 - 1], UINT16: [0, 2 ** 16 - 1], UINT32: [0, 2 ** 32 - 1], UINT64: [0, Number.MAX_SAFE_INTEGER],
  INT8: [-(2 ** 7), 2 ** 7 - 1], INT16: [-(2 ** 15), 2 ** 15 - 1], INT32: [-(2 ** 31), 2 ** 31 - 1], INT64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

function takes(datatype: Tensor["datatype"], value: Value): boolean {
  if (datatype === "BYTES") return typeof value === "string";
  if (datatype === "BOOL") return typeof value === "boolean";
  if (typeof value !== "number") return false;
  const range = integerRanges[datatype];
  return range === undefined ? Number.isFinite(value) : Number.isInteger(value) && value >= range[0] && value <= range[1];
}

function repeated(datatype: Tensor["datatype"], values: readonly Value[], repeats: number): Tensor["data"] {
  const count = values.length * repeats;
  if (datatype === "BYTES") return Array.from({ length: count }, (_, index) => String(values[index % values.length]));
  const data: NumericData = new typedArrayOf[datatype](count);
  const isBigInt = data instanceof BigInt64Array || data instanceof BigUint64Array;
  for (let index = 0; index < count; index++) {
    const number = Number(values[index % values.length]);
    (data as { [index: number]: number | bigint })[index] = isBigInt ? BigInt(number) : datatype === "FP16" ? numberToHalf(number) : number;
  }
  return data;
}
