import type { RetryPolicy } from "./definition.ts";

export function retryPolicyOf(policy: RetryPolicy = {}): Required<RetryPolicy> {
  return { maxAttempts: 3, initialDelayMs: 1000, factor: 2, maxDelayMs: 60_000, ...policy };
}

/**
 * Full jitter: anything between nothing and the exponential bound, so that those who failed together do not come back
 * together. `attempt` is the one that failed, from 1; `random` in [0, 1).
 */
export function retryDelayMs({ initialDelayMs, factor, maxDelayMs }: Required<RetryPolicy>, attempt: number, random: number): number {
  return Math.floor(random * Math.min(maxDelayMs, initialDelayMs * factor ** (attempt - 1)));
}
