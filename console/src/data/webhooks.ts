import { useResource, type Resource } from "./resource.ts";
import type { SubscriberStatus, WebhookStatus } from "./types.ts";

export function useWebhooks(): Resource<{ webhooks: WebhookStatus[]; subscribers: SubscriberStatus[] }> {
  return useResource("/api/webhooks", { refreshMs: 4000 });
}
