import type { ServerResponse } from "node:http";
import type { SeededRandom } from "../kit/seeded-random.ts";
import { answerEvents, answerJson, GatewayUpstream, type UpstreamCall } from "../server/gateway-upstream.ts";

/** What a provider has served of one question, in tokens that it told. */
export interface Served {
  provider: string;
  input: number;
  output: number;
}

type Wire = "openai" | "anthropic";
/** `document`: one that breaks the asked schema. Connections that break are none of them: what those calls cost is an estimate. */
type Fault = "document" | "429" | "500" | "529";

const faults: readonly Fault[] = ["document", "429", "500", "529"];
/** Of all calls. */
const faultShare = 0.2;

/** A provider that writes down what it told of each answer that it gave, each time other tokens, and fails a part of its calls in ways that cost nothing. Questions hold `N` and sixteen digits, and answers `R` and the same. */
export class CountingProvider {
  /** By question. */
  readonly served = new Map<string, Served[]>();
  readonly #name: string;
  readonly #wire: Wire;
  readonly #random: SeededRandom;
  readonly #upstream = new GatewayUpstream((call, response) => this.#answer(call, response));

  constructor(name: string, wire: Wire, random: SeededRandom) {
    this.#name = name;
    this.#wire = wire;
    this.#random = random;
  }

  start(): Promise<string> {
    return this.#upstream.start();
  }

  stop(): void {
    this.#upstream.stop();
  }

  #answer({ bytes, body }: UpstreamCall, response: ServerResponse): void {
    const [, question = ""] = /N([0-9a-f]{16})/.exec(bytes.toString()) ?? [];
    const fault = this.#random.next() < faultShare ? this.#random.pick(faults) : null;
    if (fault !== null && fault !== "document") return answerJson(response, { type: "error", error: { type: "overloaded_error", message: "Not now." } }, Number(fault));
    const served = { provider: this.#name, input: this.#random.integer(5, 50), output: this.#random.integer(3, 15) };
    this.served.set(question, [...(this.served.get(question) ?? []), served]);
    const asksDocument = body["response_format"] !== undefined || body["output_config"] !== undefined;
    const text = asksDocument ? JSON.stringify({ id: fault === "document" ? 5 : `R${question}` }) : `R${question}: ${"word ".repeat(served.output - 2)}`;
    if (this.#wire === "openai") answerOpenAi(response, body, text, served);
    else answerAnthropic(response, body, text, served);
  }
}

const wordsOf = (text: string): string[] => text.match(/\s*\S+/g)!;

function answerOpenAi(response: ServerResponse, { model, stream }: Record<string, unknown>, text: string, { input, output }: Served): void {
  const frame = { id: "c1", created: 1, model };
  const usage = { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
  if (stream !== true) return answerJson(response, { ...frame, object: "chat.completion", choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }], usage });
  const chunk = (choices: unknown[], more: object = {}): string => `data: ${JSON.stringify({ ...frame, object: "chat.completion.chunk", choices, ...more })}\n\n`;
  answerEvents(response, [
    chunk([{ index: 0, delta: { role: "assistant", content: "" } }]), ...wordsOf(text).map((content) => chunk([{ index: 0, delta: { content } }])), chunk([{ index: 0, delta: {}, finish_reason: "stop" }]), chunk([], { usage }), "data: [DONE]\n\n",
  ]);
}

function answerAnthropic(response: ServerResponse, { model, stream }: Record<string, unknown>, text: string, { input, output }: Served): void {
  const message = { id: "msg_1", type: "message", role: "assistant", model, stop_sequence: null };
  if (stream !== true) return answerJson(response, { ...message, content: [{ type: "text", text }], stop_reason: "end_turn", usage: { input_tokens: input, output_tokens: output } });
  const event = (type: string, fields: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
  answerEvents(response, [
    event("message_start", { message: { ...message, content: [], stop_reason: null, usage: { input_tokens: input, output_tokens: 1 } } }), event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
    ...wordsOf(text).map((part) => event("content_block_delta", { index: 0, delta: { type: "text_delta", text: part } })),
    event("content_block_stop", { index: 0 }), event("message_delta", { delta: { stop_reason: "end_turn" }, usage: { output_tokens: output } }), event("message_stop", {}),
  ]);
}
