/** When a failed delivery is tried again. */
export interface RetrySchedule {
  /** Attempts in all; after the last the delivery is dead. */
  attempts: number;
  /** Longest wait after the first attempt; doubled by each further one. Milliseconds. */
  firstMs: number;
  longestMs: number;
}

/** Waits of up to 10 s, 20 s, 40 s ... 8 h: about 26 hours on average and 51 at most, within which a receiver may be down. */
export const webhookSchedule: RetrySchedule = { attempts: 18, firstMs: 10_000, longestMs: 8 * 3_600_000 };

/** Waits of up to 1 s, 2 s, 4 s ... 5 min: about 9 minutes on average, for what fails within the server. */
export const subscriberSchedule: RetrySchedule = { attempts: 12, firstMs: 1000, longestMs: 300_000 };

/**
 * Milliseconds until the next attempt, or null when there is none: exponential backoff with full jitter, so that what failed
 * together does not come back together. `random` is in [0, 1). A receiver may ask for a longer wait, up to the longest.
 */
export function nextWait(schedule: RetrySchedule, attempt: number, random: number, askedMs = 0): number | null {
  if (attempt >= schedule.attempts) return null;
  const bound = Math.min(schedule.longestMs, schedule.firstMs * 2 ** (attempt - 1));
  return Math.max(Math.ceil(random * bound), Math.min(askedMs, schedule.longestMs));
}
