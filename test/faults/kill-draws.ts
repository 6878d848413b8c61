import type { SeededRandom } from "../kit/seed.ts";
import type { Ambush } from "./victim-messages.ts";

/** How a process is to die. */
export interface Death {
  ambush: Ambush | null;
  /** At any moment of its work where there is no ambush: from when it works; milliseconds. */
  afterMs: number | null;
  /** Between its word and the kill; milliseconds, with fractions. */
  delayMs: number;
}

/** Each with a number of comings of which one is drawn: points that come often are met early and late. */
const ofRuns: readonly (readonly [point: string, comings: number])[] = [
  ["before effect", 8], ["after effect", 8], ["function begins", 8], ["function done", 8], ["function journalled", 8], ["function failed", 2], ["function answered", 8],
  ["compensation begins", 3], ["compensation done", 3], ["compensation journalled", 3], ["leased", 3], ["releasing", 2], ["released", 2], ["signal taken", 2],
  ...["lease", "renew", "release", "readSteps", "wait", "take", "appendLog"].flatMap((call) => aroundCall(call, 2)),
  ...aroundCall("writeSteps", 12), ...aroundCall("writeSteps", 12),
];

const ofSchedules: typeof ofRuns = [
  ...aroundCall("fire", 3), ...aroundCall("fire", 3), ...aroundCall("lease", 2), ...aroundCall("renew", 1), ...aroundCall("writeSteps", 2), ...aroundCall("release", 2),
  ["before effect", 2], ["after effect", 2],
];

function aroundCall(call: string, comings: number): (readonly [string, number])[] {
  return ["before", "during", "after"].map((when) => [`${when} ${call}`, comings] as const);
}

export function drawDeath(random: SeededRandom, task: "runs" | "schedules"): Death {
  if (random.integer(0, 3) === 0) return { ambush: null, afterMs: random.integer(1, 200), delayMs: 0 };
  const [point, comings] = random.pick(task === "runs" ? ofRuns : ofSchedules);
  // While a call is under way nothing stops: the kill meets the write in its middle, or shortly before or after it.
  const stops = !point.startsWith("during ") && random.integer(0, 3) > 0;
  return { ambush: { point, nth: random.integer(1, comings), latest: random.integer(100, 400), stops }, afterMs: null, delayMs: stops ? 0 : random.next() * 3 };
}
