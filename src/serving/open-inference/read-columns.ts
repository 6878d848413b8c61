import { counted } from "../../core/counted.ts";
import { elementCount, type Tensor } from "../../core/tensor.ts";
import type { Signature, TensorSpec } from "../../registry/index.ts";
import { elementRows } from "./json-element-rows.ts";
import type { JsonScanner } from "./json-scanner.ts";
import { quoted, type ProblemList } from "./problem-list.ts";
import { measureShape, refuseHalves } from "./read-rows.ts";
import { indices, readLevel, shapeText } from "./read-tensor-data.ts";
import { RequestAdmission } from "./request-admission.ts";
import { rowLayout, type RowLayout } from "./row-layout.ts";

/**
 * Reads the columnar form: the whole tensor of a model with one input, or an object with a tensor for each input. A
 * matrix whose columns have names may come as an object of those columns. Nested lists only: the shape is that of the
 * lists. The scanner stands before the value. Throws INVALID_INPUT.
 */
export function readColumns(scanner: JsonScanner, signature: Signature, problems: ProblemList, path: string): Tensor[] {
  refuseHalves(signature, problems);
  const layout = rowLayout(signature);
  const admission = new RequestAdmission(signature, problems);
  if (scanner.kind() !== "object") {
    if (signature.inputs.length !== 1) problems.add(path, `is not an object with ${signature.inputs.map(({ name }) => quoted(name)).join(", ")}`);
    problems.throwIfAny();
    readTensor(scanner, signature.inputs[0]!, admission, path);
    return admission.finish();
  }
  const columns = new Map<string, number>();
  if (scanner.enter(0x7b)) {
    do {
      const name = scanner.readKey();
      const member = layout.members.get(name);
      const slot = member === undefined ? undefined : layout.slots[member.slot]!;
      if (slot === undefined) {
        scanner.skipValue();
        problems.add(path, `has ${quoted(name)}, which is no input or column of this model; it has ${[...layout.members.keys()].slice(0, 20).map(quoted).join(", ")}`);
      } else if (slot.spec.name === name) {
        readTensor(scanner, slot.spec, admission, `${path}.${name}`);
      } else {
        scanner.peek();
        columns.set(name, scanner.position);
        scanner.skipValue();
      }
    } while (scanner.next(0x7b));
  }
  const end = scanner.position;
  if (columns.size > 0) joinColumns(scanner, layout, columns, admission, path);
  scanner.position = end;
  return admission.finish();
}

function readTensor(scanner: JsonScanner, spec: TensorSpec, admission: RequestAdmission, path: string): void {
  const start = scanner.position;
  const measured = measureShape(scanner);
  scanner.position = start;
  // A list of values is a matrix of one column where the model wants one.
  const missingLast = measured.length === spec.shape.length - 1 && Math.abs(spec.shape.at(-1)!) === 1 && measured.length > 0;
  const shape = missingLast ? [...measured, 1] : measured;
  const admitted = admission.admit(spec.name, spec.datatype, shape, () => path);
  if (admitted === null || admitted.count > scanner.end - start) {
    scanner.skipValue();
    if (admitted !== null) admission.problems.add(path, `is too short: the shape ${shapeText(shape)} needs ${counted(admitted.count, "element")}`);
    return;
  }
  const describe = (index: number): string => `${path}${indices(index, measured)}`;
  const rows = elementRows(spec.datatype, admitted.count, admission.problems, describe);
  if (measured.length === 0) rows.readElement(scanner, 0);
  else readLevel({ scanner, shape: measured, rows, problems: admission.problems, place: (list) => path + list }, 0, 0, admitted.count);
  const data = rows.finish();
  admission.keep({ name: spec.name, datatype: spec.datatype, shape, data }, admitted.rule, describe);
}

/** Puts columns side by side into the matrices that they belong to. */
function joinColumns(scanner: JsonScanner, layout: RowLayout, columns: ReadonlyMap<string, number>, admission: RequestAdmission, path: string): void {
  const { problems } = admission;
  layout.slots.forEach(({ spec, columns: names }) => {
    if (names === null || !names.some((name) => columns.has(name))) return;
    const lengths = names.map((name) => {
      if (!columns.has(name)) return problems.add(path, `lacks ${quoted(name)}`), -1;
      scanner.position = columns.get(name)!;
      const shape = measureShape(scanner);
      if (shape.length !== 1) problems.add(`${path}.${name}`, "is not a list of values");
      return shape[0] ?? -1;
    });
    if (new Set(lengths).size > 1) problems.add(path, `has columns of different lengths: ${names.map((name, index) => `${name} ${lengths[index]}`).slice(0, 20).join(", ")}`);
    problems.throwIfAny();
    const shape = [lengths[0]!, names.length];
    const admitted = admission.admit(spec.name, spec.datatype, shape, () => path);
    const describe = (index: number): string => `${path}.${names[index % names.length]}[${Math.floor(index / names.length)}]`;
    const rows = elementRows(spec.datatype, elementCount(shape), problems, describe);
    names.forEach((name, offset) => {
      scanner.position = columns.get(name)!;
      if (!scanner.enter(0x5b)) return;
      let row = 0;
      do rows.readElement(scanner, row++ * names.length + offset);
      while (scanner.next(0x5b));
    });
    const data = rows.finish();
    if (admitted !== null) admission.keep({ name: spec.name, datatype: spec.datatype, shape, data }, admitted.rule, describe);
  });
}
