import type { RouteSettings } from "./gateway-data.ts";

/** One setting that is not the same; a prompt by its lines, everything else as JSON. */
export interface ChangedSetting {
  name: string;
  lines: ComparedLine[];
}

/** A line of both sides, or of one: null where the other side has nothing at its place. */
export interface ComparedLine {
  before: string | null;
  after: string | null;
  same: boolean;
}

/** Longer texts are compared place by place: the search for what they share grows with the square. */
const mostLines = 500;

/** What differs between two states of a route's settings, in the order of their names; the system prompt first. */
export function settingsDifference(before: RouteSettings, after: RouteSettings): ChangedSetting[] {
  const [left, right] = [before, after] as unknown as Record<string, unknown>[];
  const names = [...new Set([...Object.keys(left!), ...Object.keys(right!)])].filter((name) => JSON.stringify(left![name]) !== JSON.stringify(right![name]));
  const isPrompt = (name: string): number => (name === "systemPrompt" ? 0 : 1);
  return names.sort((one, other) => isPrompt(one) - isPrompt(other) || (one < other ? -1 : 1)).map((name) => ({ name, lines: lineDifference(textOf(left![name]), textOf(right![name])) }));
}

/** Lines side by side, so that those of both stand beside each other (a longest common subsequence). */
export function lineDifference(before: string, after: string): ComparedLine[] {
  const [left, right] = [linesOf(before), linesOf(after)];
  const isLong = left.length > mostLines || right.length > mostLines;
  const common = isLong ? null : commonLengths(left, right);
  const lines: ComparedLine[] = [];
  const flush = (from: number, to: number, fromRight: number, toRight: number): void => {
    for (let index = 0; index < Math.max(to - from, toRight - fromRight); index++) {
      const [one, other] = [from + index < to ? left[from + index]! : null, fromRight + index < toRight ? right[fromRight + index]! : null];
      lines.push({ before: one, after: other, same: one === other });
    }
  };
  if (common === null) {
    flush(0, left.length, 0, right.length);
    return lines;
  }
  let [at, atRight, from, fromRight] = [0, 0, 0, 0];
  while (at < left.length && atRight < right.length) {
    if (left[at] === right[atRight]) {
      flush(from, at, fromRight, atRight);
      lines.push({ before: left[at]!, after: right[atRight]!, same: true });
      [from, fromRight] = [++at, ++atRight];
    } else if (common[at + 1]![atRight]! >= common[at]![atRight + 1]!) at++;
    else atRight++;
  }
  flush(from, left.length, fromRight, right.length);
  return lines;
}

/** At [i][j], how many lines the rests from i and j have in common in one order. */
function commonLengths(left: readonly string[], right: readonly string[]): Uint16Array[] {
  const table = Array.from({ length: left.length + 1 }, () => new Uint16Array(right.length + 1));
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) table[i]![j] = left[i] === right[j] ? table[i + 1]![j + 1]! + 1 : Math.max(table[i + 1]![j]!, table[i]![j + 1]!);
  }
  return table;
}

function linesOf(text: string): string[] {
  return text === "" ? [] : text.split("\n");
}

function textOf(value: unknown): string {
  return value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 2);
}
