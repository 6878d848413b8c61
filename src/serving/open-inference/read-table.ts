import { counted } from "../../core/counted.ts";
import { elementCount, type Tensor } from "../../core/tensor.ts";
import type { Signature } from "../../registry/index.ts";
import { forEachCsvLine } from "./csv-lines.ts";
import type { JsonScanner } from "./json-scanner.ts";
import { quoted, type ProblemList } from "./problem-list.ts";
import { countRows, readPositions, refuseHalves, refuseHollow } from "./read-rows.ts";
import { RowBuilder } from "./row-builder.ts";
import { rowLayout, type RowLayout, type RowMember } from "./row-layout.ts";
import { assertWithin } from "./wire-limits.ts";

/**
 * Reads pandas' `split` form: `{"columns": [...], "index": [...], "data": [[...], ...]}`, the members in any order.
 * Columns go by name where the model's values have names, else by order; those that the model does not know are passed
 * over, as MLflow does. The scanner stands before the object. Throws INVALID_INPUT.
 */
export function readSplitTable(scanner: JsonScanner, signature: Signature, problems: ProblemList, path: string): Tensor[] {
  refuseHalves(signature, problems);
  let columns: (string | number)[] | undefined;
  let dataStart = -1;
  if (scanner.kind() !== "object") problems.add(path, "is not an object with columns and data");
  problems.throwIfAny();
  if (scanner.enter(0x7b)) {
    do {
      const key = scanner.readKey();
      if (key === "columns") {
        columns = readColumnNames(scanner, problems, `${path}.columns`);
      } else if (key === "data") {
        scanner.peek();
        dataStart = scanner.position;
        scanner.skipValue();
      } else {
        scanner.skipValue();
      }
    } while (scanner.next(0x7b));
  }
  const end = scanner.position;
  if (dataStart < 0) problems.add(`${path}.data`, "is missing");
  problems.throwIfAny();
  scanner.position = dataStart;
  if (scanner.kind() !== "array") problems.add(`${path}.data`, "is not a list of rows");
  problems.throwIfAny();
  const { rows, first } = countRows(scanner);
  const layout = rowLayout(signature);
  if (first >= 0) scanner.position = first;
  const width = columns?.length ?? (first >= 0 && scanner.kind() === "array" ? countRows(scanner).rows : 0);
  assertWithin("columns", width, "columns");
  const members = tableMembers(layout, columns ?? Array.from({ length: width }, (_, index) => index), problems, `${path}.columns`);
  const shapes = tableShapes(layout, members);
  refuseHollow(rows, shapes, scanner.end - dataStart, problems, `${path}.data`);
  const builder = new RowBuilder(signature, layout, rows, shapes, problems, `${path}.data`);
  scanner.position = dataStart;
  // A table that brings a matrix column by column in its own order is read like one.
  const whole = layout.slots.length === 1 && shapes[0]!.length === 1 && members.length === shapes[0]![0] && members.every((member, offset) => member?.offset === offset);
  if (scanner.enter(0x5b)) {
    let row = 0;
    do {
      if (whole) builder.readSlot(scanner, row, 0);
      else readPositions(scanner, builder, members, row, problems, () => `${path}.data[${row}]`);
      row++;
    } while (scanner.next(0x5b));
  }
  scanner.position = end;
  return builder.finish();
}

/** Reads CSV with a header line, as pandas writes it. Throws INVALID_INPUT. */
export function readCsvTable(text: string, signature: Signature, problems: ProblemList): Tensor[] {
  refuseHalves(signature, problems);
  let header: string[] | undefined;
  let rows = -1;
  // Counted first: lines are many, and none is kept.
  forEachCsvLine(text, problems, true, (cells) => {
    if (++rows === 0) header = [...cells];
  });
  if (header === undefined) problems.add("csv", "has no header line");
  problems.throwIfAny();
  const width = header!.length;
  // pandas writes its index as a first column without a name.
  const skipped = header![0] === "" ? 1 : 0;
  const layout = rowLayout(signature);
  const members = tableMembers(layout, header!.slice(skipped).map((name) => name.trim()), problems, "csv header");
  const shapes = tableShapes(layout, members);
  refuseHollow(rows, shapes, text.length, problems, "csv");
  const builder = new RowBuilder(signature, layout, rows, shapes, problems, "csv");
  let row = -1;
  forEachCsvLine(text, problems, false, (cells) => {
    if (row >= 0) readCsvRow(cells, row);
    row++;
  });
  return builder.finish();

  function readCsvRow(cells: readonly string[], line: number): void {
    if (cells.length !== width) {
      problems.add(`csv[${line}]`, `has ${counted(cells.length, "value")}; the header has ${width}`);
      return;
    }
    for (let column = skipped; column < width; column++) {
      const member = members[column - skipped];
      if (member !== undefined) builder.setText(cells[column]!, line, member);
    }
    builder.endRow(line);
  }
}

function readColumnNames(scanner: JsonScanner, problems: ProblemList, path: string): (string | number)[] | undefined {
  const names: (string | number)[] = [];
  if (scanner.kind() !== "array") {
    scanner.skipValue();
    problems.add(path, "is not a list of names");
    return undefined;
  }
  if (!scanner.enter(0x5b)) return names;
  do {
    const kind = scanner.kind();
    if (kind === "string") {
      names.push(scanner.readString());
    } else if (kind === "number") {
      names.push(scanner.readNumber());
    } else {
      scanner.skipValue();
      problems.add(`${path}[${names.length}]`, "is not a name");
      names.push("");
    }
    assertWithin("columns", names.length, "columns");
  } while (scanner.next(0x5b));
  return names;
}

/** What each column of a table feeds; undefined for columns that the model does not know. Throws INVALID_INPUT. */
function tableMembers(layout: RowLayout, columns: readonly (string | number)[], problems: ProblemList, path: string): (RowMember | undefined)[] {
  const numbered = columns.every((name) => typeof name === "number");
  if (!layout.named || numbered) {
    const positions = layout.positions ?? columns.map((_, offset) => ({ slot: 0, offset }));
    if (layout.slots.length > 1 && layout.positions === null) problems.add(path, "cannot go by order into this model's inputs; name them");
    else if (columns.length !== positions.length) problems.add(path, `are ${columns.length}; the model takes ${counted(positions.length, "value")} in a row`);
    problems.throwIfAny();
    return [...positions];
  }
  const members = columns.map((name) => layout.members.get(String(name)));
  const brought = new Set(columns.map(String));
  if (brought.size !== columns.length) problems.add(path, "name a column twice");
  layout.slots.forEach(({ spec, columns: names }) => {
    if (brought.has(spec.name)) return;
    if (names === null) problems.add(path, `lack ${quoted(spec.name)}`);
    for (const name of names ?? []) if (!brought.has(name)) problems.add(path, `lack ${quoted(name)}`);
  });
  problems.throwIfAny();
  return members;
}

/** Row shapes for a table, whose one open dimension is its width. */
function tableShapes(layout: RowLayout, members: readonly (RowMember | undefined)[]): number[][] {
  return layout.slots.map(({ rowShape }, slot) => {
    if (!rowShape.includes(-1)) return [...rowShape];
    const width = members.filter((member) => member?.slot === slot).length;
    const fixed = elementCount(rowShape.filter((dimension) => dimension !== -1));
    return rowShape.map((dimension) => (dimension === -1 ? Math.max(1, Math.floor(width / Math.max(1, fixed))) : dimension));
  });
}
