import { gzip } from "node:zlib";
import { promisify } from "node:util";
import type { EgressClient } from "../core/egress.ts";
import { toAppError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { charactersOfSpan, mostWaitingCharacters } from "./bounded-span.ts";
import { encodeJson } from "./otlp/encode-json.ts";
import type { SpanRecord } from "./stored-span.ts";

export interface SpanForwarderParts {
  url: string;
  authorization?: string | undefined;
  egress: Pick<EgressClient, "send">;
  logger: Logger;
  /** Waits before another attempt; fails or ends early when the forwarder stops. */
  pause(milliseconds: number): Promise<void>;
  /** Rings once, later; answers how to call it off. */
  alarm?: (milliseconds: number, ring: () => void) => () => void;
  /** Spans that wait, at most. */
  maxWaiting?: number;
  /** Of these spans together, about. */
  maxWaitingCharacters?: number;
}

interface Waiting {
  record: SpanRecord;
  characters: number;
}

const compress = promisify(gzip);
const batchSize = 512;
/** Of one batch, about: a span alone may have more. */
const batchCharacters = 4 << 20;
const attempts = 5;
/** A collector that does not answer keeps no server from ending. */
const stopMs = 5000;
/** What the conventions of OTLP name as worth another attempt. */
const repeatable = new Set([429, 502, 503, 504]);

/** Sends every span on to a collector by OTLP/HTTP, in batches and in the background; what is too much for its room, or is refused, is counted and let go: also where the collector takes the rest. */
export class SpanForwarder {
  readonly #parts: SpanForwarderParts;
  readonly #maxWaiting: number;
  readonly #maxCharacters: number;
  #waiting: Waiting[] = [];
  #characters = 0;
  #sending: Promise<void> | undefined;
  #lost = 0;
  /** Of these, those that found no room and were not told of yet. */
  #passedOver = 0;
  #sent = 0;
  #stopped = false;
  readonly #ending = new AbortController();

  constructor(parts: SpanForwarderParts) {
    this.#parts = parts;
    this.#maxWaiting = parts.maxWaiting ?? 20_000;
    this.#maxCharacters = parts.maxWaitingCharacters ?? mostWaitingCharacters;
  }

  get counts(): { sent: number; lost: number; waiting: number } {
    return { sent: this.#sent, lost: this.#lost, waiting: this.#waiting.length };
  }

  forward(records: readonly SpanRecord[]): void {
    for (const record of records) {
      const characters = charactersOfSpan(record.span);
      if (this.#waiting.length >= this.#maxWaiting || this.#characters + characters > this.#maxCharacters) {
        this.#lost++;
        this.#passedOver++;
      } else {
        this.#waiting.push({ record, characters });
        this.#characters += characters;
      }
    }
    if (this.#waiting.length > 0) this.#sending ??= this.#run();
  }

  /** Asks the collector to take no spans at all. Answers with why it does not, in a few words; null where it would. */
  async trouble(): Promise<string | null> {
    const { url, authorization, egress } = this.#parts;
    try {
      const { status } = await egress.send({ method: "POST", url, headers: { "content-type": "application/json", ...(authorization === undefined ? {} : { authorization }) }, body: encodeJson([]), timeoutMs: 5000, maxResponseBytes: 4096 });
      return status >= 200 && status < 300 ? null : `it answers with status ${status}`;
    } catch (error) {
      const { code, message } = toAppError(error);
      return code === "INTERNAL" ? "it cannot be reached" : message;
    }
  }

  /** Sends what waits once more, without further attempts, for some seconds; what the collector has not taken then is let go. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const putOff = (this.#parts.alarm ?? nodeAlarm)(stopMs, () => this.#ending.abort());
    while (this.#sending !== undefined) await this.#sending;
    putOff();
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#ending.signal.aborted) {
      const batch = this.#nextBatch();
      const taken = await this.#send(batch);
      this.#sent += taken;
      this.#lost += batch.length - taken;
      this.#tell(this.#passedOver, "no room");
      this.#passedOver = 0;
    }
    const left = this.#waiting.splice(0).length;
    this.#characters = 0;
    this.#lost += left;
    this.#tell(left, "the server ended");
    this.#sending = undefined;
  }

  #tell(spans: number, reason: unknown): void {
    if (spans > 0) this.#parts.logger.warn("traces.not_exported", { spans, reason });
  }

  #nextBatch(): SpanRecord[] {
    let size = 0;
    let characters = 0;
    do characters += this.#waiting[size++]!.characters;
    while (size < Math.min(batchSize, this.#waiting.length) && characters + this.#waiting[size]!.characters <= batchCharacters);
    this.#characters -= characters;
    return this.#waiting.splice(0, size).map(({ record }) => record);
  }

  /** Answers with how many spans the collector has taken. */
  async #send(batch: readonly SpanRecord[]): Promise<number> {
    const { url, authorization, egress, pause } = this.#parts;
    const headers = { "content-type": "application/json", "content-encoding": "gzip", ...(authorization === undefined ? {} : { authorization }) };
    const body = await compress(encodeJson(batch.map(({ span }) => span)));
    for (let attempt = 1; ; attempt++) {
      let wait = Math.min(1000 * 2 ** (attempt - 1), 30_000);
      let reason: unknown;
      try {
        const answer = await egress.send({ method: "POST", url, headers, body, timeoutMs: 10_000, maxResponseBytes: 4096, signal: this.#ending.signal });
        if (answer.status >= 200 && answer.status < 300) {
          const { rejected, reason: told } = partialSuccessOf(answer.body);
          // They are not sent again: what the collector refuses of a request that it took, it refuses each time.
          this.#tell(Math.min(rejected, batch.length), told);
          return batch.length - Math.min(rejected, batch.length);
        }
        reason = `status ${answer.status}`;
        const asked = Number(answer.headers["retry-after"]);
        if (asked > 0) wait = Math.min(asked * 1000, 60_000);
        if (!repeatable.has(answer.status)) attempt = attempts;
      } catch (error) {
        const { code } = toAppError(error);
        reason = code;
        if (code === "EGRESS_REFUSED") attempt = attempts;
      }
      if (attempt >= attempts || this.#stopped) {
        this.#tell(batch.length, reason);
        return 0;
      }
      await pause(wait);
    }
  }
}

function nodeAlarm(milliseconds: number, ring: () => void): () => void {
  const timer = setTimeout(ring, milliseconds);
  return () => clearTimeout(timer);
}

/** How many spans the collector says that it refused, and why; 0 for an answer without a word of it. */
function partialSuccessOf(body: Uint8Array): { rejected: number; reason: string } {
  const text = Buffer.from(body).toString("utf8");
  try {
    const { partialSuccess } = JSON.parse(text) as { partialSuccess?: { rejectedSpans?: string | number; errorMessage?: string } };
    const rejected = Number(partialSuccess?.rejectedSpans ?? 0);
    return { rejected: Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0, reason: String(partialSuccess?.errorMessage ?? "").slice(0, 500) };
  } catch {
    // Of a long answer the beginning alone was read: the number stands before a message that names each span.
    const [, rejected = "0", reason = ""] = /^\s*\{\s*"partialSuccess"\s*:\s*\{\s*"rejectedSpans"\s*:\s*"?(\d{1,15})"?\s*(?:,\s*"errorMessage"\s*:\s*"([^"\\]{0,500}))?/.exec(text) ?? [];
    return { rejected: Number(rejected), reason };
  }
}
