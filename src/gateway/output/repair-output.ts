import { AppError, type Problem } from "../../core/errors.ts";
import { unknownUsage, type ChatAnswer, type SeldomTold, type TokenUsage } from "../conversation/chat-answer.ts";
import type { AssistantPart, ChatRequest, OutputFormat } from "../conversation/chat-request.ts";
import { tierOfRounds } from "../calls/service-tier.ts";
import { extractJson } from "./extract-json.ts";
import type { Schema } from "./schema-limits.ts";

/** Checks a JSON text: `OutputChecker.check`. */
export type CheckOutput = (schema: Schema, text: string) => Promise<readonly Problem[]>;

export type RepairStep =
  /** To be given to the caller: kept to its schema, or had none to keep to. `usage` in it is that of all rounds. */
  | { do: "give"; answer: ChatAnswer; /** Words or a fence around the JSON were taken away. */ changed: boolean }
  /** To be sent to the model next. */
  | { do: "ask"; request: ChatRequest; problems: readonly Problem[] };

/** What the model is shown of its own broken answer. */
const mostShown = 50_000;

/**
 * The rounds of one call whose answer must keep to a format: an answer that does not is asked for again, with what is wrong with it, a bounded number of times. Knows nothing of how a model is asked. Every round costs;
 * `usage` adds them up.
 */
export class RepairRounds {
  readonly #request: ChatRequest;
  readonly #most: number;
  readonly #check: CheckOutput;
  /** Of the only answer, as it was told; null of none and of several. */
  #told: TokenUsage | null = null;
  #billed: TokenUsage | null = null;
  readonly #usageBy = new Map<string, TokenUsage>();
  #asked = 0;

  /** `most` is the route's `repair`. */
  constructor(request: ChatRequest, most: number, check: CheckOutput) {
    this.#request = request;
    this.#most = most;
    this.#check = check;
  }

  /** How often the model was asked again. */
  get repairs(): number {
    return this.#asked;
  }

  /** Of all answers so far. That of a single one is as its provider told it; of several also what was not told is in the sum, which says so: who got the last alone could not count the others. */
  get usage(): TokenUsage {
    return this.#told ?? this.#billed ?? unknownUsage;
  }

  /** Of the answers that were this target's, as they are billed: each by its own price. */
  usageBy(target: string): TokenUsage {
    return this.#usageBy.get(target) ?? unknownUsage;
  }

  /** Also for a round whose answer was never whole, such as a stream that was ended. `billed`: with what its provider did not tell. */
  spend(usage: TokenUsage, by = "", billed = usage): void {
    const before = this.#usageBy.get(by);
    this.#usageBy.set(by, before === undefined ? billed : addUsage(before, billed));
    this.#told = this.#billed === null ? usage : null;
    this.#billed = this.#billed === null ? billed : addUsage(this.#billed, billed);
  }

  /** What follows from an answer, which was this target's and is billed with these tokens. Throws STRUCTURED_OUTPUT_INVALID, with the problems, where it was cut or no round is left. */
  async next(answer: ChatAnswer, by = "", billed = answer.usage): Promise<RepairStep> {
    this.spend(answer.usage, by, billed);
    if (answer.others !== undefined && this.#request.extra.n !== undefined) return this.#several(answer, [answer, ...answer.others]);
    const read = readOutput(answer, this.#request.output);
    if (read === null) return { do: "give", answer: { ...answer, usage: this.usage }, changed: false };
    if (answer.finish === "length") throw new AppError("STRUCTURED_OUTPUT_INVALID", "The answer ends in the middle: the model used up its output tokens. Raise max_tokens.", { problems: [{ path: "$", message: "is cut" }] });
    const problems = await this.#problemsOf(read);
    if (problems.length === 0) return { do: "give", answer: { ...(read.changed ? withText(answer, read.text) : answer), usage: this.usage }, changed: read.changed };
    return this.askAgain(answer, problems);
  }

  /** Several choices are given as the provider wrote them, or not at all: asking again would give others in the place of those that are good, and words around a document cannot be taken out of the provider's bytes. */
  async #several(answer: ChatAnswer, choices: readonly Pick<ChatAnswer, "parts" | "finish">[]): Promise<RepairStep> {
    const problems: Problem[] = [];
    for (const [index, choice] of choices.entries()) {
      const path = `choices[${index}]`;
      const read = readOutput(choice, this.#request.output);
      if (read === null) continue;
      if (choice.finish === "length") problems.push({ path, message: "is cut" });
      else if (read.changed) problems.push({ path, message: "has other text around its JSON" });
      else problems.push(...(await this.#problemsOf(read)).map((problem) => ({ path: path + problem.path.replace(/^\$/, ""), message: problem.message })));
    }
    if (problems.length > 0) throw new AppError("STRUCTURED_OUTPUT_INVALID", `Of ${choices.length} choices not each keeps to its format, and several are not asked for again. Ask for one at a time, which is.`, { problems });
    return { do: "give", answer: { ...answer, usage: this.usage }, changed: false };
  }

  async #problemsOf({ text, problems }: ReadOutput): Promise<readonly Problem[]> {
    const { output } = this.#request;
    return problems ?? (output.type === "schema" ? this.#check(output.schema, text) : []);
  }

  /** The request after an answer that is known to be wrong. Throws STRUCTURED_OUTPUT_INVALID where no round is left. */
  askAgain(answer: ChatAnswer, problems: readonly Problem[]): RepairStep {
    if (this.#asked >= this.#most) {
      throw new AppError("STRUCTURED_OUTPUT_INVALID", `The answer does not keep to its format${this.#asked === 0 ? "" : `, after it was asked for again ${this.#asked === 1 ? "once" : `${this.#asked} times`}`}.`, { problems });
    }
    this.#asked++;
    const text = textOf(answer);
    const list = problems.map(({ path, message }) => `- ${path} ${message}`).join("\n");
    const request: ChatRequest = {
      ...this.#request,
      // Only the last broken answer: older ones cost and help nothing.
      messages: [
        ...this.#request.messages,
        ...(text === "" ? [] : [{ role: "assistant" as const, parts: [{ type: "text" as const, text: text.length > mostShown ? `${text.slice(0, mostShown)}...` : text }] }]),
        { role: "user", parts: [{ type: "text", text: `Your answer does not have the required format:\n${list}\nAnswer again with the whole, corrected JSON document and nothing else.` }] },
      ],
    };
    return { do: "ask", request, problems };
  }
}

interface ReadOutput {
  text: string;
  changed: boolean;
  /** Null where only its schema can tell. */
  problems: readonly Problem[] | null;
}

/** The JSON of an answer; null where none is due: no format was asked for, the model calls tools, or it refused. */
function readOutput(answer: Pick<ChatAnswer, "parts" | "finish">, output: OutputFormat): ReadOutput | null {
  if (output.type === "text" || answer.finish === "content-filter") return null;
  if (answer.parts.some(({ type }) => type === "tool-call" || type === "refusal")) return null;
  const extracted = extractJson(textOf(answer));
  if (!extracted.found) return { text: "", changed: false, problems: [{ path: "$", message: extracted.message }] };
  const isObject = typeof extracted.value === "object" && extracted.value !== null && !Array.isArray(extracted.value);
  const problems = output.type === "json" && !isObject ? [{ path: "$", message: "must be of type object" }] : null;
  return { text: extracted.text, changed: extracted.changed, problems };
}

function textOf(answer: Pick<ChatAnswer, "parts">): string {
  return answer.parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

/** The answer with this text in the place of its texts. */
function withText(answer: ChatAnswer, text: string): ChatAnswer {
  const first = answer.parts.findIndex(({ type }) => type === "text");
  return { ...answer, parts: answer.parts.flatMap((part, index): AssistantPart[] => (index === first ? [{ type: "text", text }] : part.type === "text" ? [] : [part])) };
}

function addUsage(one: TokenUsage, other: TokenUsage): TokenUsage {
  const sum = (a: number | null, b: number | null): number | null => (a === null && b === null ? null : (a ?? 0) + (b ?? 0));
  const seldom: SeldomTold = {};
  for (const name of ["cacheWriteHourTokens", "audioInputTokens", "audioOutputTokens", "searchUnits", "webSearches"] as const) {
    const total = sum(one[name] ?? null, other[name] ?? null);
    if (total !== null) seldom[name] = total;
  }
  // A part of a cost is none.
  if (one.toldCost !== undefined && other.toldCost !== undefined) seldom.toldCost = one.toldCost + other.toldCost;
  const tier = tierOfRounds(one.tier, other.tier);
  const searchesEstimated = one.searchesEstimated ?? other.searchesEstimated;
  const tokensEstimated = one.tokensEstimated ?? other.tokensEstimated;
  return {
    longestInputTokens: Math.max(longestInput(one), longestInput(other)), ...seldom, ...(tier === undefined ? {} : { tier }), ...(searchesEstimated === undefined ? {} : { searchesEstimated }), ...(tokensEstimated === undefined ? {} : { tokensEstimated }),
    inputTokens: sum(one.inputTokens, other.inputTokens),
    outputTokens: sum(one.outputTokens, other.outputTokens),
    cacheReadTokens: sum(one.cacheReadTokens, other.cacheReadTokens),
    cacheWriteTokens: sum(one.cacheWriteTokens, other.cacheWriteTokens),
    reasoningTokens: sum(one.reasoningTokens, other.reasoningTokens),
  };
}

function longestInput({ longestInputTokens, inputTokens }: TokenUsage): number {
  return longestInputTokens ?? inputTokens ?? 0;
}
