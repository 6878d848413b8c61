import { AppError } from "../core/errors.ts";
import type { ChatAnswer } from "./conversation/chat-answer.ts";
import type { AnswerCollector, ChatEvent } from "./conversation/chat-event.ts";
import type { ChatRequest } from "./conversation/chat-request.ts";
import type { GuardedStream } from "./guardrails/index.ts";
import { SchemaStream } from "./output/index.ts";
import type { AnswerFrame, ChatProtocol, ChatStreamWriter } from "./protocols/client-protocol.ts";
import { UsageChunkFilter } from "./protocols/index.ts";
import type { OpenedCall } from "./routing/call-plan.ts";

export interface ChatStreamOptions {
  opened: Extract<OpenedCall<ChatAnswer>, { streamed: true }>;
  /** The provider's bytes are the caller's protocol. */
  passed: boolean;
  /** The stream carries a chunk of usage that the caller did not ask for. */
  hidesUsage: boolean;
  protocol: ChatProtocol;
  frame: AnswerFrame;
  request: ChatRequest;
  /** Null where no guardrail looks at the answer. */
  guard: GuardedStream | null;
  requestId: string;
}

/** One streamed answer on its way from the provider to the caller: bytes as they are, or written anew. */
export class ChatStream {
  readonly #options: ChatStreamOptions;
  readonly #writer: ChatStreamWriter;
  readonly #schema: SchemaStream | null;

  #isWatched = true;

  constructor(options: ChatStreamOptions) {
    this.#options = options;
    this.#writer = options.protocol.stream(options.frame, options.request);
    const { output } = options.request;
    this.#schema = output.type === "schema" ? new SchemaStream(output.schema) : null;
  }

  /** Pieces for the caller; `collector` sees what they say. Throws AppError where the answer breaks off, and CONTENT_BLOCKED or STRUCTURED_OUTPUT_INVALID where it must not go on. */
  async *pieces(collector: AnswerCollector): AsyncGenerator<Uint8Array | string> {
    const { opened, passed, hidesUsage, guard } = this.#options;
    const filter = passed && hidesUsage ? new UsageChunkFilter() : null;
    for await (const { bytes, events } of opened.pieces) {
      this.#watch(events);
      if (passed) {
        for (const event of events) collector.add(event);
        const out = filter === null ? bytes : filter.push(bytes);
        if (out.length > 0) yield out;
      } else {
        const text = this.#written(guard === null ? events : events.flatMap((event) => guard.push(event)), collector);
        if (text !== "") yield text;
      }
    }
    if (filter !== null) {
      const rest = filter.end();
      if (rest.length > 0) yield rest;
    }
    if (passed) return;
    yield this.#written(guard === null ? [] : await guard.end(), collector) + this.#writer.end();
  }

  /** Tells the caller that the answer broke off. */
  failure(error: AppError): string {
    return this.#writer.fail(error, this.#options.requestId);
  }

  /** Text that can no longer become what was asked for is not gone on with. */
  #watch(events: readonly ChatEvent[]): void {
    if (this.#schema === null) return;
    for (const event of events) {
      // Who calls tools, refuses or was cut gives no document.
      if (event.type === "tool-call" || event.type === "refusal") return void (this.#isWatched = false);
      const problem = !this.#isWatched ? null : event.type === "text" ? this.#schema.push(event.text) : event.type === "finish" && event.finish === "stop" ? this.#schema.end() : null;
      if (problem !== null) throw new AppError("STRUCTURED_OUTPUT_INVALID", `The answer does not keep to its format: ${problem.path} ${problem.message}.`, { problems: [problem] });
    }
  }

  #written(events: readonly ChatEvent[], collector: AnswerCollector): string {
    let text = "";
    for (const event of events) {
      collector.add(event);
      text += this.#writer.write(event);
    }
    return text;
  }
}
