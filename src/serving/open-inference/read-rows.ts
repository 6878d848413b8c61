import { counted } from "../../core/counted.ts";
import { elementCount, type Tensor } from "../../core/tensor.ts";
import type { Signature } from "../../registry/index.ts";
import type { JsonScanner } from "./json-scanner.ts";
import { quoted, type ProblemList } from "./problem-list.ts";
import { RowBuilder } from "./row-builder.ts";
import { isSingle, rowLayout, type RowLayout, type RowMember } from "./row-layout.ts";
import { assertWithin } from "./wire-limits.ts";

export interface RowRules {
  /** Names that the model does not know are a problem, or passed over as MLflow does. */
  unknownNames: "refuse" | "ignore";
}

/**
 * Reads a JSON list of rows: lists or scalars for a model with one input, or whose inputs take one value each; objects
 * by the names of inputs and columns for every model. The scanner stands before the list. Throws INVALID_INPUT.
 */
export function readRows(scanner: JsonScanner, signature: Signature, problems: ProblemList, path: string, rules: RowRules): Tensor[] {
  const layout = rowLayout(signature);
  refuseHalves(signature, problems);
  const start = scanner.position;
  const { rows, first } = countRows(scanner);
  scanner.position = start;
  const shapes = rowShapes(scanner, layout, first, problems, path);
  refuseHollow(rows, shapes, scanner.end - start, problems, path);
  const builder = new RowBuilder(signature, layout, rows, shapes, problems, path);
  const members = membersFor(scanner, layout, first);
  scanner.position = start;
  if (!scanner.enter(0x5b)) return builder.finish();
  let row = 0;
  do {
    readRow(scanner, builder, members, row, problems, path, rules);
    row++;
  } while (scanner.next(0x5b));
  return builder.finish();
}

function readRow(
  scanner: JsonScanner, builder: RowBuilder, members: ReadonlyMap<string, RowMember>, row: number, problems: ProblemList, path: string, rules: RowRules,
): void {
  const kind = scanner.kind();
  const { slots, positions } = builder.layout;
  if (kind === "object") {
    readObject(scanner, builder, members, row, problems, path, rules);
    builder.endRow(row);
  } else if (slots.length === 1) {
    builder.readSlot(scanner, row, 0);
  } else if (kind === "array" && positions !== null && slots.every(isSingle)) {
    readPositions(scanner, builder, positions, row, problems, () => `${path}[${row}]`);
  } else {
    scanner.skipValue();
    problems.add(`${path}[${row}]`, `is a ${kind}; a row of this model is an object with ${slots.map(({ spec }) => quoted(spec.name)).slice(0, 20).join(", ")}`);
  }
}

function readObject(
  scanner: JsonScanner, builder: RowBuilder, members: ReadonlyMap<string, RowMember>, row: number, problems: ProblemList, path: string, rules: RowRules,
): void {
  if (!scanner.enter(0x7b)) return;
  do {
    const name = scanner.readKey();
    const member = members.get(name);
    if (member !== undefined) {
      builder.readMember(scanner, row, member);
      continue;
    }
    scanner.skipValue();
    if (rules.unknownNames === "refuse") {
      problems.add(`${path}[${row}]`, `has ${quoted(name)}, which is no input or column of this model; it has ${[...members.keys()].slice(0, 20).map(quoted).join(", ")}`);
    }
  } while (scanner.next(0x7b));
}

/** A list with one value for each member. */
export function readPositions(
  scanner: JsonScanner, builder: RowBuilder, members: readonly (RowMember | undefined)[], row: number, problems: ProblemList, place: () => string,
): void {
  if (scanner.kind() !== "array") {
    scanner.skipValue();
    problems.add(place(), "is not a list");
    return;
  }
  let found = 0;
  if (scanner.enter(0x5b)) {
    do {
      const member = members[found++];
      if (member === undefined) scanner.skipValue();
      else builder.readMember(scanner, row, member);
    } while (scanner.next(0x5b));
  }
  if (found !== members.length) problems.add(place(), `has ${counted(found, "value")}; ${counted(members.length, "belongs", "belong")} here`);
  else builder.endRow(row);
}

/** Passes over the list; `first` is where its first row starts, or -1. */
export function countRows(scanner: JsonScanner): { rows: number; first: number } {
  if (!scanner.enter(0x5b)) return { rows: 0, first: -1 };
  scanner.peek();
  const first = scanner.position;
  let rows = 0;
  do {
    scanner.skipValue();
    rows++;
  } while (scanner.next(0x5b));
  return { rows, first };
}

/** The layout's row shapes; what they leave open is taken from the first row, whose values then bind the others. */
function rowShapes(scanner: JsonScanner, layout: RowLayout, first: number, problems: ProblemList, path: string): number[][] {
  return layout.slots.map((slot, index) => {
    if (!slot.rowShape.includes(-1)) return [...slot.rowShape];
    const measured = first < 0 ? [] : measureFirst(scanner, layout, first, index);
    if (measured.length !== slot.rowShape.length && first >= 0) {
      problems.add(`${path}[0]`, `has ${counted(measured.length, "dimension")} for ${quoted(slot.spec.name)}; the model wants ${slot.rowShape.length}`);
    }
    return slot.rowShape.map((dimension, level) => (dimension === -1 ? (measured[level] ?? 0) : dimension));
  });
}

function measureFirst(scanner: JsonScanner, layout: RowLayout, first: number, slot: number): number[] {
  scanner.position = first;
  if (scanner.kind() !== "object") return layout.slots.length === 1 ? measureShape(scanner) : [];
  const keys = firstKeys(scanner, first);
  const own = keys.get(layout.slots[slot]!.spec.name);
  // An object of values without a known name is a row by the order of its keys.
  if (own === undefined) return layout.slots.length === 1 ? [keys.size] : [];
  scanner.position = own;
  return measureShape(scanner);
}

/** Lengths of the list and of its first elements; empty for what is no list. The position is lost. */
export function measureShape(scanner: JsonScanner): number[] {
  const shape: number[] = [];
  while (scanner.kind() === "array") {
    const start = scanner.position;
    shape.push(countRows(scanner).rows);
    scanner.position = start + 1;
    if (shape.at(-1) === 0) break;
  }
  return shape;
}

/** Names of the object at `start`, each with the position of its value. */
function firstKeys(scanner: JsonScanner, start: number): Map<string, number> {
  const keys = new Map<string, number>();
  scanner.position = start;
  if (!scanner.enter(0x7b)) return keys;
  do {
    const name = scanner.readKey();
    scanner.peek();
    keys.set(name, scanner.position);
    assertWithin("columns", keys.size, "values in a row");
    scanner.skipValue();
  } while (scanner.next(0x7b));
  return keys;
}

/** The layout's names; a single input whose values have none takes those of the first row, in their order. */
function membersFor(scanner: JsonScanner, layout: RowLayout, first: number): ReadonlyMap<string, RowMember> {
  if (layout.named || first < 0) return layout.members;
  scanner.position = first;
  if (scanner.kind() !== "object") return layout.members;
  const keys = [...firstKeys(scanner, first).keys()];
  if (layout.slots[0]!.rowShape.length !== 1 || keys.some((name) => layout.members.has(name))) return layout.members;
  return new Map(keys.map((name, offset) => [name, { slot: 0, offset }]));
}

/** Values that rows may leave out before they are more than the body could ever say. */
const maxLeftOut = 16_000_000;

/** Every value takes two bytes: rows that promise far more than the body holds must not make arrays. Throws INVALID_INPUT. */
export function refuseHollow(rows: number, shapes: readonly (readonly number[])[], bytes: number, problems: ProblemList, path: string): void {
  let values = 0;
  for (const shape of shapes) values += rows * elementCount(shape);
  if (!(values <= Math.max(bytes, maxLeftOut))) problems.add(path, `has ${counted(rows, "row")}; they would need ${values} values`);
  problems.throwIfAny();
}

/** JSON rows have no way to bring half floats. */
export function refuseHalves(signature: Signature, problems: ProblemList): void {
  for (const { name, datatype } of signature.inputs) {
    if (datatype === "FP16") problems.add(quoted(name), "is FP16, which JSON cannot carry; use the binary data of /v2/models/MODEL/infer");
  }
  problems.throwIfAny();
}
