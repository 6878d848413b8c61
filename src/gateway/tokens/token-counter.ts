import { Worker } from "node:worker_threads";
import { AppError } from "../../core/errors.ts";
import type { TurnedAway } from "../../core/turned-away.ts";
import type { ChatRequest } from "../conversation/chat-request.ts";
import { chatTexts } from "./chat-tokens.ts";
import type { TokenCount } from "./count-tokens.ts";
import { encodingOf, hasOwnEncoding, type EncodingName } from "./token-encoding.ts";

// The same entry in the source tree and in the built package.
const entry = import.meta.url.endsWith(".ts") ? new URL("./token-counter-worker.ts", import.meta.url) : new URL("./token-counter-worker.js", import.meta.url);

export interface CountOrder {
  id: number;
  texts: readonly string[];
  encoding: EncodingName;
}

export interface CountAnswer extends TokenCount {
  id: number;
}

interface Waiting {
  order: CountOrder;
  /** The thread has ended once since it was asked for. */
  again: boolean;
  resolve(count: TokenCount): void;
  reject(error: AppError): void;
}

/** Orders that may wait; more are refused. */
const mostWaiting = 1000;

/**
 * Counts tokens with the vocabulary itself, in a thread of its own that starts with the first count: it holds 70 MB, and a count takes about 0.1 ms for each KB. Where nobody needs the exact figure,
 * `estimateChat` costs nothing. Where the thread dies, what waits is asked of the next one, once.
 */
export class TokenCounter {
  readonly #turnedAway: Pick<TurnedAway, "count"> | undefined;
  #worker: Worker | null = null;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  constructor(turnedAway?: Pick<TurnedAway, "count">) {
    this.#turnedAway = turnedAway;
  }

  /**
   * Tokens of a whole request. `exact` is false too where the vocabulary is not the model's own, and where there are images, documents, audio or tools, whose frames differ among models. Throws
   * GATEWAY_OVERLOADED.
   */
  async countChat(request: ChatRequest, model: string): Promise<TokenCount & { encoding: EncodingName }> {
    const { texts, framing, media } = chatTexts(request);
    const encoding = encodingOf(model);
    const { tokens, exact } = await this.#count(texts, encoding);
    return { tokens: tokens + framing + media, exact: exact && media === 0 && request.tools.length === 0 && hasOwnEncoding(model), encoding };
  }

  /** Tokens of one text. Throws GATEWAY_OVERLOADED. */
  countText(text: string, model: string): Promise<TokenCount> {
    return this.#count([text], encodingOf(model));
  }

  /** Counts that are still waited for fail. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    this.#failAll(undefined);
    await worker?.terminate();
  }

  #count(texts: readonly string[], encoding: EncodingName): Promise<TokenCount> {
    if (this.#waiting.size >= mostWaiting) {
      this.#turnedAway?.count("token counts");
      return Promise.reject(new AppError("GATEWAY_OVERLOADED", "Too many token counts wait already.", { retryAfterSeconds: 1 }));
    }
    const id = ++this.#last;
    const { promise, resolve, reject } = Promise.withResolvers<TokenCount>();
    const waiting: Waiting = { order: { id, texts, encoding }, again: false, resolve, reject };
    this.#waiting.set(id, waiting);
    this.#ask([waiting]);
    return promise;
  }

  #ask(all: readonly Waiting[]): void {
    try {
      const worker = (this.#worker ??= this.#start());
      // Only what is waited for keeps the process.
      worker.ref();
      for (const { order } of all) worker.postMessage(order);
    } catch (cause) {
      // The machine has no thread left; the next count looks again.
      this.#failAll(cause);
    }
  }

  #start(): Worker {
    const worker = new Worker(entry, { name: "token-counter", execArgv: ["--disable-warning=ExperimentalWarning", "--report-exclude-env"] });
    worker.on("message", ({ id, tokens, exact }: CountAnswer) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) worker.unref();
      waiting?.resolve({ tokens, exact });
    });
    const died = (cause?: unknown): void => {
      if (this.#worker === worker) this.#replace(cause);
    };
    worker.on("error", died);
    worker.on("exit", died);
    return worker;
  }

  #replace(cause: unknown): void {
    this.#worker = null;
    for (const [id, waiting] of this.#waiting) {
      if (!waiting.again) continue;
      this.#waiting.delete(id);
      waiting.reject(notCounted(cause));
    }
    for (const waiting of this.#waiting.values()) waiting.again = true;
    if (this.#waiting.size > 0) this.#ask([...this.#waiting.values()]);
  }

  #failAll(cause: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(notCounted(cause));
    this.#waiting.clear();
  }
}

function notCounted(cause: unknown): AppError {
  return new AppError("INTERNAL", "The tokens could not be counted.", { cause });
}
