import type { Feedback } from "./schemas.ts";

/** The last revision of each, in the order in which they were first given. */
export function latestFeedback(revisions: readonly Feedback[]): Feedback[] {
  return [...new Map(revisions.map((feedback) => [feedback.id, feedback])).values()].sort((left, right) => left.createdAt - right.createdAt);
}
