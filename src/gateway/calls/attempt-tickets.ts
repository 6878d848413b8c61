import type { TokenUsage } from "../conversation/chat-answer.ts";
import type { Ticket } from "../limits/index.ts";
import { targetName } from "../routing/target-name.ts";
import type { RouteTarget } from "../schemas.ts";

type Target = Pick<RouteTarget, "provider" | "model">;

/** The place of one attempt in the limits of its provider and model. */
export interface AttemptTicket {
  target: Target;
  ticket: Ticket;
}

/** Of input and output; what nobody told is none. */
export function tokensOf({ inputTokens, outputTokens }: TokenUsage): number {
  return (inputTokens ?? 0) + (outputTokens ?? 0);
}

/** Corrects the estimates of a call's attempts by what each target used of tokens, in however many attempts and rounds: the last of a target settles it all. */
export function settleTickets(tickets: readonly AttemptTicket[], uses: readonly (Target & { usage: TokenUsage })[]): void {
  const used = new Map<string, number>();
  for (const use of uses) used.set(targetName(use), (used.get(targetName(use)) ?? 0) + tokensOf(use.usage));
  for (const { target, ticket } of tickets.toReversed()) {
    ticket.settle(used.get(targetName(target)) ?? 0);
    used.delete(targetName(target));
  }
}
