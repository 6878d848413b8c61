import type { ApiKey } from "../../data/types.ts";

const dayMs = 86_400_000;

export interface KeyState {
  word: "active" | "expires soon" | "expired" | "revoked";
  tone: "good" | "warning" | "neutral" | "bad";
}

/** Whether a key still opens anything at `now`; within its last week it says so. */
export function keyState(key: Pick<ApiKey, "revokedAt" | "expiresAt">, now: number): KeyState {
  if (key.revokedAt !== null) return { word: "revoked", tone: "neutral" };
  if (key.expiresAt === null) return { word: "active", tone: "good" };
  if (key.expiresAt <= now) return { word: "expired", tone: "neutral" };
  return key.expiresAt - now < 7 * dayMs ? { word: "expires soon", tone: "warning" } : { word: "active", tone: "good" };
}

/** `90` and `0.5` as they are typed; null for a key that never expires, undefined for what is no number of days. */
export function expiryDays(text: string): number | null | undefined {
  if (text === "never") return null;
  const days = Number(text);
  return text.trim() !== "" && Number.isFinite(days) && days > 0 && days <= 3650 ? days : undefined;
}
