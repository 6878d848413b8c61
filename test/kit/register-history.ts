/** One thing that a client did to a register, at whole-numbered moments that are all different. */
export interface RegisterOperation {
  kind: "write" | "read";
  register: string;
  /** Every write of a register writes another value; null is what it holds before the first. */
  value: number | null;
  start: number;
  /** Infinity when the client never learnt what became of its write. */
  end: number;
}

/**
 * What cannot have happened on registers that each read and write in one moment between start and end, or null. A write of
 * unknown outcome may have happened at any time after its start, or never. Exact, by the zones of Gibbons and Korach
 * ("Testing Shared Memories", 1997): with distinct values a history is atomic when no two forward zones overlap and no
 * forward zone holds a backward zone.
 */
export function registerViolation(operations: readonly RegisterOperation[]): string | null {
  for (const [register, own] of Map.groupBy(operations, (operation) => operation.register)) {
    const violation = violationOf(own);
    if (violation !== null) return `${register}: ${violation}`;
  }
  return null;
}

interface Zone {
  value: number | null;
  isForward: boolean;
  low: number;
  high: number;
}

function violationOf(operations: readonly RegisterOperation[]): string | null {
  const beginning: RegisterOperation = { kind: "write", register: "", value: null, start: -Infinity, end: -Infinity };
  const zones: Zone[] = [];
  for (const [value, own] of Map.groupBy([beginning, ...operations], (operation) => operation.value)) {
    const [write, second] = own.filter(({ kind }) => kind === "write");
    const reads = own.filter(({ kind }) => kind === "read");
    if (write === undefined) return `${value} was read and never written`;
    if (second !== undefined) return `${value} was written twice`;
    const early = reads.find(({ end }) => end < write.start);
    if (early !== undefined) return `${value} was read at ${early.end} and written from ${write.start} on`;
    if (write.end === Infinity && reads.length === 0) continue;
    const firstEnd = Math.min(...own.map(({ end }) => end));
    const lastStart = Math.max(...own.map(({ start }) => start));
    zones.push({ value, isForward: firstEnd < lastStart, low: Math.min(firstEnd, lastStart), high: Math.max(firstEnd, lastStart) });
  }
  for (const forward of zones.filter(({ isForward }) => isForward)) {
    for (const other of zones) {
      if (other === forward) continue;
      const clash = other.isForward ? other.low < forward.high && forward.low < other.high : forward.low < other.low && other.high < forward.high;
      if (clash) return `it held ${forward.value} from ${forward.low} to ${forward.high}, and ${other.value} in between (${other.low} to ${other.high})`;
    }
  }
  return null;
}
