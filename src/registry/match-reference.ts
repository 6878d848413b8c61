import { counted } from "../core/counted.ts";
import type { Problem } from "../core/errors.ts";
import type { Datatype } from "../core/tensor.ts";
import type { ProfileRequest, TableColumn } from "./reference-profiler.ts";
import type { TensorSpec } from "./schemas.ts";

export interface ReferenceMatch {
  /** The inputs with the names of the columns that feed them. */
  inputs: TensorSpec[];
  requests: ProfileRequest[];
  ignoredColumns: string[];
  problems: Problem[];
}

export interface MatchHints {
  target?: string | undefined;
  /** Columns in the order of the model's vector. */
  columns?: readonly string[] | undefined;
}

/**
 * Finds the columns of a table that feed a model's inputs: by name for inputs of one value per row, in order for a
 * vector of features. What does not fit is a problem, named; nothing is guessed.
 */
export function matchReference(inputs: readonly TensorSpec[], columns: readonly TableColumn[], hints: MatchHints): ReferenceMatch {
  const problems: Problem[] = [];
  const byName = new Map(columns.map((column) => [column.name, column]));
  for (const name of [...(hints.columns ?? []), ...(hints.target === undefined ? [] : [hints.target])]) {
    if (!byName.has(name)) problems.push({ path: `reference.${name}`, message: "the reference data has no such column" });
  }
  const ordered = new Set<string>();
  hints.columns?.forEach((name, index) => {
    if (ordered.has(name)) problems.push({ path: `columns[${index}]`, message: `names ${quoted(name)} again; a column feeds one place` });
    else if (name === hints.target) problems.push({ path: `columns[${index}]`, message: `names the target ${quoted(name)}, which is no input` });
    ordered.add(name);
  });
  const used = new Set<string>(hints.target === undefined ? [] : [hints.target]);
  const requests: ProfileRequest[] = [];
  const named: TensorSpec[] = inputs.map((input) => {
    if (widthOf(input) !== 1 || input.shape.length > 2) return input;
    const column = findColumn(input.name, columns) ?? (inputs.length === 1 && hints.columns?.length === 1 ? byName.get(hints.columns[0]!) : undefined);
    if (column === undefined) {
      problems.push({ path: `inputs.${input.name}`, message: "the reference data has no column of this name" });
      return input;
    }
    if (column.name === hints.target && !ordered.has(column.name)) {
      problems.push({ path: "target", message: `names ${quoted(column.name)}, which feeds the input ${quoted(input.name)}; what a model predicts is none of its inputs` });
    }
    used.add(column.name);
    checkType(column, input, problems);
    requests.push({ column: column.name, input: input.name, index: 0, ...profileKind(input.datatype) });
    return { ...input, columns: [column.name] };
  });
  const wide = named.filter((input) => widthOf(input) !== 1 || input.shape.length > 2);
  const matched = named.map((input) => {
    if (!wide.includes(input)) return input;
    if (input.shape.length !== 2) {
      problems.push({ path: `inputs.${input.name}`, message: `columns of a table cannot feed the shape [${input.shape.join(", ")}]; deploy without reference data` });
      return input;
    }
    if (wide.length > 1) {
      problems.push({ path: `inputs.${input.name}`, message: "the model takes several vectors; columns cannot be told apart" });
      return input;
    }
    const names = hints.columns ?? columns.map((column) => column.name).filter((name) => !used.has(name));
    const width = widthOf(input);
    if (width !== -1 && names.length !== width) {
      const advice = hints.columns === undefined ? "; name the target with --target, or the inputs with --columns" : "";
      problems.push({ path: `inputs.${input.name}`, message: `the model takes ${counted(width, "column")} and the reference data has ${names.length} (${names.slice(0, 20).join(", ")})${advice}` });
      return input;
    }
    names.forEach((name, index) => {
      const column = byName.get(name);
      if (column === undefined) return;
      used.add(name);
      checkType(column, input, problems);
      requests.push({ column: name, input: input.name, index, ...profileKind(input.datatype) });
    });
    return { ...input, columns: [...names] };
  });
  const ignoredColumns = columns.map((column) => column.name).filter((name) => !used.has(name));
  return { inputs: matched, requests, ignoredColumns, problems };
}

/** A name of the caller's, never longer than it takes to recognise it. */
function quoted(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 79)}…` : name);
}

/** Values per row: 1 for [-1] and [-1, 1], D for [-1, D], -1 when it is open. */
function widthOf(input: TensorSpec): number {
  return input.shape.length < 2 ? 1 : input.shape[input.shape.length - 1]!;
}

/** By exact name, else by the only one that differs in case or in signs that exporters replace. */
function findColumn(name: string, columns: readonly TableColumn[]): TableColumn | undefined {
  const exact = columns.find((column) => column.name === name);
  if (exact !== undefined) return exact;
  const plain = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]+/g, "_");
  const similar = columns.filter((column) => plain(column.name) === plain(name));
  return similar.length === 1 ? similar[0] : undefined;
}

function profileKind(datatype: Datatype): Pick<ProfileRequest, "kind" | "precision"> {
  if (datatype === "BYTES") return { kind: "categorical" };
  return { kind: "numeric", precision: datatype === "FP16" ? "half" : datatype === "FP32" ? "single" : "double" };
}

function checkType(column: TableColumn, input: TensorSpec, problems: Problem[]): void {
  const accepted = acceptedKinds(input.datatype);
  if (accepted.includes(column.kind)) return;
  problems.push({ path: `reference.${column.name}`, message: `the column holds ${column.kind} values and the model's input ${input.name} takes ${input.datatype}` });
}

function acceptedKinds(datatype: Datatype): readonly TableColumn["kind"][] {
  if (datatype === "BYTES") return ["text"];
  if (datatype === "BOOL") return ["boolean", "integer"];
  return datatype.startsWith("FP") ? ["float", "integer", "boolean"] : ["integer", "boolean"];
}
