import type { AttributeValue } from "./span.ts";
import type { StoredSpan } from "./stored-span.ts";

/** Where a call was in what splits the calls of its route. */
export interface SplitPlace {
  rollout: string;
  phase: string;
  /** `stable` or the name of an arm. */
  arm: string;
  revision: string;
  /** Whose call it was, for statistics that count callers: `key` or `draw`, and the hash by which it was assigned. Absent for a cached answer, which says nothing of the settings, and in traces of former releases. */
  unit?: { by: "key" | "draw"; fraction: number };
}

/** Under this key the places of a trace's answers are indexed. */
export const splitKey = "slipway.split";

/** As it is indexed; null for a span that is no answer of an arm: one of no split route, one that failed, and one whose attribute `slipway.scored` is false. */
export function splitPlaceOf({ attributes, status }: Pick<StoredSpan, "attributes" | "status">): string | null {
  if (attributes["slipway.rollout"] === undefined || status.code === "error" || attributes["slipway.scored"] === false) return null;
  const text = (value: AttributeValue | undefined): string => (typeof value === "string" ? value : "");
  const unit = text(attributes["slipway.unit"]);
  return JSON.stringify([...["rollout", "phase", "arm", "revision"].map((name) => text(attributes[`slipway.${name}`])), ...(unit === "" || attributes["slipway.cache"] === "hit" ? [] : [unit])]);
}

/** Of what `splitPlaceOf` made. */
export function readSplitPlace(text: string): SplitPlace {
  const [rollout = "", phase = "", arm = "", revision = "", unit = ""] = JSON.parse(text) as string[];
  const [, by, fraction] = /^(key|draw) (\S+)$/.exec(unit) ?? [];
  return { rollout, phase, arm, revision, ...(by === undefined ? {} : { unit: { by: by as "key" | "draw", fraction: Number(fraction) } }) };
}
