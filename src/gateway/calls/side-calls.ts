import { AppError } from "../../core/errors.ts";
import type { IdGenerator } from "../../core/ids.ts";
import { HttpAnswer } from "../../core/route.ts";
import { nanoDollars } from "../../ledger/index.ts";
import { answerHeaders, passedHeaders, remarkHeaders, safeHeader } from "./answer-headers.ts";
import { releaseWhenAnswered, type CallContext } from "./call-context.ts";
import { betasOf, withBetas } from "../chats/caller-betas.ts";
import type { CallFloor, OpenedFloor } from "./call-floor.ts";
import { guardedSideRequest, guardContext, type GuardParts } from "./call-guards.ts";
import type { CallBounds } from "./call-ledger.ts";
import type { CallRecord } from "./call-record.ts";
import type { TokenUsage } from "../conversation/chat-answer.ts";
import { leavesModel, refuseOtherModels } from "../chats/chat-bounds.ts";
import { anthropicMessages } from "../protocols/anthropic-messages/anthropic-messages.ts";
import { countTokensDocument, editNativeBody, embeddingsDocument, parseEmbeddings, parseRerank, rerankDocument } from "../protocols/index.ts";
import { countByProvider, likeliestTarget, mostCountMs } from "../settings/provider-count.ts";
import type { EmbeddingsAnswer, EmbeddingsRequest, Operation, Protocol, ProviderMapping, RerankAnswer, RerankRequest } from "../providers/provider-mapping.ts";
import { AnswerHold, type AnswerMemory } from "../../core/answer-memory.ts";
import { attemptsOfFailure, type CallRunner, type OpenedCall, type PreparedCall } from "../routing/call-plan.ts";
import type { RouteSplits } from "../split/route-splits.ts";
import type { SplitCalls } from "../split/split-calls.ts";
import type { CallWay } from "../split/splittable-call.ts";
import { endingOf } from "../split/trial-outcome.ts";
import type { RouteSettings } from "../schemas.ts";
import { inputTexts } from "./messages-for-trace.ts";
import { rerankTokens, searchUnitsOf } from "./search-units.ts";
import { estimateTokens, mostTokens, type TokenCounter } from "../tokens/index.ts";
import { withSystemPrompt } from "../chats/with-system-prompt.ts";

export interface SideCallParts extends GuardParts {
  floor: CallFloor;
  splits: Pick<RouteSplits, "of">;
  splitCalls: Pick<SplitCalls, "answer">;
  runner: CallRunner;
  answers: AnswerMemory;
  counter: TokenCounter;
  ids: IdGenerator;
}

/** Fields of a request that the canonical form has no place for. */
interface Extra {
  readonly extra: Readonly<Record<string, unknown>>;
}

interface SideAnswer {
  /** As the provider names it; empty where it does not. */
  model: string;
  usage: TokenUsage;
}

interface SideCall<Request extends Extra, Answer extends SideAnswer> {
  operation: "embeddings" | "rerank";
  /** Sent as it came where the provider speaks the protocol. */
  protocol: "openai-embeddings" | "rerank";
  body: Uint8Array;
  request: Request;
  texts: readonly string[];
  /** By estimate, and at most. */
  tokens: number;
  mostTokens: number;
  /** Of reranking: by estimate, and at most. */
  searchUnits?: { estimate: number; most: number };
  user: string | null;
  of(mapping: ProviderMapping): Operation<Request, Answer> | undefined;
}

/** Embeddings, reranking and counts of tokens: one answer, no stream, no cache. */
export class SideCalls {
  readonly #parts: SideCallParts;

  constructor(parts: SideCallParts) {
    this.#parts = parts;
  }

  async embeddings(body: Uint8Array, context: CallContext): Promise<HttpAnswer> {
    const { floor } = this.#parts;
    const fields = floor.parse(body);
    const entered = floor.enter(fields.model, context);
    const request = parseEmbeddings(fields);
    const call = embeddingsCall(request, body);
    return this.#shared(entered, call, context, (answer) => embeddingsDocument(counted(answer, call.tokens), { model: fields.model as string }, request.encoding));
  }

  async rerank(body: Uint8Array, context: CallContext): Promise<HttpAnswer> {
    const { floor, ids } = this.#parts;
    const fields = floor.parse(body);
    const entered = floor.enter(fields.model, context);
    const { request, returnDocuments } = parseRerank(fields);
    const texts = [request.query, ...request.documents];
    const call: SideCall<RerankRequest, RerankAnswer> = { operation: "rerank", protocol: "rerank", body, request, texts, tokens: rerankTokens(request, estimateTokens), mostTokens: rerankTokens(request, mostTokens), searchUnits: searchUnitsOf(request), user: null, of: ({ rerank }) => rerank };
    const frame = { id: ids.next("chatCompletion"), model: fields.model as string, created: Math.floor(context.now / 1000) };
    return this.#shared(entered, call, context, (answer) => rerankDocument(answer, frame, request, returnDocuments));
  }

  /** Vectors for the gateway itself, such as for its semantic cache, as a part of the call `within`: in its trace, and for who made it. Who asks pays. */
  async vectors(route: string, texts: readonly string[], context: CallContext, { attribution: { traceId, session, user }, spanId }: CallRecord): Promise<Float32Array[]> {
    const { floor } = this.#parts;
    const opened = floor.enter(route, context, "route");
    const entered: OpenedFloor = { ...opened, remarks: { ...opened.remarks, traceId, session, parentSpanId: spanId } };
    const request: EmbeddingsRequest = { input: texts, dimensions: null, encoding: "float", inputType: null, user: null, extra: {} };
    const body = Buffer.from(JSON.stringify({ model: route, input: texts }));
    const record = floor.record(entered, "embeddings", user);
    const { answer } = await this.#carryOut(entered, record, embeddingsCall(request, body), context);
    await record.end("ok");
    return answer.vectors.map((vector) => Float32Array.from(vector));
  }

  /** By the provider that a call would go to, where it counts; else here, with one of OpenAI's vocabularies, from which others differ. `X-Slipway-Count-By` says which. */
  async countTokens(body: Uint8Array, context: CallContext): Promise<HttpAnswer> {
    const { floor, counter, runner } = this.#parts;
    const fields = floor.parse(body);
    const entered = floor.enter(fields.model, context);
    const { name, settings } = entered.route;
    const betas = betasOf(context);
    const asked = withBetas(anthropicMessages.parse({ max_tokens: 1, ...fields }), betas);
    const request = withSystemPrompt(asked, settings);
    const target = likeliestTarget(settings);
    const deadline = floor.deadline({ ...settings, deadlineMs: Math.min(settings.deadlineMs, mostCountMs) }, floor.record(entered, "count", null));
    const told = await countByProvider(runner, target, { route: name, settings, body: request === asked ? body : null, request, betas, deadline, signal: context.signal });
    const { tokens, exact, by } = told === null ? await counter.countChat(request, target.model).then(({ encoding, ...count }) => ({ ...count, by: encoding })) : { tokens: told, exact: true, by: target.provider };
    const headers = {
      "Content-Type": "application/json", "X-Request-Id": context.requestId, "Request-Id": context.requestId, "X-Slipway-Route": safeHeader(name), "X-Slipway-Count": exact ? "exact" : "estimated", "X-Slipway-Count-By": safeHeader(by),
    };
    return new HttpAnswer(200, headers, JSON.stringify(countTokensDocument(tokens)));
  }

  /** By one arm of the route's split, where it has one. */
  #shared<Request extends Extra, Answer extends SideAnswer>(entered: OpenedFloor, call: SideCall<Request, Answer>, context: CallContext, document: (answer: Answer) => unknown): Promise<HttpAnswer> {
    const { floor, ids, splits, splitCalls } = this.#parts;
    const recordOf = (opened: OpenedFloor): CallRecord => floor.record(opened, call.operation, call.user);
    const carryOut = async (way: Omit<CallWay, "holdsBack">): Promise<HttpAnswer> => {
      const { answer, opened } = await this.#carryOut(way.entered, way.record, call, way.context, way.admit);
      return this.#answer(way.record, call.protocol, opened, opened.passed ? null : document(answer));
    };
    const split = splits.of(entered.route.name);
    if (split === undefined) return carryOut({ entered, record: recordOf(entered), context });
    return splitCalls.answer(split, {
      id: ids.next("request"), entered, context, session: entered.remarks.session ?? call.user, isStream: false, record: recordOf, bounds: (settings, held) => boundsOf(call, settings, held), carryOut,
    });
  }

  async #carryOut<Request extends Extra, Answer extends SideAnswer>(
    entered: OpenedFloor, record: CallRecord, call: SideCall<Request, Answer>, context: CallContext, admit?: CallWay["admit"],
  ): Promise<{ answer: Answer; opened: { passed: boolean; body: Uint8Array; headers: Record<string, string> } }> {
    const { floor, runner, answers } = this.#parts;
    const { settings } = entered.route;
    const hold = new AnswerHold(answers);
    try {
      const held = floor.isHeld(entered, record);
      if (held) refuseOtherModels(call.request);
      const bounds = boundsOf(call, settings, held);
      record.begins({ inputTokens: call.tokens, outputTokens: 0, searchUnits: call.searchUnits?.estimate });
      await (admit === undefined ? floor.admit(entered, record, bounds, context) : admit(bounds));
      const guardrails = this.#parts.guardrailsOf(settings);
      const sent = guardrails?.guardsInput === true ? await guardedSideRequest(guardrails, guardContext(this.#parts, { settings, context, record }, bounds), record, call) : call;
      if (settings.recordContent) record.input = inputTexts(sent.texts);
      const made = new WeakMap<PreparedCall<Answer>, { passed: boolean; headers: Record<string, string> }>();
      const opened: OpenedCall<Answer> = await runner.run<Answer>({
        route: entered.route.name, settings, deadline: floor.deadline(settings, record), signal: context.signal,
        facts: { inputTokens: call.tokens, needs: new Set(), tags: entered.remarks.tags, session: entered.remarks.session, worstCost: (target) => floor.worstDollars(target, bounds, context.now) },
        admit: floor.providerAdmission(call.tokens, record, settings, entered), watch: record, hold,
        prepare: (target, { mapping, settings: provider }) => {
          const operation = call.of(mapping);
          if (operation === undefined) throw new AppError("GATEWAY_FIELD_UNSUPPORTED", `${target.provider}/${target.model} has no ${call.operation}.`, { problems: [{ path: "model", message: `has no ${call.operation}` }] });
          const to = { model: target.model, settings: provider };
          // What a guardrail has not read does not go out: fields that are not known.
          const native = guardrails?.readsInput === true ? undefined : mapping.native[call.protocol];
          const upstream = native === undefined
            ? operation.request(sent.request, to)
            : { path: native.path(to), headers: { "content-type": "application/json", ...native.headers?.(to) }, body: editNativeBody(call.body, call.protocol, { model: target.model }), dropped: [], emulated: [] };
          const prepared: PreparedCall<Answer> = { request: upstream, read: (bytes, headers) => operation.answer(bytes, headers), stream: null };
          const { dropped, emulated } = upstream;
          made.set(prepared, {
            passed: native !== undefined,
            headers: remarkHeaders(dropped, emulated),
          });
          return prepared;
        },
      });
      record.target = opened.target;
      record.attempts = opened.attempts;
      record.firstByteMs = opened.firstByteMs;
      if (opened.streamed) throw new AppError("PROVIDER_ANSWER_INVALID", "The provider answered in a stream that nobody asked for.");
      const { usage } = opened.answer;
      const searchUnits = usage.searchUnits ?? call.searchUnits?.estimate;
      record.estimated = usage.inputTokens === null && usage.searchUnits === undefined;
      if (leavesModel(call.request)) record.answeredBy(opened.answer.model);
      record.usage = { ...usage, inputTokens: usage.inputTokens ?? call.tokens, outputTokens: usage.outputTokens ?? 0, ...(searchUnits === undefined ? {} : { searchUnits }) };
      const { passed, headers } = made.get(opened.prepared)!;
      return { answer: opened.answer, opened: { body: opened.body, passed, headers: { ...passedHeaders(entered, opened, call.protocol), ...headers } } };
    } catch (thrown) {
      const { outcome, error } = endingOf(thrown, context.signal);
      record.attempts = [...record.attempts, ...(attemptsOfFailure.get(error) ?? [])];
      await record.end(outcome, error);
      throw error;
    } finally {
      releaseWhenAnswered(hold, context);
    }
  }

  async #answer(record: CallRecord, protocol: Protocol, opened: { body: Uint8Array; headers: Record<string, string> }, document: unknown): Promise<HttpAnswer> {
    const { cost } = await record.end("ok");
    const headers = { "Content-Type": "application/json", ...answerHeaders(record, protocol), ...(cost === null ? {} : { "X-Slipway-Cost": String(cost / nanoDollars) }), ...opened.headers };
    return new HttpAnswer(200, headers, document === null ? opened.body : JSON.stringify(document));
  }
}

/** A hedge costs as much as the call itself. */
function boundsOf({ tokens, mostTokens: most, searchUnits }: Pick<SideCall<Extra, SideAnswer>, "tokens" | "mostTokens" | "searchUnits">, { hedgeAfterMs }: RouteSettings, held: boolean): CallBounds {
  const asked = held && hedgeAfterMs !== undefined ? 2 : 1;
  return { inputTokens: asked * (held ? most : tokens), outputTokens: 0, rateTokens: tokens, searchUnits: asked * ((held ? searchUnits?.most : searchUnits?.estimate) ?? 0) };
}

/** Clients of OpenAI's need a figure: where nobody told one it is the estimate, which the ledger has too, and says so. */
function counted(answer: EmbeddingsAnswer, tokens: number): EmbeddingsAnswer {
  return answer.usage.inputTokens === null ? { ...answer, usage: { ...answer.usage, inputTokens: tokens, tokensEstimated: true } } : answer;
}

function embeddingsCall(request: EmbeddingsRequest, body: Uint8Array): SideCall<EmbeddingsRequest, EmbeddingsAnswer> {
  const texts = request.input.filter((part) => typeof part === "string");
  const tokensBy = (count: (text: string) => number): number => request.input.reduce((sum, part) => sum + (typeof part === "string" ? count(part) : part.length), 0);
  return { operation: "embeddings", protocol: "openai-embeddings", body, request, texts, tokens: tokensBy(estimateTokens), mostTokens: tokensBy(mostTokens), user: request.user, of: ({ embeddings }) => embeddings };
}
