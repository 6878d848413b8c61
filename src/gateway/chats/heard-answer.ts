import { unknownUsage, type TokenUsage } from "../conversation/chat-answer.ts";
import { mergeUsage, type ChatEvent } from "../conversation/chat-event.ts";
import { estimateTokens } from "../tokens/index.ts";

/** Characters that are kept until their tokens are estimated. */
const countedAtOnce = 4096;

/** What a provider has said of an answer, whatever a guardrail lets its caller have of it: that is what it asks for. Texts are counted and not kept. */
export class HeardAnswer {
  model = "";
  usage: TokenUsage = unknownUsage;
  /** The model said that it was done. */
  isFinished = false;
  #tokens = 0;
  #text = "";

  add(event: ChatEvent): void {
    switch (event.type) {
      case "start":
        this.model = event.model;
        return;
      case "usage":
        this.usage = mergeUsage(this.usage, event.usage);
        return;
      case "finish":
        this.isFinished = true;
        return;
      case "tool-call":
        return this.#count(event.name);
      case "text":
      case "refusal":
      case "thinking":
      case "tool-arguments":
        return this.#count(event.text);
      case "thinking-signature":
      case "redacted-thinking":
      case "image":
        // Made by the provider, and of no length that tells tokens.
        return;
    }
  }

  /** Of output, by estimate. */
  get outputTokens(): number {
    return this.#tokens + estimateTokens(this.#text);
  }

  #count(text: string): void {
    this.#text += text;
    if (this.#text.length < countedAtOnce) return;
    this.#tokens += estimateTokens(this.#text);
    this.#text = "";
  }
}
