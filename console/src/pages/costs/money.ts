import { formatDollars as dollarsText } from "../../../../src/core/dollars.ts";
import { absent } from "../../format.ts";

/** US dollars as the command line and errors have them; an en dash where they are not known. */
export function formatDollars(dollars: number | null | undefined): string {
  return dollars === null || dollars === undefined || !Number.isFinite(dollars) ? absent : dollarsText(dollars);
}

/** Dollars as somebody has set them, with all their digits. */
export function formatLimit(dollars: number): string {
  return dollarsText(dollars, 9);
}

/** What calls cost together; where nothing of it has a price, that is not nothing. */
export function spendWords({ cost, unpriced }: { cost: number; unpriced: number }): string {
  return unpriced > 0 && cost === 0 ? "no price" : formatNano(cost);
}

/** Whole billionths of a dollar, as the ledger has them. */
export function formatNano(nano: number | null | undefined): string {
  return formatDollars(nano === null || nano === undefined ? null : nano / 1e9);
}
