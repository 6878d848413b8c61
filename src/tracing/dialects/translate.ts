import type { Attributes, AttributeValue, Span, SpanEvent } from "../span.ts";
import { parsedValue } from "../parsed-value.ts";
import type { StoredSpan } from "../stored-span.ts";
import { inputMessagesOf, outputMessagesOf, type ChatMessage } from "./chat-messages.ts";
import type { Dialect, FlatMessages, Rule } from "./dialect.ts";
import { dialects } from "./dialect-tables.ts";
import { flatMessagesOf } from "./flat-messages.ts";

const inputMessages = "gen_ai.input.messages";
const outputMessages = "gen_ai.output.messages";
const longestProvider = 100;

/**
 * The span in the GenAI conventions. What a dialect said stays readable in `original`, and whatever the span already said in the
 * conventions counts more than what a dialect says. A span without a dialect is given back as it is.
 */
export function translate(span: Span): StoredSpan {
  const keys = Object.keys(span.attributes);
  const spoken = dialects.filter(({ prefixes }) => keys.some((key) => prefixes.some((prefix) => key.startsWith(prefix))));
  const fromEvents = span.events.length === 0 ? null : messagesOfEvents(span.events);
  if (spoken.length === 0 && fromEvents === null) return { ...span, original: {}, translated: [] };
  const translation = new Translation(span.attributes);
  for (const dialect of spoken) translation.apply(dialect, keys);
  if (fromEvents !== null) for (const [key, value] of Object.entries(fromEvents)) translation.add(key, value);
  return { ...span, ...translation.result() };
}

class Translation {
  readonly #given: Attributes;
  readonly #made: Record<string, AttributeValue> = {};
  readonly #taken = new Set<string>();

  constructor(given: Attributes) {
    this.#given = given;
  }

  apply(dialect: Dialect, keys: readonly string[]): void {
    for (const flat of dialect.flat ?? []) this.#applyFlat(flat, keys);
    for (const rule of dialect.rules) this.#applyRule(rule);
  }

  add(key: string, value: AttributeValue): void {
    if (this.#given[key] === undefined) this.#made[key] ??= value;
  }

  result(): Pick<StoredSpan, "attributes" | "original" | "translated"> {
    const attributes: Record<string, AttributeValue> = {};
    const original: Record<string, AttributeValue> = {};
    for (const [key, value] of Object.entries(this.#given)) (this.#taken.has(key) ? original : attributes)[key] = value;
    const translated = Object.keys(this.#made);
    for (const key of translated) attributes[key] = this.#made[key]!;
    return { attributes, original, translated };
  }

  #applyRule(rule: Rule): void {
    const value = this.#given[rule.from];
    if (value === undefined || rule.from === rule.to) return;
    const target = this.#made[rule.to] ?? this.#given[rule.to];
    if (rule.unlessMessages === true && this.#made[rule.to === "input.value" ? inputMessages : outputMessages] !== undefined) return;
    if (target === undefined) {
      const read = readingOf(rule, value);
      if (read === null) return;
      this.#made[rule.to] = read;
    } else if (rule.reading === "assistant text" && rule.from.startsWith("ai.")) this.#addText(value);
    if (rule.stays !== true) this.#taken.add(rule.from);
  }

  /** Vercel tells a text and tool calls of one answer apart. */
  #addText(text: AttributeValue): void {
    const made = this.#made[outputMessages];
    if (typeof made !== "string" || typeof text !== "string" || text === "") return;
    const [first] = JSON.parse(made) as [ChatMessage];
    first.parts.unshift({ type: "text", content: text });
    this.#made[outputMessages] = JSON.stringify([first]);
  }

  #applyFlat(flat: FlatMessages, keys: readonly string[]): void {
    const own = keys.filter((key) => key.startsWith(flat.prefix));
    if (own.length === 0) return;
    const messages = flatMessagesOf(flat, own, this.#given);
    if (messages.length === 0) return;
    for (const key of own) this.#taken.add(key);
    this.add(flat.to, JSON.stringify(messages));
  }
}

function readingOf({ reading = "as it is", words, field }: Rule, value: AttributeValue): AttributeValue | null {
  switch (reading) {
    case "as it is": return value;
    case "json text": return typeof value === "string" ? textOfJson(value) : value;
    case "number": return numberOf(value);
    case "list": return Array.isArray(value) ? (value as readonly string[]) : [String(value)];
    case "user text": return typeof value === "string" ? JSON.stringify([{ role: "user", parts: [{ type: "text", content: value }] }]) : null;
    case "assistant text": return typeof value === "string" && value !== "" ? JSON.stringify([{ role: "assistant", parts: [{ type: "text", content: value }] }]) : null;
    case "input messages": return messagesText(inputMessagesOf(parsed(value)));
    case "asked messages": return conversationOf(value, (messages, answers) => messages.slice(0, messages.length - answers));
    case "answered messages": return conversationOf(value, (messages, answers) => messages.slice(messages.length - answers));
    case "chat": return "chat";
    case "output messages": return messagesText(outputMessagesOf(parsed(value)));
    case "tool calls": {
      const calls = parsed(value);
      return Array.isArray(calls) ? messagesText(outputMessagesOf({ content: calls.map((call: object) => ({ type: "tool-call", ...call })) })) : null;
    }
    case "field": {
      const json = parsed(value);
      const found = typeof json === "object" && json !== null ? (json as Record<string, unknown>)[field!] : undefined;
      return typeof found === "string" || typeof found === "number" || typeof found === "boolean" ? found : null;
    }
    case "word": {
      const word = typeof value === "string" ? textOfJson(value) : String(value);
      // A provider that nobody has listed keeps its name; a kind of span that has no operation gets none.
      return wordOf(words!, word) ?? (words!.openai === undefined ? null : word);
    }
  }
}

/** Vercel's names of providers end with what is called there, such as `mistral.chat`: what stands before a dot counts where the whole is not listed. */
function wordOf(words: Readonly<Record<string, string>>, word: string): string | null {
  for (const name of [word, word.toLowerCase()]) if (Object.hasOwn(words, name)) return words[name]!;
  const parts = word.length > longestProvider ? [] : word.split(".");
  for (let count = parts.length - 1; count > 0; count--) {
    const start = parts.slice(0, count).join(".");
    if (Object.hasOwn(words, start)) return words[start]!;
  }
  return null;
}

/** A part of a conversation, by how many answers stand at its end. Null where that part is empty. */
function conversationOf(value: AttributeValue, part: (messages: ChatMessage[], answers: number) => ChatMessage[]): string | null {
  const messages = inputMessagesOf(parsed(value));
  if (messages === null) return null;
  const asked = messages.findLastIndex(({ role }) => role !== "assistant") + 1;
  const found = part(messages, messages.length - asked);
  return found.length === 0 ? null : JSON.stringify(found);
}

function messagesText(messages: ChatMessage[] | null): string | null {
  return messages === null ? null : JSON.stringify(messages);
}

function numberOf(value: AttributeValue): number | null {
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}

function parsed(value: AttributeValue): unknown {
  return typeof value === "string" ? (parsedValue(value) ?? null) : null;
}

function textOfJson(value: string): string {
  if (!value.startsWith("\"")) return value;
  const text = parsed(value);
  return typeof text === "string" ? text : value;
}

const roleEvents: Readonly<Record<string, string>> = { "gen_ai.system.message": "system", "gen_ai.user.message": "user", "gen_ai.assistant.message": "assistant", "gen_ai.tool.message": "tool" };

/** Conventions before 1.37 had messages as events of the span, and later ones may have them on one event. Null where there is none. */
function messagesOfEvents(events: readonly SpanEvent[]): Record<string, AttributeValue> | null {
  const found: Record<string, AttributeValue> = {};
  const inputs: unknown[] = [];
  const outputs: unknown[] = [];
  for (const { name, attributes } of events) {
    const role = roleEvents[name];
    if (role !== undefined) inputs.push({ role, ...unpacked(attributes) });
    else if (name === "gen_ai.choice") outputs.push(unpacked(attributes));
    else if (name === "gen_ai.content.prompt") addText(found, inputMessages, attributes["gen_ai.prompt"], "input messages", "user text");
    else if (name === "gen_ai.content.completion") addText(found, outputMessages, attributes["gen_ai.completion"], "output messages", "assistant text");
    else if (name === "gen_ai.client.inference.operation.details") {
      for (const key of [inputMessages, outputMessages, "gen_ai.system_instructions", "gen_ai.tool.definitions"]) if (attributes[key] !== undefined) found[key] ??= attributes[key];
    }
  }
  const input = messagesText(inputMessagesOf(inputs));
  const output = outputs.length === 0 ? null : messagesText(outputMessagesOf({ choices: outputs.map((choice) => ((choice as { message?: unknown }).message === undefined ? { message: choice } : choice)) }));
  if (input !== null) found[inputMessages] ??= input;
  if (output !== null) found[outputMessages] ??= output;
  return Object.keys(found).length === 0 ? null : found;
}

function addText(found: Record<string, AttributeValue>, key: string, value: AttributeValue | undefined, ...readings: readonly NonNullable<Rule["reading"]>[]): void {
  if (value === undefined) return;
  for (const reading of readings) {
    const read = readingOf({ from: "", to: key, reading }, value);
    if (read !== null) found[key] ??= read;
  }
}

/** Attributes of an event, of which some are JSON. */
function unpacked(attributes: Attributes): Record<string, unknown> {
  return Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, typeof value === "string" && /^[[{]/.test(value) ? (parsed(value) ?? value) : value]));
}
