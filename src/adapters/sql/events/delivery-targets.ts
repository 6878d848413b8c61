import type { Kysely } from "kysely";
import { isWanted, matchesType, testEventType, type RecordedEvent, type Subscription, type WebhookFormats } from "../../../events/index.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import { webhookDetailOf } from "./sql-webhook-store.ts";

/** Who gets events, from where on, and which. */
export interface Target {
  name: string;
  cursor: number;
  wants: (event: RecordedEvent) => boolean;
}

/** Everything that has a cursor and is known here: webhooks, and the subscriptions of this release. */
export async function readTargets(queries: Kysely<DatabaseSchema>, subscriptions: readonly Subscription[], formats: WebhookFormats): Promise<Target[]> {
  const rows = await queries
    .selectFrom("subscriptions").leftJoin("webhooks", "webhooks.id", "subscriptions.name")
    .select(["subscriptions.name", "subscriptions.sequence", "webhooks.types_json", "webhooks.team", "webhooks.format", "webhooks.detail_json"]).execute();
  return rows.flatMap(({ name, sequence, types_json, team, format, detail_json }): Target[] => {
    if (types_json !== null) {
      const types = JSON.parse(types_json) as string[];
      const webhook = { format: format!, detail: webhookDetailOf(detail_json) };
      const isOf = (event: RecordedEvent): boolean => (event.type === testEventType ? event.object === `webhook:${name}` : isFor(team!, event) && types.some((type) => matchesType(type, event.type)));
      return [{ name, cursor: sequence, wants: (event) => isOf(event) && isWanted(formats, webhook, event) }];
    }
    const known = subscriptions.find((subscription) => subscription.name === name);
    if (known === undefined) return [];
    return [{ name, cursor: sequence, wants: ({ type }) => type !== testEventType && known.types.some((wanted) => matchesType(wanted, type)) }];
  });
}

function isFor(team: string, event: RecordedEvent): boolean {
  return team === "*" || team === event.team;
}
