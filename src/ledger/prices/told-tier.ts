/** Words for being served as usual. */
const usual: ReadonlySet<unknown> = new Set(["auto", "default", "standard", "standard_only", "scale", "reserved", "on_demand", "global", "not_available", ""]);

/** The word by which a provider says that it served a call otherwise than as usual, else null. */
export function toldTier(value: unknown): string | null {
  if (value === undefined || value === null || usual.has(value)) return null;
  return (typeof value === "string" ? value : JSON.stringify(value)).slice(0, 64);
}
