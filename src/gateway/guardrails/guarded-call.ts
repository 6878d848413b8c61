import { AppError } from "../../core/errors.ts";
import type { ChatAnswer } from "../conversation/chat-answer.ts";
import type { ChatRequest } from "../conversation/chat-request.ts";
import type { PersonalDataType } from "./find-personal-data.ts";
import { GuardedStream } from "./guarded-stream.ts";
import { blocked, type Guard, type GuardContext, type GuardReport } from "./guard.ts";
import { charactersAtOnce, inTurns, personalDataInSteps, refusalsInSteps } from "./long-texts.ts";
import { mapAnswer, mapRequest, plainOf, type TextMapping } from "./map-texts.ts";
import { Redactor, type RedactedText } from "./redactor.ts";
import { isAddress, isProse, textsBeside } from "./texts-beside.ts";

/** A classifier reads texts in pieces of so many characters; more pieces than these are refused, since what is not read is not guarded. */
const classifiedAtOnce = 8000;
const mostClassified = 64;

/** Guardrails around one call: `before` its request, and `after` its answer or in a `stream` of it. */
export class GuardedCall {
  readonly #guards: readonly Guard[];
  readonly #context: GuardContext;
  readonly #redactor = new Redactor();
  /** What was done so far, also by a guardrail that blocked. */
  readonly reports: GuardReport[] = [];
  /** What stands in the request's body beside the texts of its messages, as guardrails before left it; null until one reads it. */
  #beside: readonly string[] | null = null;

  constructor(guards: readonly Guard[], context: GuardContext) {
    this.#guards = guards;
    this.#context = context;
  }

  /** The request as it may be sent on: the same object where nothing was redacted. Throws CONTENT_BLOCKED, and what a classifier throws. */
  async before(request: ChatRequest): Promise<ChatRequest> {
    let current = request;
    for (const guard of this.#guards) {
      if (!guard.onInput) continue;
      if (guard.kind !== "max-cost") this.#beside ??= besideOf(request);
      current = await this.#apply(guard, "input", current, mapRequest, mapInputForReading);
    }
    return current;
  }

  /** The answer as it may be given: the same object where nothing was redacted. Throws CONTENT_BLOCKED, and what a classifier throws. */
  async after(answer: ChatAnswer): Promise<ChatAnswer> {
    let current = answer;
    for (const guard of this.#guards) {
      if (guard.onOutput) current = await this.#apply(guard, "output", current, mapAnswer, mapAnswer);
    }
    return current;
  }

  /** For an answer that comes in pieces. With a classifier on the output nothing is given before all has come. */
  stream(): GuardedStream {
    const guards = this.#guards.filter(({ onOutput }) => onOutput);
    return new GuardedStream(guards, this.#redactor, this.#context, this.reports, (answer) => this.after(answer));
  }

  async #apply<Content extends object>(guard: Guard, on: GuardReport["on"], content: Content, change: (content: Content, mapping: TextMapping) => Content, read: (content: Content, mapping: TextMapping) => Content): Promise<Content> {
    const start = this.#context.monotonic();
    const report: GuardReport = { name: guard.name, kind: guard.kind, on, since: start, ms: 0, findings: 0, action: "none" };
    this.reports.push(report);
    const beside = on === "input" ? (this.#beside ?? []) : [];
    try {
      switch (guard.kind) {
        case "pii": {
          if (guard.action === "block") {
            for (const text of [...textsOf(content, read), ...beside]) report.findings += (await this.#inTurns(personalDataInSteps(text, guard.types))).found.length;
            break;
          }
          const redact = await this.#redactAhead(content, change, guard.types);
          const changed = change(content, {
            text: (text) => this.#counted(report, redact(text)),
            json: (text) => this.#counted(report, this.#redactor.redactJson(text, guard.types, redact)),
            beside: (text) => redact(text).text,
          });
          const isClean = on === "output" || (await this.#redactBeside(report, guard.types));
          if (report.findings > 0) report.action = "redacted";
          // What was found where the canonical form has nothing does not go out with the caller's bytes.
          return changed === content && !isClean ? { ...changed } : changed;
        }
        case "patterns":
          for (const text of [...textsOf(content, read), ...beside]) report.findings += await this.#inTurns(refusalsInSteps(text, guard.patterns));
          break;
        case "classifier":
          report.findings = await this.#classify(guard, [...textsOf(content, read), ...beside.filter(isProse)]);
          break;
        case "max-cost":
          report.findings = this.#context.worstCost === null || this.#context.worstCost > guard.dollars ? 1 : 0;
      }
      if (report.findings > 0) {
        report.action = "blocked";
        throw blocked(guard, on);
      }
      return content;
    } finally {
      report.ms = this.#context.monotonic() - start;
    }
  }

  /** Counts, and keeps as it goes out, what is redacted beside the messages; false where there was something. */
  async #redactBeside(report: GuardReport, types: ReadonlySet<PersonalDataType>): Promise<boolean> {
    const before = report.findings;
    const redacted: string[] = [];
    for (const text of this.#beside ?? []) redacted.push(isAddress(text) ? text : this.#counted(report, await this.#inTurns(this.#redactor.redactInSteps(text, types))));
    this.#beside = redacted;
    return report.findings === before;
  }

  #inTurns<Result>(steps: Generator<undefined, Result>): Promise<Result> {
    return inTurns(steps, this.#context.monotonic);
  }

  /** How the texts of a content are redacted: each when it is asked for or, where they are long, all of them ahead and in turns with other work. */
  async #redactAhead<Content>(content: Content, change: (content: Content, mapping: TextMapping) => Content, types: ReadonlySet<PersonalDataType>): Promise<(text: string) => RedactedText> {
    const texts = new Set<string>();
    let length = 0;
    const keep = (text: string): RedactedText => {
      texts.add(text);
      length += text.length;
      return { text, findings: 0 };
    };
    change(content, { text: (text) => keep(text).text, json: (text) => this.#redactor.redactJson(text, types, keep).text, beside: (text) => keep(text).text });
    if (length <= charactersAtOnce) return (text) => this.#redactor.redact(text, types);
    const redacted = new Map<string, RedactedText>();
    for (const text of texts) redacted.set(text, await this.#inTurns(this.#redactor.redactInSteps(text, types)));
    return (text) => redacted.get(text) ?? this.#redactor.redact(text, types);
  }

  #counted(report: GuardReport, { text, findings }: { text: string; findings: number }): string {
    report.findings += findings;
    return text;
  }

  async #classify(guard: Extract<Guard, { kind: "classifier" }>, texts: readonly string[]): Promise<number> {
    const all = texts.join("\n\n");
    if (all.trim() === "") return 0;
    if (all.length > classifiedAtOnce * mostClassified) return 1;
    const pieces: Promise<{ label?: string; score?: number }>[] = [];
    for (let at = 0; at < all.length; at += classifiedAtOnce) pieces.push(this.#context.classify(guard.model, all.slice(at, at + classifiedAtOnce)));
    const verdicts = await Promise.all(pieces).catch((error: unknown) => { throw namingGuard(error, guard); });
    return verdicts.filter(({ label, score }) => (label !== undefined && guard.blockLabels.has(label)) || (guard.blockAbove !== null && score !== undefined && score > guard.blockAbove)).length;
  }
}

/** A caller who asked for another model must not take the guardrail's for its own, nor its trouble for a fault of the call: what the model itself would answer with 4xx is the operator's to mend. */
function namingGuard(error: unknown, { name, model }: { name: string; model: string }): unknown {
  if (!(error instanceof AppError)) return error;
  const { code, message, problems, retryAfterSeconds } = error;
  const told = `The guardrail ${name} could not ask its model ${model}: ${message}`;
  if (error.status < 500 && error.status !== 499) return new AppError("GUARDRAIL_UNAVAILABLE", told, { cause: error });
  return new AppError(code, told, { problems, cause: error, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) });
}

/** What is only read is read with the thinking in it, which `mapRequest` leaves alone. */
function mapInputForReading(request: ChatRequest, mapping: TextMapping): ChatRequest {
  for (const { parts } of request.messages) for (const part of parts) if (part.type === "thinking") mapping.text(part.text);
  return mapRequest(request, mapping);
}

/** Every text of the request's body that is not among those of its messages. */
function besideOf(request: ChatRequest): readonly string[] {
  if (request.source === undefined) return [];
  const read = new Set<string>();
  const keep = (text: string): string => {
    read.add(text);
    return text;
  };
  mapInputForReading(request, { text: keep, json: keep });
  return textsBeside(request.source, read);
}

function textsOf<Content>(content: Content, read: (content: Content, mapping: TextMapping) => Content): string[] {
  const texts: string[] = [];
  const keep = (text: string): string => {
    if (text !== "") texts.push(text);
    return text;
  };
  read(content, { text: keep, json: (text) => keep(plainOf(text)) && text });
  return texts;
}
