import { elementCount, type Tensor } from "../../core/tensor.ts";
import type { Signature } from "../../registry/index.ts";
import { elementRows, type ElementRows } from "./json-element-rows.ts";
import type { JsonScanner } from "./json-scanner.ts";
import { quoted, type ProblemList } from "./problem-list.ts";
import { readLevel } from "./read-tensor-data.ts";
import { RequestAdmission } from "./request-admission.ts";
import { isSingle, valueName, type RowLayout, type RowMember } from "./row-layout.ts";

/** Fills the inputs of a model row by row; problems are named by the row and the value's name. */
export class RowBuilder {
  readonly layout: RowLayout;
  readonly rows: number;
  readonly #problems: ProblemList;
  readonly #admission: RequestAdmission;
  readonly #path: string;
  readonly #shapes: number[][];
  readonly #sizes: number[];
  readonly #sinks: ElementRows[];
  /** Row (counted from 1) in which each slot, and each of its values, was last given. */
  readonly #given: { whole: number; values: Uint32Array }[];

  /** `rowShapes` are those of the layout's slots with every dimension known. `path` names the list of rows. */
  constructor(signature: Signature, layout: RowLayout, rows: number, rowShapes: readonly (readonly number[])[], problems: ProblemList, path: string) {
    this.layout = layout;
    this.rows = rows;
    this.#problems = problems;
    this.#admission = new RequestAdmission(signature, problems);
    this.#path = path;
    this.#shapes = rowShapes.map((shape) => [rows, ...shape]);
    this.#sizes = rowShapes.map(elementCount);
    this.#sinks = layout.slots.map(({ spec }, slot) =>
      elementRows(spec.datatype, rows * this.#sizes[slot]!, problems, (index) => this.#placeOf(slot, index)),
    );
    this.#given = this.#sizes.map((size) => ({ whole: 0, values: new Uint32Array(size) }));
  }

  /** Reads one value, or the whole row of a slot, from JSON. */
  readMember(scanner: JsonScanner, row: number, member: RowMember): void {
    if (member.offset < 0) return this.readSlot(scanner, row, member.slot);
    const { rowShape } = this.layout.slots[member.slot]!;
    // A column of one value may come as a list of one, as its tensor has it.
    if (rowShape.length > 0 && isSingle(this.layout.slots[member.slot]!) && scanner.peek() === 0x5b) return this.readSlot(scanner, row, member.slot);
    this.#given[member.slot]!.values[member.offset] = row + 1;
    this.#sinks[member.slot]!.readElement(scanner, row * this.#sizes[member.slot]! + member.offset);
  }

  /** Reads the whole row of a slot: nested as its shape says, or bare when it is one value. */
  readSlot(scanner: JsonScanner, row: number, slot: number): void {
    const size = this.#sizes[slot]!;
    const shape = this.#shapes[slot]!;
    this.#given[slot]!.whole = row + 1;
    if (size === 1 && (shape.length === 1 || scanner.peek() !== 0x5b)) {
      this.#sinks[slot]!.readElement(scanner, row * size);
      return;
    }
    const place = (list: string): string => this.#path + list;
    readLevel({ scanner, shape, rows: this.#sinks[slot]!, problems: this.#problems, place }, 1, row * size, size);
  }

  /** Puts a cell of CSV. */
  setText(text: string, row: number, member: RowMember): void {
    const { slot } = member;
    const offset = Math.max(0, member.offset);
    this.#given[slot]!.values[offset] = row + 1;
    this.#sinks[slot]!.setText(row * this.#sizes[slot]! + offset, text);
  }

  /** After a row: what it did not bring is missing. */
  endRow(row: number): void {
    this.#given.forEach(({ whole, values }, slot) => {
      if (whole === row + 1) return;
      const absent = values.findIndex((given) => given !== row + 1);
      if (absent < 0) return;
      const { columns, spec } = this.layout.slots[slot]!;
      if (columns === null && values.length > 1 && values.every((given) => given !== row + 1)) {
        this.#problems.add(`${this.#path}[${row}]`, `lacks ${quoted(spec.name)}`);
        return;
      }
      for (let offset = absent; offset < values.length; offset++) {
        if (values[offset] !== row + 1) this.#sinks[slot]!.setMissing(row * values.length + offset);
      }
    });
  }

  /** The tensors in the order of the signature. Throws INVALID_INPUT with everything that was found. */
  finish(): Tensor[] {
    this.layout.slots.forEach(({ spec }, slot) => {
      const shape = this.#shapes[slot]!;
      const admitted = this.#admission.admit(spec.name, spec.datatype, shape, () => this.#path);
      const data = this.#sinks[slot]!.finish();
      if (admitted !== null) {
        this.#admission.keep({ name: spec.name, datatype: spec.datatype, shape, data }, admitted.rule, (index) => this.#placeOf(slot, index));
      }
    });
    return this.#admission.finish();
  }

  #placeOf(slot: number, index: number): string {
    const size = this.#sizes[slot]!;
    return `${this.#path}[${Math.floor(index / size)}]${valueName(this.layout, slot, index % size, this.#shapes[slot]!.slice(1))}`;
  }
}
