import { targetState } from "../../../../src/gateway/routing/target-state.ts";
import { formatAge } from "../../format.ts";
import { Chip } from "../../parts/chip.tsx";
import type { TargetHealth } from "./gateway-data.ts";
import { targetTitles, targetTones, targetWords } from "./gateway-words.ts";

/** How a target does; undefined for one that this server has not asked yet. */
export function BreakerChip({ health }: { health: TargetHealth | undefined }) {
  if (health === undefined) return <Chip title="This server has not asked it yet">not asked</Chip>;
  const state = targetState(health);
  return <Chip tone={targetTones[state]} title={targetTitles[state](health)}>{targetWords[state]}{state === "left-alone" ? ` for ${formatAge(health.waitMs)}` : ""}</Chip>;
}
