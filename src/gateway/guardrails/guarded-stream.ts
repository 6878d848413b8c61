import type { ChatAnswer } from "../conversation/chat-answer.ts";
import { AnswerCollector, eventsOf, type ChatEvent } from "../conversation/chat-event.ts";
import { findPersonalData, type PersonalDataType } from "./find-personal-data.ts";
import { foldText } from "./fold-text.ts";
import { blocked, type Guard, type GuardContext, type GuardReport } from "./guard.ts";
import { HeldText, type FreedText } from "./held-text.ts";
import { plainOf } from "./map-texts.ts";
import { refusesText } from "./pattern-reading.ts";
import type { Redactor } from "./redactor.ts";

/** Arguments of one tool call that are held, in characters. */
const mostArguments = 4_194_304;

type TextType = "text" | "refusal" | "thinking";

/**
 * An answer in pieces with guardrails on it. Text is held back for as long as its end could be the beginning of a match, and at most some 600 characters of it; arguments of tools, which are of no use in pieces, until the
 * model is done. What was given before a block stays given: a pattern whose matches are longer than 256 characters may have shown its beginning.
 */
export class GuardedStream {
  readonly #context: GuardContext;
  readonly #redactor: Redactor;
  readonly #after: (answer: ChatAnswer) => Promise<ChatAnswer>;
  readonly #guards: readonly { guard: Guard; report: GuardReport }[];
  readonly #redacted: ReadonlySet<PersonalDataType>;
  /** Set where a classifier wants the whole. */
  readonly #whole: AnswerCollector | null;
  readonly #calls = new Map<number, string>();
  #lastFlushChanged = false;
  /** Nothing is given any more. */
  #isBlocked = false;
  #open: { type: TextType; held: HeldText; isChanged: boolean } | null = null;

  constructor(guards: readonly Guard[], redactor: Redactor, context: GuardContext, reports: GuardReport[], after: (answer: ChatAnswer) => Promise<ChatAnswer>) {
    this.#context = context;
    this.#redactor = redactor;
    this.#after = after;
    this.#whole = guards.some(({ kind }) => kind === "classifier") ? new AnswerCollector() : null;
    this.#guards = guards.map((guard) => ({ guard, report: { name: guard.name, kind: guard.kind, on: "output", since: context.monotonic(), ms: 0, findings: 0, action: "none" } }));
    if (this.#whole === null) for (const { report } of this.#guards) reports.push(report);
    this.#redacted = new Set(guards.flatMap((guard) => (guard.kind === "pii" && guard.action === "redact" ? [...guard.types] : [])));
  }

  /** What may be given now. Throws CONTENT_BLOCKED. */
  push(event: ChatEvent): ChatEvent[] {
    if (this.#whole !== null) {
      this.#whole.add(event);
      return event.type === "start" ? [event] : [];
    }
    const start = this.#context.monotonic();
    try {
      return this.#isBlocked ? [] : this.#push(event);
    } catch (error) {
      this.#isBlocked = true;
      throw error;
    } finally {
      const ms = (this.#context.monotonic() - start) / Math.max(1, this.#guards.length);
      for (const { report } of this.#guards) report.ms += ms;
    }
  }

  /** No more events come. Gives what was held where the stream broke off, and the whole answer to a classifier. Throws CONTENT_BLOCKED, and what a classifier throws. */
  async end(): Promise<ChatEvent[]> {
    if (this.#isBlocked) return [];
    if (this.#whole === null) return this.#flushAll();
    const events = eventsOf(await this.#after(this.#whole.answer()));
    return events.filter(({ type }) => type !== "start" && (type !== "finish" || this.#whole?.isFinished === true));
  }

  #push(event: ChatEvent): ChatEvent[] {
    switch (event.type) {
      case "start":
      case "usage":
        return [event];
      case "text":
      case "refusal":
      case "thinking": {
        const before = this.#open?.type === event.type ? [] : this.#flush();
        this.#open ??= { type: event.type, held: new HeldText(this.#guards.map(({ guard }) => guard)), isChanged: false };
        return [...before, ...this.#give(this.#open.type, this.#open.held.push(event.text))];
      }
      case "thinking-signature": {
        const isThinking = this.#open?.type === "thinking";
        const wasChanged = this.#open?.isChanged === true;
        const held = this.#flush();
        // The signature of what was redacted fits no more.
        const isChanged = wasChanged || this.#lastFlushChanged;
        return isThinking && isChanged ? held : [...held, event];
      }
      case "redacted-thinking":
      case "image":
        return [...this.#flush(), event];
      case "tool-call":
        this.#calls.set(event.index, "");
        return [...this.#flush(), event];
      case "tool-arguments": {
        const text = (this.#calls.get(event.index) ?? "") + event.text;
        const [first] = this.#guards;
        if (text.length > mostArguments && first !== undefined) throw blocked(first.guard, "output");
        this.#calls.set(event.index, text);
        return [];
      }
      case "finish":
        return [...this.#flushAll(), event];
    }
  }

  #flush(): ChatEvent[] {
    const open = this.#open;
    this.#lastFlushChanged = false;
    if (open === null) return [];
    const events = this.#give(open.type, open.held.end());
    this.#lastFlushChanged = open.isChanged;
    this.#open = null;
    return events;
  }

  #flushAll(): ChatEvent[] {
    const events = this.#flush();
    for (const [index, text] of this.#calls) {
      if (text === "") continue;
      const plain = foldText(plainOf(text)).text;
      for (const { guard, report } of this.#guards) {
        if (guard.kind === "pii" && guard.action === "block") this.#block(guard, report, findPersonalData(plain, guard.types).length);
        else if (guard.kind === "patterns") this.#block(guard, report, guard.patterns.filter((pattern) => refusesText(pattern, plain)).length);
      }
      const redacted = this.#redactor.redactJson(text, this.#redacted);
      this.#count(redacted.findings);
      events.push({ type: "tool-arguments", index, text: redacted.text });
    }
    this.#calls.clear();
    return events;
  }

  /** Redacts what is free to be given, after what must be blocked was looked for. */
  #give(type: TextType, { text, before, after, matched }: FreedText): ChatEvent[] {
    for (const { guard, report } of this.#guards) this.#block(guard, report, matched.get(guard) ?? 0);
    if (text === "") return [];
    const redacted = this.#redactor.redact(text, this.#redacted, before, after);
    this.#count(redacted.findings);
    if (redacted.findings > 0 && this.#open !== null) this.#open.isChanged = true;
    return [{ type, text: redacted.text }];
  }

  #block(guard: Guard, report: GuardReport, findings: number): void {
    if (findings === 0) return;
    report.findings += findings;
    report.action = "blocked";
    throw blocked(guard, "output");
  }

  /** Several guardrails that redact are one to a stream: the first of them counts. */
  #count(findings: number): void {
    const first = this.#guards.find(({ guard }) => guard.kind === "pii" && guard.action === "redact");
    if (findings === 0 || first === undefined) return;
    first.report.findings += findings;
    first.report.action = "redacted";
  }
}
