import { anyTier, toldTier } from "../../ledger/index.ts";
import type { Protocol } from "../providers/provider-mapping.ts";

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

/** The dearer way in which a provider of a kind serves a call. `byDefault`: that of calls that ask for none, as the provider is set up; null where that is the usual one. */
export type TierOf = (kind: string, byDefault: string | null) => string | null;

/** Kinds that have no `service_tier`, and take no caller's bytes as they are: whatever is asked for in it is dropped before them. */
const untold: ReadonlySet<string> = new Set(["gemini", "cohere"]);

/**
 * What a chat asks of each kind of provider to be served in a dearer way. What a kind has no word for is not sent to it: Anthropic has other words for `service_tier`, of which none costs more, and gets those of
 * its own `protocol` alone as they are. Without a protocol it may be any.
 */
export function askedTier({ service_tier: tier, speed, inference_geo: place, serviceTier, performanceConfig }: Fields, protocol: Protocol = "anthropic-messages"): TierOf {
  if (!isSaid(tier) && !isSaid(speed) && !isSaid(place) && !isSaid(serviceTier) && !isSaid(performanceConfig)) return asksNothing;
  const own = dearerTier(tier);
  const asksOpenAi = isSaid(tier) && tier !== "auto";
  const [fast, at] = [tiersTogether([protocol === "anthropic-messages" ? own : null, dearerTier(speed)]), dearerTier(place)];
  const asksPlace = isSaid(place);
  const bedrock = tiersTogether([dearerTier(fieldOf(serviceTier, "type")), dearerTier(fieldOf(performanceConfig, "latency"))]);
  const asksBedrock = isSaid(serviceTier) || isSaid(performanceConfig);
  return (kind, byDefault) => {
    // A workspace there has a place by default, and nothing else.
    if (kind === "anthropic") return tiersTogether([fast, asksPlace ? at : byDefault]);
    if (kind === "bedrock") return asksBedrock ? bedrock : byDefault;
    if (untold.has(kind)) return byDefault;
    // As the project at the provider is set; where nobody said how, it may be any.
    return asksOpenAi ? own : (byDefault ?? (tier === "auto" ? anyTier : null));
  };
}

const asksNothing: TierOf = (_kind, byDefault) => byDefault;

function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Fields)[name] : value;
}
