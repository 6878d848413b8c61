import { priceTable } from "./prices/price-table.ts";
import { PriceRates, type TablePrice } from "./schemas.ts";

/** The lines of the built-in table. */
export function tablePrices(): TablePrice[] {
  return Object.entries(priceTable).flatMap(([provider, lines]) =>
    lines.map(({ models, from = null, above = null, tiers, ...rates }) => ({ provider, models: [...models], from, rates: PriceRates.parse(rates), above, ...(tiers === undefined ? {} : { tiers: { ...tiers } }) })));
}
