import { AppError } from "../../core/errors.ts";
import type { ChatAnswer } from "../conversation/chat-answer.ts";
import type { AnswerCollector, ChatEvent } from "../conversation/chat-event.ts";
import type { ChatRequest } from "../conversation/chat-request.ts";
import type { GuardedStream } from "../guardrails/index.ts";
import { SchemaStream } from "../output/index.ts";
import type { AnswerFrame, ChatProtocol, ChatStreamWriter } from "../protocols/client-protocol.ts";
import { UsageChunkFilter } from "../protocols/index.ts";
import type { OpenedCall, StreamPiece } from "../routing/call-plan.ts";
import { HeardAnswer } from "./heard-answer.ts";
import { WholeEvents } from "./whole-events.ts";

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
  readonly #pieces: AsyncIterator<StreamPiece>;
  readonly #filter: UsageChunkFilter | WholeEvents | null;
  #isWatched = true;
  #isRead = false;
  /** All that the provider has said, where a guardrail stands between it and the caller: what is held back or blocked costs as much. */
  readonly heard: HeardAnswer | null;

  constructor(options: ChatStreamOptions) {
    this.#options = options;
    this.heard = options.guard === null ? null : new HeardAnswer();
    this.#writer = options.protocol.stream(options.frame, options.request);
    const { output } = options.request;
    this.#schema = output.type === "schema" ? new SchemaStream(output.schema) : null;
    this.#pieces = options.opened.pieces[Symbol.asyncIterator]();
    this.#filter = !options.passed ? null : options.hidesUsage ? new UsageChunkFilter() : new WholeEvents();
  }

  /**
   * The next piece for the caller, null behind the last; `collector` sees what it says. Throws AppError where the answer breaks off, and CONTENT_BLOCKED or STRUCTURED_OUTPUT_INVALID where it must not
   * go on: whoever catches it stops the stream.
   */
  async next(collector: AnswerCollector): Promise<Uint8Array | string | null> {
    const { passed, guard } = this.#options;
    while (!this.#isRead) {
      const { done, value } = await this.#pieces.next();
      if (done === true) {
        this.#isRead = true;
        const rest = await this.#rest(collector);
        return rest.length > 0 ? rest : null;
      }
      const { bytes, events } = value;
      if (this.heard !== null) for (const event of events) this.heard.add(event);
      if (this.#schema !== null) this.#watch(events, this.#schema);
      let out: Uint8Array | string;
      if (passed) {
        for (const event of events) collector.add(event);
        out = this.#filter!.push(bytes);
      } else out = this.#written(guard === null ? events : events.flatMap((event) => guard.push(event)), collector);
      if (out.length > 0) return out;
    }
    return null;
  }

  /** Nobody wants the rest. */
  async stop(): Promise<void> {
    if (this.#isRead) return;
    this.#isRead = true;
    await this.#pieces.return?.();
  }

  async #rest(collector: AnswerCollector): Promise<Uint8Array | string> {
    const { passed, guard } = this.#options;
    if (passed) return this.#filter?.end() ?? "";
    return this.#written(guard === null ? [] : await guard.end(), collector) + this.#writer.end(() => collector.answer().parts);
  }

  /** Tells the caller that the answer broke off. */
  failure(error: AppError): string {
    return this.#writer.fail(error, this.#options.requestId);
  }

  /** Text that can no longer become what was asked for is not gone on with. */
  #watch(events: readonly ChatEvent[], schema: SchemaStream): void {
    for (const event of events) {
      // Who calls tools, refuses or was cut gives no document.
      if (event.type === "tool-call" || event.type === "refusal") return void (this.#isWatched = false);
      const problem = !this.#isWatched ? null : event.type === "text" ? schema.push(event.text) : event.type === "finish" && event.finish === "stop" ? schema.end() : null;
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
