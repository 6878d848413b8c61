export * from "./schemas.ts";
export { systemAlarm, type Alarm } from "./alarm.ts";
export type { EventFilter, EventVisibility, Outbox } from "./outbox.ts";
export { OutboxFollower } from "./outbox-follower.ts";
export { announceRegistryChange } from "./registry-changes.ts";
export { OwnEvents } from "./own-events.ts";
export { Refresher } from "./refresher.ts";
