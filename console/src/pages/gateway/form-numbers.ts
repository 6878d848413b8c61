/** A number as it is typed: undefined for nothing, NaN for what is none. */
export function numberOf(text: string): number | undefined {
  if (text.trim() === "") return undefined;
  const value = Number(text.replace(/^\$/, ""));
  return Number.isFinite(value) ? value : Number.NaN;
}

export function textOfNumber(value: number | undefined): string {
  return value === undefined ? "" : String(value);
}

export interface NumberRule {
  whole?: boolean;
  least?: number;
  /** Must be more than the least. */
  above?: boolean;
  most?: number;
  needed?: boolean;
}

/** What is wrong with a typed number; undefined when nothing is. */
export function numberProblem(text: string, { whole = false, least = 0, above = false, most = Infinity, needed = false }: NumberRule = {}): string | undefined {
  const value = numberOf(text);
  if (value === undefined) return needed ? "A number is needed." : undefined;
  const isRight = !Number.isNaN(value) && (above ? value > least : value >= least) && value <= most && (!whole || Number.isInteger(value));
  if (isRight) return undefined;
  const range = above ? `above ${least}` : Number.isFinite(most) ? `from ${least} to ${most}` : `from ${least} on`;
  return `${whole ? "A whole number" : "A number"} ${range}.`;
}
