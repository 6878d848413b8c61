import { halfToNumber } from "../../core/half-float.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { ByteWriter } from "./byte-writer.ts";

const comma = 0x2c;

/** Elements `from` to `to`, flat, with commas and without brackets. FP16 is written as the numbers that it stands for. */
export function writeElements(writer: ByteWriter, tensor: Tensor, from: number, to: number): void {
  const { data, datatype } = tensor;
  if (datatype === "FP32") {
    const singles = data as Float32Array;
    for (let index = from; index < to; index++) {
      if (index > from) writer.byte(comma);
      writer.single(singles[index]!);
    }
    return;
  }
  for (let index = from; index < to; index++) {
    if (index > from) writer.byte(comma);
    writeElement(writer, tensor, index);
  }
}

function writeElement(writer: ByteWriter, { data, datatype }: Tensor, index: number): void {
  switch (datatype) {
    case "BYTES":
      return writer.text((data as string[])[index]!);
    case "BOOL":
      return writer.ascii((data as Uint8Array)[index] === 0 ? "false" : "true");
    case "INT64":
    case "UINT64":
      return writer.ascii(String((data as BigInt64Array)[index]));
    case "FP64":
      return writer.double((data as Float64Array)[index]!);
    case "FP16":
      return writer.double(halfToNumber((data as Uint16Array)[index]!));
    default:
      return writer.integer((data as Int32Array)[index]!);
  }
}

/** Nested lists, from the dimension `level` on; the elements start at `base`. Answers with the position behind them. */
export function writeNested(writer: ByteWriter, tensor: Tensor, level: number, base: number): number {
  const { shape } = tensor;
  if (level === shape.length) {
    writeElement(writer, tensor, base);
    return base + 1;
  }
  const size = shape[level]!;
  writer.byte(0x5b);
  if (level === shape.length - 1) {
    writeElements(writer, tensor, base, base + size);
    base += size;
  } else {
    for (let index = 0; index < size; index++) {
      if (index > 0) writer.byte(comma);
      base = writeNested(writer, tensor, level + 1, base);
    }
  }
  writer.byte(0x5d);
  return base;
}
