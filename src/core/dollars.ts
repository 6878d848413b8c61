const mostDecimals = 12;

/**
 * US dollars for people: two decimals, and below a dollar as many more as `digits` that count need, for a call costs parts of a cent: `$1,234.50`, `$0.30`, `$0.0000045`.
 * More digits are for what somebody has set, and wants to see as it is.
 */
export function formatDollars(dollars: number, digits = 3): string {
  const size = Math.abs(dollars);
  const decimals = size === 0 ? 2 : Math.min(mostDecimals, Math.max(2, digits - 1 - Math.floor(Math.log10(size))));
  const [whole, parts] = size.toFixed(decimals).replace(/(\.\d\d\d*?)0+$/, "$1").split(".");
  return `${dollars < 0 ? "-" : ""}$${whole!.replace(/\B(?=(\d{3})+$)/g, ",")}.${parts}`;
}
