type Fields = Readonly<Record<string, unknown>>;

/** Words for being served as usual, or cheaper than that. */
const usual: ReadonlySet<unknown> = new Set(["auto", "default", "standard", "standard_only", "flex", "batch", "scale", "reserved", "on_demand", "global", "not_available", ""]);

/** The word of a tier that may be dearer than the usual one; null for the usual ones. */
export function dearerTier(value: unknown): string | null {
  if (value === undefined || value === null || usual.has(value)) return null;
  return (typeof value === "string" ? value : JSON.stringify(value)).slice(0, 64);
}

/** Several at once are one of their own, with a plus between: none is priced by the other's price. */
export function tiersTogether(tiers: readonly (string | null)[]): string | null {
  const told = tiers.filter((tier) => tier !== null);
  return told.length === 0 ? null : told.join("+");
}

/** What a chat asks of each kind of provider to be served in a dearer way; undefined where it asks nothing of the kind. What a kind has no word for is not sent to it. */
export function askedTier(extra: Fields): ((kind: string) => string | null) | undefined {
  const openai = dearerTier(extra.service_tier);
  const anthropic = tiersTogether([openai, dearerTier(extra.speed), dearerTier(extra.inference_geo)]);
  const bedrock = tiersTogether([dearerTier(fieldOf(extra.serviceTier, "type")), dearerTier(fieldOf(extra.performanceConfig, "latency"))]);
  if (openai === null && anthropic === null && bedrock === null) return undefined;
  return (kind) => (kind === "anthropic" ? anthropic : kind === "bedrock" ? bedrock : openai);
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Fields)[name] : value;
}
