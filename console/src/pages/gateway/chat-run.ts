import { ApiFailure, call } from "../../data/api.ts";
import type { CostEntry } from "../../../../src/ledger/schemas.ts";
import { chatFailure, failureOfChat } from "./chat-failure.ts";
import { EventStreamReader, readChatPiece } from "./chat-stream.ts";

export interface ChatPrompt {
  system: string;
  user: string;
  temperature: number | null;
  maxTokens: number | null;
}

/** One answer on its way: what has come of it so far. Times are milliseconds from the asking. */
export interface ChatRun {
  state: "running" | "done" | "failed" | "stopped";
  text: string;
  reasoning: string;
  tools: readonly string[];
  finish: string | null;
  firstMs: number | null;
  totalMs: number | null;
  /** As the provider told it; of an answer that was cut as the ledger has it, by estimate. */
  usage: { input: number; output: number; isEstimate?: boolean } | null;
  target: string | null;
  trace: string | null;
  /** `hit` and its like; null where the route has no cache. */
  cache: string | null;
  attempts: number;
  /** Billionths of a dollar; null while, or where, it is not known. */
  cost: number | null;
  /** Whether the cost is an estimate, for the provider told no usage. */
  estimated: boolean;
  /** Whether the ledger has the call: without it a missing cost is still to come. */
  booked: boolean;
  /** Whether the ledger has the call, and no price for it. */
  unpriced: boolean;
  error: ApiFailure | null;
}

const begun: ChatRun = { state: "running", text: "", reasoning: "", tools: [], finish: null, firstMs: null, totalMs: null, usage: null, target: null, trace: null, cache: null, attempts: 1, cost: null, estimated: false, booked: false, unpriced: false, error: null };

/** The ledger writes within a second; asking goes on somewhat longer. */
const bookingTries = 10;
const bookingWaitMs = 250;

function requestOf(model: string, { system, user, temperature, maxTokens }: ChatPrompt): Record<string, unknown> {
  return {
    model, stream: true, stream_options: { include_usage: true },
    messages: [...(system.trim() === "" ? [] : [{ role: "system", content: system }]), { role: "user", content: user }],
    ...(temperature === null ? {} : { temperature }), ...(maxTokens === null ? {} : { max_tokens: maxTokens }),
  };
}

/**
 * Asks and follows the answer; `show` gets each state, the last one included. Never throws: what goes wrong is in the state.
 * `session` groups the calls of this page, and finds their costs in the ledger.
 */
export async function runChat({ model, prompt, session, signal, show }: { model: string; prompt: ChatPrompt; session: string; signal: AbortSignal; show: (run: ChatRun) => void }): Promise<void> {
  const start = performance.now();
  let run = begun;
  const change = (part: Partial<ChatRun>): void => {
    run = { ...run, ...part };
    show(run);
  };
  show(run);
  try {
    const response = await fetch("/v1/chat/completions", { method: "POST", headers: { "Content-Type": "application/json", "X-Slipway-Session": session }, body: JSON.stringify(requestOf(model, prompt)), signal });
    change({
      target: response.headers.get("X-Slipway-Target"), trace: response.headers.get("X-Slipway-Trace"), cache: response.headers.get("X-Slipway-Cache"), attempts: Number(response.headers.get("X-Slipway-Attempts") ?? 1),
    });
    if (!response.ok || response.body === null) throw failureOfChat(response, await response.json().catch(() => null));
    const reader = new EventStreamReader();
    const decoder = new TextDecoder();
    for await (const bytes of readAll(response.body)) {
      const part = followed(run, reader.push(decoder.decode(bytes, { stream: true })), performance.now() - start);
      if (part !== null) change(part);
    }
    change({ state: "done", totalMs: performance.now() - start });
  } catch (thrown) {
    if (signal.aborted) change({ state: "stopped", totalMs: performance.now() - start });
    else change({ state: "failed", totalMs: performance.now() - start, error: thrown instanceof ApiFailure ? thrown : new ApiFailure(0, { code: "ANSWER_BROKEN", message: "The answer broke off.", hint: "The trace says why, where the server began one." }) });
  }
  if (run.trace === null) return;
  const entry = await bookedCall(session, run.trace);
  change({ booked: true, unpriced: entry !== null && entry.cost === null, cost: entry?.cost ?? null, estimated: entry?.estimated ?? false, usage: run.usage ?? (entry === null ? null : { input: entry.tokens.input ?? 0, output: entry.tokens.output ?? 0, isEstimate: entry.estimated }) });
}

/** What whole events change in the answer; null for none. Throws what the stream reports. */
function followed(run: ChatRun, events: readonly string[], elapsedMs: number): Partial<ChatRun> | null {
  let { text, reasoning, finish, usage, firstMs } = run;
  const tools = [...run.tools];
  let any = false;
  for (const piece of events.map(readChatPiece)) {
    if (piece === null) continue;
    if (piece.failure !== null) throw chatFailure(0, piece.failure.code, piece.failure.message);
    any = true;
    text += piece.text;
    reasoning += piece.reasoning;
    tools.push(...piece.tools);
    finish = piece.finish ?? finish;
    usage = piece.usage ?? usage;
    if (piece.text !== "" || piece.reasoning !== "" || piece.tools.length > 0) firstMs ??= elapsedMs;
  }
  return any ? { text, reasoning, tools, finish, usage, firstMs } : null;
}

async function* readAll(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}

async function bookedCall(session: string, trace: string): Promise<CostEntry | null> {
  for (let count = 0; count < bookingTries; count++) {
    try {
      const { entries } = await call<{ entries: CostEntry[] }>(`/api/costs/entries?session=${encodeURIComponent(session)}&limit=20`);
      const found = entries.find(({ attribution }) => attribution.traceId === trace);
      if (found !== undefined) return found;
    } catch {
      return null; // who may call a route need not see what it costs
    }
    await new Promise((resolve) => setTimeout(resolve, bookingWaitMs));
  }
  return null;
}
