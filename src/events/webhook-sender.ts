import type { Clock } from "../core/clock.ts";
import type { EgressAnswer, EgressClient } from "../core/egress.ts";
import { AppError, toAppError } from "../core/errors.ts";
import type { AttemptResult } from "./attempt.ts";
import type { LeasedDelivery, WebhookTarget } from "./delivery-store.ts";
import type { RecordedEvent } from "./schemas.ts";
import type { WebhookFormats } from "./webhook-format.ts";
import { openSecrets, validSecrets, type SecretSealer } from "./webhook-secret.ts";

const defaultTimeoutMs = 15_000;
/** Nothing of the answer to a delivery is used beyond its status and Retry-After. */
const maxResponseBytes = 1024;
/** What somebody who tries a webhook out is shown of the answer. */
const maxShownBytes = 16 << 10;

/** Sends one event to one webhook, in its format and signed. Any answer but 2xx is a failure, redirects too; 410 asks to be left alone. */
export class WebhookSender {
  readonly #egress: EgressClient;
  readonly #secrets: SecretSealer;
  readonly #clock: Clock;
  readonly #formats: WebhookFormats;
  readonly #timeoutMs: number;

  /** `timeoutMs` is for the whole attempt; 15 seconds by default. */
  constructor(parts: { egress: EgressClient; secrets: SecretSealer; clock: Clock; formats: WebhookFormats; timeoutMs?: number }) {
    this.#egress = parts.egress;
    this.#secrets = parts.secrets;
    this.#clock = parts.clock;
    this.#formats = parts.formats;
    this.#timeoutMs = parts.timeoutMs ?? defaultTimeoutMs;
  }

  /** Never throws. */
  async send({ subscription, event, webhook }: LeasedDelivery, signal: AbortSignal): Promise<AttemptResult> {
    try {
      return resultOf(await this.#post(subscription, webhook!, event, { maxResponseBytes, signal }));
    } catch (thrown) {
      const { code, message } = toAppError(thrown);
      return { ok: false, status: null, error: `${code}: ${message}`, pause: false, askedMs: 0 };
    }
  }

  /** One attempt outside of all deliveries, for whoever waits for the answer. Throws EGRESS_REFUSED, EGRESS_FAILED, SECRET_UNREADABLE. */
  sendOnce(webhook: WebhookTarget & { id: string }, event: RecordedEvent): Promise<EgressAnswer> {
    return this.#post(webhook.id, webhook, event, { maxResponseBytes: maxShownBytes });
  }

  async #post(id: string, { url, sealedSecret, format, detail }: WebhookTarget, event: RecordedEvent, limits: { maxResponseBytes: number; signal?: AbortSignal }): Promise<EgressAnswer> {
    if (!Object.hasOwn(this.#formats, format)) throw new AppError("NOT_SUPPORTED", `This release does not know the format ${JSON.stringify(format.slice(0, 100))}.`);
    const now = this.#clock.now();
    const { headers, body } = this.#formats[format]!.request({ event, detail, secrets: validSecrets(openSecrets(this.#secrets, id, sealedSecret), now), now });
    return this.#egress.send({
      method: "POST", url, body, timeoutMs: this.#timeoutMs, ...limits,
      headers: { "content-type": "application/json", "user-agent": "Slipway", ...headers },
    });
  }
}

function resultOf({ status, headers }: EgressAnswer): AttemptResult {
  if (status >= 200 && status < 300) return { ok: true, status };
  const asked = Number(headers["retry-after"]);
  const what = status >= 300 && status < 400 ? "redirects are not followed" : status === 410 ? "the webhook is paused" : "not a success";
  return { ok: false, status, error: `The receiver answered ${status}: ${what}.`, pause: status === 410, askedMs: Number.isFinite(asked) && asked > 0 ? asked * 1000 : 0 };
}
