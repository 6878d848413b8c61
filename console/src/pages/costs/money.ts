import { absent } from "../../format.ts";

const cents = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const small = new Intl.NumberFormat("en", { maximumSignificantDigits: 3, maximumFractionDigits: 12 });

/** US dollars: cents from one dollar on, whole ones from ten thousand, and three significant digits of what is less, for a call costs parts of a cent. */
export function formatDollars(dollars: number | null | undefined): string {
  if (dollars === null || dollars === undefined || !Number.isFinite(dollars)) return absent;
  const sign = dollars < 0 ? "−" : "";
  const size = Math.abs(dollars);
  if (size === 0) return "$0";
  if (size < 0.995) return `${sign}$${small.format(size)}`;
  return `${sign}$${(size < 10_000 ? cents : whole).format(size)}`;
}

/** Whole billionths of a dollar, as the ledger has them. */
export function formatNano(nano: number | null | undefined): string {
  return formatDollars(nano === null || nano === undefined ? null : nano / 1e9);
}
