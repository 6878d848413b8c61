import type { Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { IdGenerator } from "../../core/ids.ts";
import { HttpAnswer } from "../../core/route.ts";
import { nanoDollars } from "../../ledger/index.ts";
import { answerHeaders, passedHeaders } from "../calls/answer-headers.ts";
import { answerKey, semanticQuestion, type AnswerCache, type CacheLead, type CacheLook } from "../cache/index.ts";
import { releaseWhenAnswered, type CallContext } from "../calls/call-context.ts";
import { answerScope } from "./answer-scope.ts";
import { betaHeaderName, betasOf, withBetas } from "./caller-betas.ts";
import type { CallFloor, OpenedFloor } from "../calls/call-floor.ts";
import { guardContext, refuseTokenNumbers, type GuardParts } from "../calls/call-guards.ts";
import type { CallRecord } from "../calls/call-record.ts";
import { addedTokensOf, boundedOutput, boundsOfChat, boundsOfRounds, leavesModel } from "./chat-bounds.ts";
import { ChatPreparation } from "./chat-preparation.ts";
import { ChatStream } from "./chat-stream.ts";
import type { ChatAnswer } from "../conversation/chat-answer.ts";
import { eventsOf } from "../conversation/chat-event.ts";
import type { ChatRequest } from "../conversation/chat-request.ts";
import type { Guardrails } from "../guardrails/index.ts";
import { answerFacts, inputMessages, outputMessages } from "../calls/messages-for-trace.ts";
import { RepairRounds, type OutputChecker } from "../output/index.ts";
import type { AnswerFrame, ChatProtocol } from "../protocols/client-protocol.ts";
import { chatProtocols } from "../protocols/index.ts";
import { AnswerHold, type AnswerMemory } from "../../core/answer-memory.ts";
import { targetName } from "../routing/target-name.ts";
import { attemptsOfFailure, type CallFacts, type CallOrder, type CallRunner, type OpenedCall } from "../routing/call-plan.ts";
import type { RouteSettings } from "../schemas.ts";
import type { RouteSplits } from "../split/route-splits.ts";
import type { SplitCalls } from "../split/split-calls.ts";
import type { CallWay } from "../split/splittable-call.ts";
import { endingOf } from "../split/trial-outcome.ts";
import type { HeardAnswer } from "./heard-answer.ts";
import { mostSent } from "./sent-chat.ts";
import { StreamedAnswer } from "./streamed-answer.ts";
import { countedRound, estimateChat, estimateTokens, needsOf, textsOf } from "../tokens/index.ts";
import { withSystemPrompt } from "./with-system-prompt.ts";

export type ChatProtocolName = keyof typeof chatProtocols;

export interface ChatCallParts extends GuardParts {
  floor: CallFloor;
  splits: Pick<RouteSplits, "of">;
  splitCalls: Pick<SplitCalls, "answer">;
  runner: CallRunner;
  answers: AnswerMemory;
  cache: AnswerCache;
  checker: OutputChecker;
  /** Vectors of texts by a route of an embedding model, for the semantic cache, within the call that they are asked for. */
  embed(route: string, context: CallContext, within: CallRecord): (texts: readonly string[]) => Promise<Float32Array[]>;
  clock: Clock;
  ids: IdGenerator;
}

const streamType = "text/event-stream; charset=utf-8";

/** One chat on its way. */
interface Chat {
  name: ChatProtocolName;
  protocol: ChatProtocol;
  body: Uint8Array;
  parsed: ChatRequest;
  betas: string | null;
  entered: OpenedFloor;
  settings: RouteSettings;
  guardrails: Guardrails | null;
  record: CallRecord;
  frame: AnswerFrame;
  context: CallContext;
  hold: AnswerHold;
  /** Null where the route is not split. */
  way: CallWay | null;
}

/** Chats in any protocol of callers, through everything that stands between them and a provider. */
export class ChatCalls {
  readonly #parts: ChatCallParts;

  constructor(parts: ChatCallParts) {
    this.#parts = parts;
  }

  /** The answer in the caller's protocol. Throws AppError, which the protocol's route words. */
  async answer(name: ChatProtocolName, body: Uint8Array, context: CallContext): Promise<HttpAnswer> {
    const { floor, ids, guardrailsOf, splits, splitCalls, answers } = this.#parts;
    const protocol = chatProtocols[name];
    const fields = floor.parse(body);
    const entered = floor.enter(fields.model, context);
    const betas = name === "anthropic-messages" ? betasOf(context) : null;
    const parsed = withBetas(protocol.parse(fields, body), betas);
    const frame: AnswerFrame = { id: ids.next(idKinds[name]), model: fields.model as string, created: Math.floor(context.now / 1000) };
    const { settings } = entered.route;
    const split = splits.of(entered.route.name);
    if (split === undefined) {
      return this.#carryOut({ name, protocol, body, parsed, betas, entered, settings, guardrails: guardrailsOf(settings), record: floor.record(entered, "chat", parsed.user), frame, context, hold: new AnswerHold(answers), way: null });
    }
    return splitCalls.answer(split, {
      id: frame.id, entered, context, session: entered.remarks.session ?? parsed.user, isStream: parsed.stream, record: (opened) => floor.record(opened, "chat", parsed.user),
      bounds: (own, held) => boundsOfRounds(boundsOfChat(mostSent(withSystemPrompt(parsed, own), own), held, addedTokensOf(own, entered.policy), name), parsed, own),
      carryOut: (way) => this.#carryOut({ name, protocol, body, parsed, betas, settings: way.entered.route.settings, guardrails: guardrailsOf(way.entered.route.settings), frame, ...way, hold: new AnswerHold(answers), way }),
    });
  }

  /** Ends the record, however it goes. */
  async #carryOut(chat: Chat): Promise<HttpAnswer> {
    const { record, context, hold } = chat;
    const lead: { current: CacheLead | null } = { current: null };
    try {
      return await this.#answered(chat, lead);
    } catch (thrown) {
      const { outcome, error } = endingOf(thrown, context.signal);
      lead.current?.fail(outcome);
      record.attempts = [...record.attempts, ...(attemptsOfFailure.get(error) ?? [])];
      await record.end(outcome, error);
      throw error;
    } finally {
      releaseWhenAnswered(hold, context);
    }
  }

  async #answered(chat: Chat, lead: { current: CacheLead | null }): Promise<HttpAnswer> {
    const { floor, runner, checker } = this.#parts;
    const { name, body, parsed, betas, entered, settings, guardrails, record, context } = chat;
    const answerMayPass = guardrails?.guardsOutput !== true;
    const prompted = withSystemPrompt(parsed, settings);
    const held = floor.isHeld(entered, record);
    const most = mostSent(prompted, settings);
    const bounds = boundsOfChat(most, held, addedTokensOf(settings, entered.policy), name);
    record.askedTier = bounds.tierOf;
    record.begins({ inputTokens: bounds.estimatedInput, outputTokens: bounds.outputTokens });
    record.mostSearches = bounds.webSearches;
    if (prompted.output.type === "schema") await checker.accept(prompted.output.schema);
    const guarded = guardrails === null ? null : guardrails.begin(guardContext(this.#parts, chat, bounds));
    if (guarded !== null) record.hooks = guarded.reports;
    if (guardrails?.readsInput === true) refuseTokenNumbers("prompt", parsed.extra.prompt);
    const request = guarded === null ? prompted : await guarded.before(prompted);
    if (settings.recordContent) record.input = inputMessages(request);
    record.sampling = request.sampling;
    const look = await this.#look(chat, request);
    if (look !== null && "answer" in look) {
      record.cached = true;
      record.usage = look.answer.usage;
      record.savedCost = look.cost;
      return this.#whole(chat, request, look.answer, { "X-Slipway-Cache": look.kind });
    }
    lead.current = look?.lead ?? null;
    const inAll = boundsOfRounds(bounds, request, settings);
    const admitted = chat.way?.admit === undefined ? floor.admit(entered, record, inAll, context) : chat.way.admit(inAll);
    if (admitted instanceof Promise) await admitted;
    const facts: CallFacts = {
      inputTokens: most === prompted ? bounds.estimatedInput : estimateChat(prompted), needs: needsOf(request), tags: entered.remarks.tags, session: entered.remarks.session ?? parsed.user, worstCost: (target) => floor.worstDollars(target, bounds, context.now),
    };
    // Fields of messages that a guardrail has not read do not go out.
    const isRead = guardrails?.readsInput !== true || (parsed.uncarried ?? []).every((path) => path === betaHeaderName);
    const maxTokens = held && parsed.sampling.maxOutputTokens === null ? boundedOutput : null;
    const preparation = new ChatPreparation({ name, body, request, settings, maxTokens, mayPass: request === parsed && isRead, answerMayPass, betas });
    const order: CallOrder<ChatAnswer> = {
      route: entered.route.name, settings, facts, deadline: floor.deadline(settings, record), signal: context.signal, prepare: preparation.prepare,
      admit: floor.providerAdmission(bounds.rateTokens, record, settings, entered), watch: record, hold: chat.hold,
    };
    const opened = await runner.run(order);
    record.target = opened.target;
    record.attempts = opened.attempts;
    record.firstByteMs = opened.firstByteMs;
    const headers: Record<string, string> = { ...passedHeaders(entered, opened, name), ...preparation.remarks(opened), ...(look === null ? {} : { "X-Slipway-Cache": look.kind }) };
    record.streamed = opened.streamed;
    const sent = preparation.sent(opened);
    if (opened.streamed) {
      const guard = guarded !== null && !answerMayPass ? guarded.stream() : null;
      const passed = guard === null && preparation.hasPassed(opened);
      if (!passed) record.answerId = chat.frame.id;
      const stream = new ChatStream({ ...chat, opened, request: sent, guard, passed, hidesUsage: preparation.hidesUsage(opened), requestId: context.requestId });
      const body = this.#streamed(chat, stream, sent, lead.current);
      if (chat.way?.holdsBack === true) await body.hold();
      // Nobody reads an answer whose caller has gone before it began: what was taken for it is given back here.
      const abandon = (): void => {
        if (!body.hasBegun) void body.return();
      };
      if (context.signal.aborted) abandon();
      else context.signal.addEventListener("abort", abandon, { once: true });
      // Past all routes it takes more than to see the model, which only all rights of the beginning are sure to have.
      const of = entered.route.revision === null ? null : ({ kind: "route", name: entered.route.name, team: entered.route.team } as const);
      return new HttpAnswer(200, { "Content-Type": streamType, ...answerHeaders(record, name), ...headers }, body, [], of);
    }
    const repaired = request.output.type === "text" ? asCounted(record, sent, opened.answer) : await this.#repaired(chat, { request, sent }, opened.answer, order, maxTokens, headers);
    // Before it is judged: one that is blocked costs as much.
    estimate(record, sent, repaired);
    record.answer = answerFacts(repaired);
    const answer = guarded === null || answerMayPass ? repaired : await guarded.after(repaired);
    lead.current?.finish(answer, record.spent().cost);
    // What a guardrail has not read does not go out: other choices, fields that are not known.
    if (answer !== opened.answer || !answerMayPass || !preparation.hasPassed(opened)) return this.#whole(chat, sent, answer, headers);
    record.answerId = answer.id;
    return this.#ended(chat, answer, "application/json", headers, opened.body);
  }

  /** An answer that keeps to the asked format, where one was asked for; the record has the target of the last round, and the usage of all rounds that were its. `headers` become those of that round. */
  async #repaired({ name, body, settings, record }: Chat, { request, sent }: { request: ChatRequest; sent: ChatRequest }, first: ChatAnswer, order: CallOrder<ChatAnswer>, maxTokens: number | null, headers: Record<string, string>): Promise<ChatAnswer> {
    const rounds = new RepairRounds(request, settings.repair, (schema, text) => this.#parts.checker.check(schema, text));
    // Each round by itself: of a sum nobody could tell which rounds are in it.
    const next = (asked: ChatRequest, answer: ChatAnswer): ReturnType<RepairRounds["next"]> => {
      const billed = countedRound(asked, answer);
      if (billed !== answer.usage) record.estimated = true;
      return rounds.next(answer, targetName(record.target!), billed);
    };
    try {
      let step = await next(sent, first);
      let { usage } = first;
      while (step.do === "ask") {
        record.asksAgain(estimateChat(mostSent(step.request, settings)), usage);
        const preparation = new ChatPreparation({ name, body, request: step.request, settings, maxTokens, mayPass: false, answerMayPass: false, betas: null });
        const opened: OpenedCall<ChatAnswer> = await this.#parts.runner.run({ ...order, prepare: preparation.prepare });
        record.attempts = [...record.attempts, ...opened.attempts];
        // Each round is asked of whichever target the route has for it.
        record.target = opened.target;
        for (const name of ["X-Slipway-Dropped", "X-Slipway-Emulated"]) delete headers[name];
        Object.assign(headers, preparation.remarks(opened));
        if (opened.streamed) throw new AppError("PROVIDER_ANSWER_INVALID", "The provider answered in a stream that nobody asked for.");
        usage = opened.answer.usage;
        step = await next(preparation.sent(opened), opened.answer);
      }
      if (rounds.repairs > 0) record.attributes["slipway.output.repairs"] = rounds.repairs;
      return rounds.repairs === 0 && !step.changed ? first : step.answer;
    } finally {
      record.usage = rounds.usageBy(targetName(record.target!));
    }
  }

  async #look({ entered, settings, context, record }: Chat, request: ChatRequest): Promise<CacheLook | null> {
    const { cache } = settings;
    // What another protocol's words cannot say would be lost in an answer that is kept, and is not in its key.
    const isPlain = (request.nativeOnly ?? []).length === 0 && (request.uncarried ?? []).length === 0 && !["n", "logprobs", "modalities"].some((name) => name in request.extra);
    if (cache === undefined || !isPlain || (!cache.exact && cache.semantic === undefined)) return null;
    const { semantic } = cache;
    const scope = answerScope(entered);
    const question = semantic === undefined ? null : semanticQuestion(scope, request);
    return this.#parts.cache.look({
      key: answerKey(scope, request), ttlMs: cache.ttlSeconds * 1000, control: entered.control, signal: context.signal,
      ...(question === null || semantic === undefined ? {} : { semantic: { question, threshold: semantic.threshold, embed: this.#parts.embed(semantic.route, context, record) } }),
    });
  }

  /** An answer that is whole, in the caller's protocol; as a stream where one was asked for. */
  #whole(chat: Chat, request: ChatRequest, answer: ChatAnswer, headers: Record<string, string>): Promise<HttpAnswer> {
    const { protocol, frame } = chat;
    chat.record.answerId = frame.id;
    if (!request.stream) return this.#ended(chat, answer, "application/json", headers, JSON.stringify(protocol.answer(answer, frame, request)));
    const writer = protocol.stream(frame, request);
    return this.#ended(chat, answer, streamType, headers, eventsOf(answer).map((event) => writer.write(event)).join("") + writer.end(() => answer.parts));
  }

  async #ended({ name, settings, record, hold }: Chat, answer: ChatAnswer, mediaType: string, headers: Record<string, string>, body: Uint8Array | string): Promise<HttpAnswer> {
    if (settings.recordContent) record.output = outputMessages(answer);
    if (typeof body === "string") hold.add(body.length);
    const { cost } = await record.end("ok");
    return new HttpAnswer(200, { "Content-Type": mediaType, ...answerHeaders(record, name), ...(cost === null ? {} : { "X-Slipway-Cost": String(cost / nanoDollars) }), ...headers }, body);
  }

  /** Ends the record when the stream does, however that is. */
  #streamed({ settings, record, context }: Chat, stream: ChatStream, request: ChatRequest, lead: CacheLead | null): StreamedAnswer {
    return new StreamedAnswer({
      stream, signal: context.signal,
      ended: async (collector, outcome, error) => {
        const answer = collector.answer();
        record.usage = (stream.heard ?? collector).usage;
        if (answer.id !== "") record.answerId ??= answer.id;
        estimate(record, request, stream.heard ?? answer, outcome === "ok" || (stream.heard ?? collector).isFinished);
        record.answer = answerFacts(answer, collector.isFinished);
        if (settings.recordContent) record.output = outputMessages(answer, outcome === "ok" || collector.isFinished ? null : outcome);
        if (outcome === "ok") lead?.finish(answer, record.spent().cost);
        else lead?.fail(outcome);
        await record.end(outcome, error);
      },
    });
  }
}

const idKinds = { "openai-chat": "chatCompletion", "openai-completions": "chatCompletion", "openai-responses": "response", "anthropic-messages": "message" } as const;

/** An answer that has no format to keep to, of which nothing is asked for again. */
function asCounted(record: CallRecord, sent: ChatRequest, answer: ChatAnswer): ChatAnswer {
  record.usage = countedRound(sent, answer);
  if (record.usage !== answer.usage) record.estimated = true;
  return answer;
}

/** The model is billed that answered. Tokens that a provider did not tell are counted here, and searches of the web where it is only seen that there were some; where a stream was cut, so is the output, of which some providers tell a first figure at the beginning and the last at the end. */
function estimate(record: CallRecord, request: ChatRequest, said: Pick<ChatAnswer, "parts" | "model"> | HeardAnswer, isWhole = true): void {
  const { usage } = record;
  if (leavesModel(request)) record.answeredBy(said.model);
  if (usage.searchesEstimated === true) record.estimated = true;
  if (!isWhole) record.cutShort();
  if (usage.inputTokens !== null && usage.outputTokens !== null && isWhole) return;
  const inputTokens = usage.inputTokens ?? estimateChat(request);
  const outputTokens = usage.outputTokens !== null && isWhole ? usage.outputTokens : Math.max(usage.outputTokens ?? 0, "parts" in said ? estimateTokens(textsOf(said.parts)) : said.outputTokens);
  if (inputTokens !== usage.inputTokens || outputTokens !== usage.outputTokens) record.estimated = true;
  record.usage = { ...record.usage, inputTokens, outputTokens };
}
