import { formatDollars } from "../core/dollars.ts";
import { nanoDollars } from "./ledger-entry.ts";

/** Billionths of a US dollar as text. */
export function dollars(nano: number): string {
  return formatDollars(nano / nanoDollars);
}
