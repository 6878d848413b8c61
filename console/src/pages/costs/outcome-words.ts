import type { Tone } from "../../parts/chip.tsx";
import type { CostEntry } from "./costs-data.ts";

type Outcome = CostEntry["outcome"];

export const outcomeTones: Record<Outcome, Tone> = { ok: "good", cached: "accent", cancelled: "warning", outrun: "warning", failed: "bad", "failed-over": "warning", interrupted: "bad" };

/** What cannot be seen in the word. */
export const outcomeTitles: Partial<Record<Outcome, string>> = {
  cached: "The answer came from the cache: no provider was asked", cancelled: "The caller left before the end",
  "failed-over": "An attempt that may have cost something: another was made in its place", outrun: "The slower of two attempts, which may have cost something", interrupted: "The server was killed while the call was under way",
};
