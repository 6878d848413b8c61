import type { Clock } from "../core/clock.ts";
import type { EgressAnswer, EgressClient } from "../core/egress.ts";
import { toAppError } from "../core/errors.ts";
import type { AttemptResult } from "./attempt.ts";
import type { LeasedDelivery } from "./delivery-store.ts";
import type { RecordedEvent } from "./schemas.ts";
import { openSecrets, signedHeaders, type SecretSealer } from "./webhook-secret.ts";

const defaultTimeoutMs = 15_000;
/** Nothing of an answer is used beyond its status and Retry-After. */
const maxResponseBytes = 1024;

/** Sends one event to one webhook, signed. Any answer but 2xx is a failure, redirects too; 410 asks to be left alone. */
export class WebhookSender {
  readonly #egress: EgressClient;
  readonly #secrets: SecretSealer;
  readonly #clock: Clock;
  readonly #timeoutMs: number;

  /** `timeoutMs` is for the whole attempt; 15 seconds by default. */
  constructor(parts: { egress: EgressClient; secrets: SecretSealer; clock: Clock; timeoutMs?: number }) {
    this.#egress = parts.egress;
    this.#secrets = parts.secrets;
    this.#clock = parts.clock;
    this.#timeoutMs = parts.timeoutMs ?? defaultTimeoutMs;
  }

  /** Never throws. */
  async send({ subscription, event, webhook }: LeasedDelivery, signal: AbortSignal): Promise<AttemptResult> {
    try {
      const body = webhookBody(event);
      const { url, sealedSecret } = webhook!;
      const headers = signedHeaders(openSecrets(this.#secrets, subscription, sealedSecret), event.id, body, this.#clock.now());
      const answer = await this.#egress.send({
        method: "POST", url, body, timeoutMs: this.#timeoutMs, maxResponseBytes, signal,
        headers: { "content-type": "application/json", "user-agent": "Slipway", ...headers },
      });
      return resultOf(answer);
    } catch (thrown) {
      const { code, message } = toAppError(thrown);
      return { ok: false, status: null, error: `${code}: ${message}`, pause: false, askedMs: 0 };
    }
  }
}

/** The payload as Standard Webhooks recommends it: type, time of the event, data. */
function webhookBody({ type, object, team, actor, time, payload }: RecordedEvent): string {
  return JSON.stringify({ type, timestamp: new Date(time).toISOString(), data: { ...payload, object, team, actor } });
}

function resultOf({ status, headers }: EgressAnswer): AttemptResult {
  if (status >= 200 && status < 300) return { ok: true, status };
  const asked = Number(headers["retry-after"]);
  const what = status >= 300 && status < 400 ? "redirects are not followed" : status === 410 ? "the webhook is paused" : "not a success";
  return { ok: false, status, error: `The receiver answered ${status}: ${what}.`, pause: status === 410, askedMs: Number.isFinite(asked) && asked > 0 ? asked * 1000 : 0 };
}
