import type { DeliveryState } from "../../data/types.ts";
import { Chip, type Tone } from "../../parts/chip.tsx";

const tones: Record<DeliveryState, Tone> = { pending: "accent", delivered: "good", dead: "bad" };

/** State of a delivery, with what the receiver answered. */
export function DeliveryChip({ state, status }: { state: DeliveryState; status: number | null }) {
  return <Chip tone={tones[state]} title={state === "dead" ? "Given up after all attempts; it can be delivered again" : undefined}>{state}{status === null ? "" : ` ${status}`}</Chip>;
}
