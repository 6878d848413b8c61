import type { Signature, TensorSpec } from "../../registry/index.ts";
import { indices } from "./read-tensor-data.ts";

/** One input of a model, seen as what each row brings to it. */
export interface RowSlot {
  spec: TensorSpec;
  /** Dimensions of one row; empty for one value. -1 where only the request tells. */
  rowShape: readonly number[];
  /** Names of a row's values, in their order; null when they have none. */
  columns: readonly string[] | null;
}

/** Where a name of a row's member leads: to one value of a slot, or to the slot's whole row. */
export interface RowMember {
  slot: number;
  /** Position in the row of the slot; -1 for the whole row. */
  offset: number;
}

/** How rows of named or positioned values become the inputs of a model. */
export interface RowLayout {
  slots: readonly RowSlot[];
  members: ReadonlyMap<string, RowMember>;
  /** Every value of a row in order, for rows without names; null when a row's size is not fixed, or is that of an image. */
  positions: readonly RowMember[] | null;
  /** Whether values have names; without them a table's columns go by their order. */
  named: boolean;
}

/** Rows of more values than this, such as images, come nested. */
const maxPositions = 100_000;

const layouts = new WeakMap<Signature, RowLayout>();

export function rowLayout(signature: Signature): RowLayout {
  let layout = layouts.get(signature);
  if (layout === undefined) layouts.set(signature, (layout = makeLayout(signature)));
  return layout;
}

function makeLayout(signature: Signature): RowLayout {
  const slots: RowSlot[] = signature.inputs.map((spec) => {
    const rowShape = spec.shape.slice(1);
    const { columns } = spec;
    if (columns === undefined || rowShape.length !== 1) return { spec, rowShape, columns: null };
    return { spec, rowShape: [columns.length], columns };
  });
  const members = new Map<string, RowMember>();
  slots.forEach(({ spec }, slot) => members.set(spec.name, { slot, offset: isSingle(slots[slot]!) ? 0 : -1 }));
  slots.forEach(({ columns }, slot) => columns?.forEach((name, offset) => members.set(name, { slot, offset })));
  const sizes = slots.map(({ rowShape }) => rowShape.reduce((product, dimension) => (dimension < 0 ? NaN : product * dimension), 1));
  return {
    slots,
    members,
    positions: !(sizes.reduce((sum, size) => sum + size, 0) <= maxPositions) ? null : slots.flatMap((_, slot) => Array.from({ length: sizes[slot]! }, (_value, offset) => ({ slot, offset }))),
    named: slots.length > 1 || slots.some((slot) => slot.columns !== null || isSingle(slot)),
  };
}

/** A row brings one value. */
export function isSingle({ rowShape }: RowSlot): boolean {
  return rowShape.every((dimension) => dimension === 1);
}

/** The value's name or indices within its row, for messages. */
export function valueName(layout: RowLayout, slot: number, offset: number, rowShape: readonly number[]): string {
  const { columns, spec } = layout.slots[slot]!;
  if (columns !== null) return `.${columns[offset]}`;
  const within = indices(offset, rowShape);
  return layout.slots.length > 1 ? `.${spec.name}${isSingle(layout.slots[slot]!) ? "" : within}` : within;
}
