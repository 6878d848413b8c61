/** Entries from `from` to before `to`. */
export interface Range {
  from: number;
  to: number;
}

/** Rows of one height that are in view, with `overscan` more at each side. */
export function rowsInView(view: { scroll: number; size: number }, rowHeight: number, count: number, overscan = 6): Range {
  const from = Math.max(0, Math.floor(view.scroll / rowHeight) - overscan);
  const to = Math.min(count, Math.ceil((view.scroll + view.size) / rowHeight) + overscan);
  return { from: Math.min(from, Math.max(0, count)), to: Math.max(to, Math.min(from, count)) };
}

/** Columns in view; `edges[i]` is where column i begins, and the last edge where all end. */
export function columnsInView(view: { scroll: number; size: number }, edges: readonly number[], overscan = 1): Range {
  const count = edges.length - 1;
  if (count <= 0) return { from: 0, to: 0 };
  const from = Math.max(0, lastAtMost(edges, view.scroll) - overscan);
  const to = Math.min(count, lastAtMost(edges, view.scroll + view.size) + 1 + overscan);
  return { from, to: Math.max(from, to) };
}

/** Index of the last number that is not above `value`; 0 where all are. `sorted` ascends. */
function lastAtMost(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (sorted[middle]! <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Where columns of these widths begin, and where the last one ends. */
export function edgesOf(widths: readonly number[]): number[] {
  const edges = [0];
  for (const width of widths) edges.push(edges.at(-1)! + width);
  return edges;
}
