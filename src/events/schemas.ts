import { z } from "zod";

const Timestamp = z.number().int().nonnegative().meta({ description: "Milliseconds since 1970-01-01T00:00:00Z" });

/** What can happen, and what the event says of it beside object, team and actor. */
export const eventPayloads = {
  "model.version.registered": z.object({ model: z.string(), version: z.string() }),
  "model.alias.changed": z.object({ model: z.string(), alias: z.string(), version: z.string() }),
  "model.policy.changed": z.object({ model: z.string(), revision: z.number().int() }),
  "workflow.run.succeeded": z.looseObject({}),
  "workflow.run.failed": z.looseObject({}),
  "workflow.run.cancelled": z.looseObject({}),
  "key.created": z.looseObject({}),
  "key.revoked": z.looseObject({}),
  "team.created": z.looseObject({}),
  "team.removed": z.looseObject({}),
  "webhook.test": z.looseObject({}),
} as const;

/** Sent to one webhook on request, and to nobody else. */
export const testEventType = "webhook.test";

/** An event of the outbox. */
export const RecordedEvent = z
  .object({
    sequence: z.number().int().meta({ description: "Position in the order of commits, from 1 and without gaps" }),
    id: z.string().meta({ description: "The same in every delivery: receivers deduplicate by it" }),
    type: z.string(),
    object: z.string().meta({ description: "What it happened to, such as model:churn; deliveries of one object keep their order" }),
    team: z.string(),
    actor: z.string().meta({ description: "Whose doing it was" }),
    time: Timestamp,
    payload: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "Event" });
export type RecordedEvent = z.infer<typeof RecordedEvent>;
