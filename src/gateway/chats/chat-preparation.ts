import { AppError } from "../../core/errors.ts";
import type { ChatAnswer } from "../conversation/chat-answer.ts";
import type { ChatRequest } from "../conversation/chat-request.ts";
import { remarkHeaders } from "../calls/answer-headers.ts";
import { betaHeader } from "./caller-betas.ts";
import { droppingUnsupported } from "./drop-unsupported.ts";
import { editNativeBody } from "../protocols/index.ts";
import type { chatProtocols } from "../protocols/index.ts";
import type { UpstreamRequest } from "../providers/provider-mapping.ts";
import type { OpenedCall, PreparedCall, ReadyProvider } from "../routing/call-plan.ts";
import type { RouteSettings, RouteTarget } from "../schemas.ts";
import { sentTo } from "./sent-chat.ts";
import { lacksResponses, mayLack, noteLacking } from "./without-responses.ts";

export interface PreparationOptions {
  name: keyof typeof chatProtocols;
  body: Uint8Array;
  /** As it is to be sent. */
  request: ChatRequest;
  settings: RouteSettings;
  /** Nothing stands between caller and provider that would change the bytes. */
  mayPass: boolean;
  /** Nothing looks at the answer that would have it written anew. */
  answerMayPass: boolean;
  /** Of a caller of Anthropic's protocol. */
  betas: string | null;
  /** The most output, where the gateway says it and not the caller. */
  maxTokens: number | null;
}

interface Made {
  /** As it went: without what did not fit. */
  sent: ChatRequest;
  passed: boolean;
  /** It went as chat completions to a server that has them in its caller's protocol too, or was thought to. */
  asChat: boolean;
  dropped: readonly string[];
  emulated: readonly string[];
}

/** What only a provider's own bytes give back: an answer that is written anew is one, of text. */
const ofBytesAlone: Readonly<Record<string, (value: unknown) => boolean>> = {
  n: (value) => typeof value === "number" && value > 1,
  logprobs: (value) => value === true || typeof value === "number",
  modalities: (value) => Array.isArray(value) && value.some((word) => word !== "text" && word !== "image"),
};

/** Puts one chat into the form of each target that is tried: its own bytes where the provider speaks the caller's protocol, else by the provider's mapping. */
export class ChatPreparation {
  readonly #options: PreparationOptions;
  readonly #made = new WeakMap<object, Made>();
  /** That had no `/responses` for this call. */
  readonly #without = new Set<ReadyProvider>();

  constructor(options: PreparationOptions) {
    this.#options = options;
  }

  readonly prepare = (target: RouteTarget, provider: ReadyProvider): PreparedCall<ChatAnswer> => {
    const { mapping, settings } = provider;
    const { name, mayPass, maxTokens, settings: route } = this.#options;
    const { chat } = mapping;
    if (chat === undefined) throw new AppError("GATEWAY_FIELD_UNSUPPORTED", `The provider ${target.provider} has no chats.`, { problems: [{ path: "model", message: `${target.provider}/${target.model} takes no chats` }] });
    const request = sentTo(this.#options.request, target, route);
    const to = { model: target.model, settings };
    const spoken = mapping.native[name];
    const asChat = name === "openai-responses" && spoken !== undefined && (this.#without.has(provider) || lacksResponses(provider));
    const native = asChat ? undefined : spoken;
    // What only the caller's own bytes say goes with them, whatever stands beside it.
    const isTaken = native?.takes === undefined || (request.nativeOnly ?? []).length > 0 || native.takes(request);
    const passed = native !== undefined && mayPass && request === this.#options.request && isTaken;
    if (!passed && request.nativeOnly !== undefined && request.nativeOnly.length > 0) {
      const names = request.nativeOnly.map(({ path }) => path).join(", ");
      throw new AppError("GATEWAY_FIELD_UNSUPPORTED", `${target.provider}/${target.model} has nothing for ${names}.`, { problems: request.nativeOnly });
    }
    // Where fields may be left out, that is seen when it is written.
    if (passed ? !this.#options.answerMayPass : route.unsupported !== "drop") refuseOfBytesAlone(request, target);
    if (request.stream && request.output.type === "schema" && ofBytesAlone.n!(request.extra.n)) {
      throw new AppError("GATEWAY_FIELD_UNSUPPORTED", "Several answers in one stream are not checked with a schema.", { problems: [{ path: "n", message: "must be 1 in a stream whose answer has a schema; ask without stream, or for one at a time" }] });
    }
    const ownBetas = mapping.native["anthropic-messages"] === undefined ? {} : betaHeader(this.#options.betas, settings.headers);
    const less = passed && request.source !== undefined ? (native.without?.(request.source, to) ?? null) : null;
    const written = passed
      ? {
          path: native.path(to), headers: { "content-type": "application/json", ...native.headers?.(to) }, dropped: less?.dropped ?? [], emulated: [],
          body: editNativeBody(this.#options.body, name, { model: target.model, ...(less === null ? {} : { fields: less.fields }), ...(this.#asksForUsage ? { streamUsage: true as const } : {}), ...(maxTokens === null ? {} : { maxTokens }) }),
        }
      : this.#written(maxTokens === null ? request : { ...request, sampling: { ...request.sampling, maxOutputTokens: maxTokens } }, target, (asked) => chat.request(asked, to));
    const upstream = { ...written, headers: { ...written.headers, ...ownBetas } };
    const prepared: PreparedCall<ChatAnswer> = { request: upstream, read: (body, headers) => chat.answer(body, headers), stream: request.stream ? chat.stream() : null };
    if (passed && name === "openai-responses" && (request.nativeOnly ?? []).length === 0) prepared.otherwise = (status) => mayLack(provider, status) && this.#without.add(provider).has(provider);
    const uncarried = passed ? [] : (request.uncarried ?? []);
    this.#made.set(prepared, { sent: request, passed, asChat, dropped: [...new Set([...upstream.dropped, ...uncarried])].filter((path) => !(path in ownBetas)), emulated: [...upstream.emulated, ...(asChat ? ["responses (by chat completions)"] : []), ...(request === this.#options.request ? [] : ["messages (truncated)"])] });
    return prepared;
  };

  /** By the provider's mapping; where the route says so, without what it has nothing for. */
  #written(request: ChatRequest, target: RouteTarget, write: (asked: ChatRequest) => UpstreamRequest): UpstreamRequest {
    if (this.#options.settings.unsupported !== "drop") return write(request);
    const { made, left } = droppingUnsupported(request, (asked) => {
      refuseOfBytesAlone(asked, target);
      return write(asked);
    });
    return { ...made, dropped: [...made.dropped, ...left] };
  }

  /** Whether the answer is in the caller's own protocol already. */
  hasPassed(opened: OpenedCall<ChatAnswer>): boolean {
    return this.#made.get(opened.prepared)?.passed === true;
  }

  /** The chat as the target got it that answered. */
  sent(opened: OpenedCall<ChatAnswer>): ChatRequest {
    return this.#made.get(opened.prepared)?.sent ?? this.#options.request;
  }

  /** Whether the stream carries a chunk of usage that the caller did not ask for. */
  hidesUsage(opened: OpenedCall<ChatAnswer>): boolean {
    return this.hasPassed(opened) && this.#asksForUsage;
  }

  /** Headers that name what was dropped and emulated. */
  remarks(opened: OpenedCall<ChatAnswer>): Record<string, string> {
    const { dropped = [], emulated = [], asChat } = this.#made.get(opened.prepared) ?? {};
    if (asChat === true && this.#without.has(opened.provider)) noteLacking(opened.provider);
    return remarkHeaders(dropped, emulated);
  }

  get #asksForUsage(): boolean {
    const { name, request } = this.#options;
    if ((name !== "openai-chat" && name !== "openai-completions") || !request.stream) return false;
    const options = request.extra.stream_options as { include_usage?: unknown } | undefined;
    return options?.include_usage !== true;
  }
}

function refuseOfBytesAlone({ extra }: ChatRequest, { provider, model }: RouteTarget): void {
  const names = Object.keys(ofBytesAlone).filter((name) => Object.hasOwn(extra, name) && ofBytesAlone[name]!(extra[name]));
  if (names.length === 0) return;
  const problems = names.map((path) => ({ path, message: "is given only where the provider's answer passes as it came" }));
  throw new AppError("GATEWAY_FIELD_UNSUPPORTED", `The answer of ${provider}/${model} is written anew here, without ${names.join(", ")}.`, { problems });
}
