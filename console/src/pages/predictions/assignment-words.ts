import type { Prediction } from "../../data/types.ts";

type Assignment = NonNullable<Prediction["assignment"]>;

/** Why a request went to its version, in words. */
export function assignmentWords({ arm, by, fraction }: Pick<Assignment, "arm" | "by" | "fraction">): string {
  const at = fraction === null ? "" : ` at ${fraction.toFixed(4)}`;
  return `${arm}, by ${by === "rule" ? "a rule" : by === "key" ? `the caller's key${at}` : `a draw${at}`}`;
}
