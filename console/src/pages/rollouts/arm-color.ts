import { versionColors } from "../../charts/colors.ts";

/** The stable version keeps its colour on every picture of a rollout, and so does the candidate; the variants of a test follow by their place. */
export function armColor(arm: string, index: number): (typeof versionColors)[number] {
  if (arm === "stable") return versionColors[0];
  return arm === "candidate" ? versionColors[1] : versionColors[Math.max(1, index) % versionColors.length]!;
}
