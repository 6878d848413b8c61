import { anyTier, toldTier } from "../../ledger/index.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Words for being served later, for less. */
const cheaper: ReadonlySet<unknown> = new Set(["flex", "batch"]);

/** The word of a tier that may be dearer than the usual one; null for others. What was asked for in a cheaper one counts as usual until the provider says that it served it so. */
export function dearerTier(value: unknown): string | null {
  return cheaper.has(value) ? null : toldTier(value);
}

/** Several at once are one of their own, with a plus between: none is priced by the other's price. */
export function tiersTogether(tiers: readonly (string | null)[]): string | null {
  const told = tiers.filter((tier) => tier !== null);
  return told.length === 0 ? null : told.join("+");
}

/** Of two rounds together: one that was served in a dearer way makes the call one, and only both make it cheaper; it is rather billed too high. Undefined where neither was told. */
export function tierOfRounds(one: string | null | undefined, other: string | null | undefined): string | null | undefined {
  const told = [one, other].filter((tier) => tier !== undefined);
  const dearer = told.find((tier) => tier !== null && !cheaper.has(tier));
  return dearer ?? (one === other ? one : null);
}

/** What a chat asks of each kind of provider to be served in a dearer way; undefined where it asks nothing of the kind. What a kind has no word for is not sent to it. */
export function askedTier(extra: Fields): ((kind: string) => string | null) | undefined {
  const own = dearerTier(extra.service_tier);
  // As the project at the provider is set.
  const openai = extra.service_tier === "auto" ? anyTier : own;
  const anthropic = tiersTogether([own, dearerTier(extra.speed), dearerTier(extra.inference_geo)]);
  const bedrock = tiersTogether([dearerTier(fieldOf(extra.serviceTier, "type")), dearerTier(fieldOf(extra.performanceConfig, "latency"))]);
  if (openai === null && anthropic === null && bedrock === null) return undefined;
  return (kind) => (kind === "anthropic" ? anthropic : kind === "bedrock" ? bedrock : openai);
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Fields)[name] : value;
}
