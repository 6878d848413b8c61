import type { Cell } from "../../data/tracking.ts";

export interface Aggregate {
  count: number;
  mean: number;
  min: number;
  max: number;
}

/** One line of the table: a run by its row, or the head of a group. */
export type Line = { kind: "run"; row: number } | { kind: "group"; value: string | null; rows: readonly number[]; open: boolean };

/**
 * Lines of a table that is grouped by a column: each value with its rows, in the order in which the values first come; rows without one
 * last. `closed` has the groups that show their head alone. Undefined cells are not known yet and stand with those without a value.
 */
export function groupLines(count: number, valueOf: (row: number) => Cell | undefined, closed: ReadonlySet<string>): Line[] {
  const groups = new Map<string | null, number[]>();
  for (let row = 0; row < count; row++) {
    const cell = valueOf(row);
    const value = cell === undefined || cell === null ? null : String(cell);
    const rows = groups.get(value);
    if (rows === undefined) groups.set(value, [row]);
    else rows.push(row);
  }
  const without = groups.get(null);
  if (without !== undefined) {
    groups.delete(null);
    groups.set(null, without);
  }
  return [...groups].flatMap(([value, rows]): Line[] => {
    const open = !closed.has(groupName(value));
    return [{ kind: "group", value, rows, open }, ...(open ? rows.map((row): Line => ({ kind: "run", row })) : [])];
  });
}

/** How the address names a group: `-` is the one of rows without a value. */
export function groupName(value: string | null): string {
  return value === null ? "-" : `=${value}`;
}

/** Mean, least and greatest of the numbers among the cells; null where there is none. */
export function aggregate(cells: Iterable<Cell | undefined>): Aggregate | null {
  let [count, sum, min, max] = [0, 0, Infinity, -Infinity];
  for (const cell of cells) {
    if (typeof cell !== "number") continue;
    count++;
    sum += cell;
    if (cell < min) min = cell;
    if (cell > max) max = cell;
  }
  return count === 0 ? null : { count, mean: sum / count, min, max };
}
