import { formatMs } from "../../format.ts";
import { Chip } from "../../parts/chip.tsx";
import type { TargetHealth } from "./gateway-data.ts";
import { breakerTones, breakerWords } from "./gateway-words.ts";

/** Whether calls go to a target; undefined for one that this server has not asked yet. */
export function BreakerChip({ health }: { health: TargetHealth | undefined }) {
  if (health === undefined || (health.calls === 0 && health.state === "closed")) return <Chip title="This server has not asked it yet">not asked</Chip>;
  return <Chip tone={breakerTones[health.state]} title={`Breaker ${health.state}`}>{breakerWords[health.state]}{health.state === "open" ? `, ${formatMs(health.waitMs)}` : ""}</Chip>;
}
