import { nanoDollars } from "./ledger-entry.ts";

/** Billionths of a US dollar as text: two decimals, and below a dollar three digits that count. */
export function dollars(nano: number): string {
  const amount = nano / nanoDollars;
  return `$${amount !== 0 && Math.abs(amount) < 1 ? Number(amount.toPrecision(3)).toFixed(9).replace(/0+$/, "").replace(/\.$/, "") : amount.toFixed(2)}`;
}
