import { AppError } from "../../core/errors.ts";
import type { CacheMark, ChatMessage, ChatRequest } from "../conversation/chat-request.ts";
import type { RouteSettings } from "../schemas.ts";
import { estimateChat, estimateMessage } from "./chat-tokens.ts";

export interface TruncatedChat {
  /** The same object where everything fitted. */
  request: ChatRequest;
  /** Of the request as it is now. */
  tokens: number;
  /** How many messages were left out, and their tokens; 0 where everything fitted. */
  leftOut: { messages: number; tokens: number };
}

/**
 * Makes a conversation fit into `limit` tokens (the model's context less what is kept for the answer). System messages, the last message of the user and the end of the conversation stay; a tool call and its results
 * stay or go together. `oldest-first` leaves out from the start; `middle-out` from the middle, so that the first task and the newest turns stay. A cache mark of what is left out moves to the last message before the
 * gap, up to where the prompt is the same in the next call too.
 * Throws CONTEXT_TOO_LONG for the policy `error`, and where what must stay is too long by itself.
 */
export function truncateChat(request: ChatRequest, policy: RouteSettings["truncate"], limit: number, tokensOf: (message: ChatMessage) => number = estimateMessage): TruncatedChat {
  const counts = request.messages.map(tokensOf);
  // Tools and frames: everything that is no message.
  const beside = estimateChat({ ...request, messages: [] });
  const total = counts.reduce((sum, count) => sum + count, beside);
  if (total <= limit) return { request, tokens: total, leftOut: { messages: 0, tokens: 0 } };
  if (policy === "error") throw tooLong(total, limit);
  const blocks = blocksOf(request.messages);
  const removed = new Set<number>();
  let tokens = total;
  for (const block of policy === "oldest-first" ? blocks : fromTheMiddle(blocks)) {
    // Some providers want a conversation to begin with the user.
    if (tokens <= limit && (policy !== "oldest-first" || request.messages[block[0] ?? 0]?.role === "user")) break;
    for (const index of block) {
      removed.add(index);
      tokens -= counts[index] ?? 0;
    }
  }
  if (tokens > limit) throw tooLong(tokens, limit);
  return { request: { ...request, messages: without(request.messages, removed) }, tokens, leftOut: { messages: removed.size, tokens: total - tokens } };
}

function tooLong(tokens: number, limit: number): AppError {
  return new AppError("CONTEXT_TOO_LONG", `The conversation has about ${tokens} tokens; ${limit} fit.`);
}

/** Indexes of messages that go together, oldest first, without those that must stay. A tool's result goes with its call, or where it has none with what stands before it. */
function blocksOf(messages: readonly ChatMessage[]): number[][] {
  const blocks: number[][] = [];
  const blockOfCall = new Map<string, number[]>();
  const blockOf = new Map<number, number[]>();
  let newest: number[] | undefined;
  for (const [index, message] of messages.entries()) {
    if (message.role === "system") continue;
    let block = message.role === "tool" ? (blockOfCall.get(message.callId) ?? newest) : undefined;
    if (block === undefined) blocks.push((block = newest = []));
    block.push(index);
    blockOf.set(index, block);
    if (message.role === "assistant") for (const part of message.parts) if (part.type === "tool-call") blockOfCall.set(part.id, block);
  }
  const staying = [blockOf.get(messages.findLastIndex(({ role }) => role === "user")), blockOf.get(messages.findLastIndex(({ role }) => role !== "system"))];
  return blocks.filter((block) => !staying.includes(block));
}

/** The block in the middle first, then those around it by turns, the older one first. */
function fromTheMiddle(blocks: readonly number[][]): number[][] {
  const center = (blocks.length - 1) / 2;
  return blocks.map((block, index) => ({ block, distance: Math.abs(index - center), index })).sort((a, b) => a.distance - b.distance || a.index - b.index).map(({ block }) => block);
}

function without(messages: readonly ChatMessage[], removed: ReadonlySet<number>): ChatMessage[] {
  const kept: ChatMessage[] = [];
  let isGap = false;
  for (const [index, message] of messages.entries()) {
    if (!removed.has(index)) {
      kept.push(message);
      isGap = false;
      continue;
    }
    const mark = isGap ? undefined : markOf(message);
    const before = kept.at(-1);
    // Behind the first message that is left out the prompt differs from call to call: only the first mark is of use.
    if (mark !== undefined && before !== undefined && kept.length === index) {
      kept[kept.length - 1] = marked(before, mark);
      isGap = true;
    }
  }
  return kept;
}

function markOf(message: ChatMessage): CacheMark | undefined {
  for (const part of message.parts) if ("cache" in part && part.cache !== undefined) return part.cache;
  return undefined;
}

function marked(message: ChatMessage, mark: CacheMark): ChatMessage {
  const last = message.parts.at(-1);
  if (last?.type !== "text" || markOf(message) !== undefined) return message;
  return { ...message, parts: [...message.parts.slice(0, -1), { ...last, cache: mark }] } as ChatMessage;
}
