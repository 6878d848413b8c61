/** One piece of a streamed answer, as far as the playground shows it. */
export interface ChatPiece {
  text: string;
  reasoning: string;
  /** Names of tools that the answer calls. */
  tools: string[];
  finish: string | null;
  usage: { input: number; output: number } | null;
  /** What went wrong after the answer had begun. */
  failure: { code: string; message: string } | null;
}

/** Longest event that is waited for; an answer that never ends a line must not fill the page's memory. */
const longestEvent = 4 << 20;

/**
 * Puts server-sent events together from text that is cut anywhere. Answers the data of each event that is whole; lines end
 * with LF, CRLF or CR. Throws RangeError for an event longer than 4 Mi characters.
 */
export class EventStreamReader {
  #rest = "";
  #data: string[] = [];

  push(text: string): string[] {
    this.#rest += text;
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop()!;
    if (this.#rest.length > longestEvent) throw new RangeError("An event of the answer is too long.");
    const events: string[] = [];
    for (const line of lines) {
      if (line === "") {
        if (this.#data.length > 0) events.push(this.#data.join("\n"));
        this.#data = [];
      } else if (line.startsWith("data:")) this.#data.push(line.slice(line[5] === " " ? 6 : 5));
    }
    return events;
  }
}

type Fields = Record<string, unknown>;

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Reads the data of one event of `/v1/chat/completions`; null for its end mark and for what is no JSON. */
export function readChatPiece(data: string): ChatPiece | null {
  if (data === "[DONE]") return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(data);
  } catch {
    return null;
  }
  const chunk = fieldsOf(parsed);
  const choice = fieldsOf((Array.isArray(chunk.choices) ? chunk.choices : [])[0]);
  const delta = fieldsOf(choice.delta);
  const usage = fieldsOf(chunk.usage);
  const calls = Array.isArray(delta.tool_calls) ? delta.tool_calls : [];
  const tools = calls.map((entry) => textOf(fieldsOf(fieldsOf(entry).function).name)).filter((name) => name !== "");
  return {
    text: textOf(delta.content) + textOf(delta.refusal), reasoning: textOf(delta.reasoning_content) || textOf(delta.reasoning), tools,
    finish: typeof choice.finish_reason === "string" ? choice.finish_reason : null,
    usage: typeof usage.prompt_tokens === "number" ? { input: usage.prompt_tokens, output: typeof usage.completion_tokens === "number" ? usage.completion_tokens : 0 } : null,
    failure: chunk.error === undefined || chunk.error === null ? null : { code: textOf(fieldsOf(chunk.error).code) || "ANSWER_BROKEN", message: textOf(fieldsOf(chunk.error).message) || "The answer broke off." },
  };
}
