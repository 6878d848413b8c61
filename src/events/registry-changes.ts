import type { EventBus } from "../core/events.ts";
import { eventPayloads, type RecordedEvent } from "./schemas.ts";

/** Says on the process's own bus what another replica changed in the registry, as if it had happened here. */
export function announceRegistryChange(event: RecordedEvent, bus: EventBus): void {
  switch (event.type) {
    case "model.version.registered":
      return bus.emit("version.registered", eventPayloads[event.type].parse(event.payload));
    case "model.alias.changed":
      return bus.emit("alias.changed", eventPayloads[event.type].parse(event.payload));
    case "model.policy.changed":
      return bus.emit("policy.changed", eventPayloads[event.type].parse(event.payload));
    default:
  }
}
