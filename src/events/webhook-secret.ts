import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { EpochMs } from "../core/clock.ts";

/** Seals what is stored; `SecretBox` is one. */
export interface SecretSealer {
  seal(secret: string, purpose: string, owner: string): Uint8Array;
  /** Throws SECRET_UNREADABLE. */
  open(sealed: Uint8Array, purpose: string, owner: string): string;
}

/** The secret of a webhook, empty where it has none, and after a rotation for a day also the one before it: receivers change over without a gap. */
const WebhookSecrets = z.object({ current: z.string(), former: z.object({ secret: z.string(), until: z.number() }).nullable() });
export type WebhookSecrets = z.infer<typeof WebhookSecrets>;

const purpose = "webhook";
const secretBytes = 32;
const formerIsSignedForMs = 86_400_000;

/** In the form of Standard Webhooks: `whsec_` and the key in base64. */
export function newWebhookSecret(): string {
  return `whsec_${randomBytes(secretBytes).toString("base64")}`;
}

export function sealSecrets(box: SecretSealer, webhook: string, secrets: WebhookSecrets): Uint8Array {
  return box.seal(JSON.stringify(secrets), purpose, webhook);
}

/** Throws SECRET_UNREADABLE. */
export function openSecrets(box: SecretSealer, webhook: string, sealed: Uint8Array): WebhookSecrets {
  return WebhookSecrets.parse(JSON.parse(box.open(sealed, purpose, webhook)));
}

export function rotatedSecrets(secrets: WebhookSecrets, secret: string, now: EpochMs): WebhookSecrets {
  return { current: secret, former: { secret: secrets.current, until: now + formerIsSignedForMs } };
}

/** Those to sign with now, the newest first: none of a webhook without a secret. */
export function validSecrets({ current, former }: WebhookSecrets, now: EpochMs): string[] {
  return [current, ...(former !== null && now < former.until ? [former.secret] : [])].filter((secret) => secret !== "");
}
