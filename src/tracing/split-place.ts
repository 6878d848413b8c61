import type { AttributeValue } from "./span.ts";
import type { StoredSpan } from "./stored-span.ts";

/** Where a call was in what splits the calls of its route. */
export interface SplitPlace {
  rollout: string;
  phase: string;
  /** `stable` or the name of an arm. */
  arm: string;
  revision: string;
}

/** Under this key the places of a trace's answers are indexed. */
export const splitKey = "slipway.split";

/** As it is indexed; null for a span that is no answer of an arm: one of no split route, one that failed, and one whose attribute `slipway.scored` is false. */
export function splitPlaceOf({ attributes, status }: StoredSpan): string | null {
  if (attributes["slipway.rollout"] === undefined || status.code === "error" || attributes["slipway.scored"] === false) return null;
  const text = (value: AttributeValue | undefined): string => (typeof value === "string" ? value : "");
  return JSON.stringify(["rollout", "phase", "arm", "revision"].map((name) => text(attributes[`slipway.${name}`])));
}

/** Of what `splitPlaceOf` made. */
export function readSplitPlace(text: string): SplitPlace {
  const [rollout = "", phase = "", arm = "", revision = ""] = JSON.parse(text) as string[];
  return { rollout, phase, arm, revision };
}
