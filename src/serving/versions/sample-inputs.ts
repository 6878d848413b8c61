import { elementCount, typedArrayOf, type NumericData, type Tensor, type TensorData } from "../../core/tensor.ts";
import { typicalNumber, type ColumnProfile, type Contract, type ExampleTensor, type TensorSpec } from "../../registry/index.ts";

/** Plausible inputs for warm-up: the reference's typical values where there is a profile, else the input example, else zeros and empty texts. Variable dimensions but the first are 1. */
export function sampleInputs(contract: Contract, rows: number): Tensor[] {
  const columns = contract.referenceProfile?.columns ?? [];
  return contract.signature.inputs.map((input) => {
    const shape = input.shape.map((dimension, position) => (dimension >= 0 ? dimension : position === 0 ? rows : 1));
    const own = columns.filter((column) => column.input === input.name);
    const example = own.length > 0 ? undefined : contract.signature.inputExample?.find(({ name }) => name === input.name);
    // An example's own width is plausible where the signature leaves it open.
    if (example?.shape.length === shape.length) shape.splice(1, Infinity, ...example.shape.slice(1));
    return { name: input.name, datatype: input.datatype, shape, data: sampleData(input, shape, own, example) };
  });
}

function sampleData(input: TensorSpec, shape: readonly number[], columns: readonly ColumnProfile[], example: ExampleTensor | undefined): TensorData {
  const count = elementCount(shape);
  const width = shape.length > 1 ? shape[shape.length - 1]! : 1;
  const typical = example !== undefined && example.data.length > 0 ? example.data : Array.from({ length: Math.max(1, width) }, (_, index) => typicalValue(columns.find((column) => column.index === index), input));
  if (input.datatype === "BYTES") return Array.from({ length: count }, (_, index) => String(typical[index % typical.length]));
  const data: NumericData = new typedArrayOf[input.datatype](count);
  const isBigInt = data instanceof BigInt64Array || data instanceof BigUint64Array;
  for (let index = 0; index < count; index++) {
    const value = Number(typical[index % typical.length]);
    const finite = Number.isFinite(value) ? value : 0;
    (data as { [index: number]: number | bigint })[index] = isBigInt ? BigInt(Math.trunc(finite)) : finite;
  }
  return data;
}

function typicalValue(column: ColumnProfile | undefined, input: TensorSpec): string | number | boolean {
  if (input.allowedValues !== undefined && input.allowedValues.length > 0) return input.allowedValues[0]!;
  if (column === undefined) return input.datatype === "BYTES" ? "" : 0;
  if (column.kind === "categorical") return column.categories[0]?.value ?? "";
  return typicalNumber(column);
}
