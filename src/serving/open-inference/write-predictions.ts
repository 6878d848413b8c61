import { elementCount, type Tensor } from "../../core/tensor.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { WireAnswer } from "./write-infer-response.ts";
import { writeElements, writeNested } from "./write-tensor-json.ts";

/**
 * `{"predictions": [...]}`: with one output its rows, with several an object by output name for each row. An output
 * whose rows are lists of one value is written as those values where `flatten` says so.
 */
export function writePredictions(outputs: readonly Tensor[], flatten: boolean): WireAnswer {
  const writer = new ByteWriter(256);
  writer.ascii('{"predictions":');
  const [first] = outputs;
  const shown = flatten ? outputs.map(flattened) : outputs;
  if (outputs.length === 1) {
    writeNested(writer, shown[0]!, 0, 0);
  } else {
    const rows = first?.shape[0] ?? 0;
    writer.byte(0x5b);
    for (let row = 0; row < rows; row++) {
      if (row > 0) writer.byte(0x2c);
      writeRow(writer, shown, row);
    }
    writer.byte(0x5d);
  }
  writer.byte(0x7d);
  return { headers: { "Content-Type": "application/json" }, chunks: [writer.finish()] };
}

/** `{"outputs": ...}`, the answer to the columnar form: one tensor, or an object of tensors by name. */
export function writeColumns(outputs: readonly Tensor[]): WireAnswer {
  const writer = new ByteWriter(256);
  writer.ascii('{"outputs":');
  if (outputs.length === 1) {
    writeNested(writer, outputs[0]!, 0, 0);
  } else {
    writer.byte(0x7b);
    outputs.forEach((output, index) => {
      if (index > 0) writer.byte(0x2c);
      writer.text(output.name);
      writer.byte(0x3a);
      writeNested(writer, output, 0, 0);
    });
    writer.byte(0x7d);
  }
  writer.byte(0x7d);
  return { headers: { "Content-Type": "application/json" }, chunks: [writer.finish()] };
}

function writeRow(writer: ByteWriter, outputs: readonly Tensor[], row: number): void {
  writer.byte(0x7b);
  outputs.forEach((output, index) => {
    if (index > 0) writer.byte(0x2c);
    writer.text(output.name);
    writer.byte(0x3a);
    const size = elementCount(output.shape.slice(1));
    if (output.shape.length === 1) writeElements(writer, output, row, row + 1);
    else writeNested(writer, output, 1, row * size);
  });
  writer.byte(0x7d);
}

function flattened(output: Tensor): Tensor {
  const { shape } = output;
  return shape.length === 2 && shape[1] === 1 ? { ...output, shape: [shape[0]!] } : output;
}
