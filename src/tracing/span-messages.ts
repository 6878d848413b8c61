import type { SpanView, TraceMessage } from "./schemas.ts";

/** Of one text, unless all is asked for: a prompt may be a book. */
const longestText = 2000;

type Spoken = Pick<SpanView, "spanId" | "name" | "inputMessages" | "outputMessages" | "input" | "output">;

/**
 * What went into spans and came out of them, for people: who said what, which tools were called and what they answered. A message is shown once, by the first span that has it: an agent sends the same conversation
 * again with each call, and the gateway's span has what its caller's has.
 */
export function spanMessages(spans: readonly Spoken[], { whole }: { whole: boolean }): string {
  const shown = new Set<string>();
  return spans.flatMap((span) => {
    const lines = [...sideOf("in", span.inputMessages, span.input, shown, whole), ...sideOf("out", span.outputMessages, span.output, shown, whole)];
    return lines.length === 0 ? [] : [[`${span.name} (${span.spanId})`, ...lines].join("\n")];
  }).join("\n\n");
}

function sideOf(side: "in" | "out", messages: readonly TraceMessage[] | null, plain: string | null, shown: Set<string>, whole: boolean): string[] {
  if (messages === null) return plain === null ? [] : withText(side, plain, whole);
  const lines: string[] = [];
  let before = 0;
  for (const message of messages) {
    const { role, parts } = message;
    // Without why it ended: what came out of one call goes into the next without it.
    const key = JSON.stringify([role, parts]);
    if (shown.has(key)) before++;
    else lines.push(...messageLines(message, whole));
    shown.add(key);
  }
  return before === 0 ? lines : [`  ${side === "in" ? "after" : "answered with"} ${before} ${before === 1 ? "message" : "messages"} of above`, ...lines];
}

function messageLines({ role, parts, finishReason }: TraceMessage, whole: boolean): string[] {
  const ended = finishReason === null || finishReason === "stop" ? "" : ` (${finishReason})`;
  if (parts.length === 0) return [`  ${role}${ended}: (empty)`];
  return parts.flatMap((part) => {
    const [title, text] = partText(part);
    return withText(`${role}${title === "" ? "" : ` ${title}`}${ended}`, text, whole);
  });
}

/** Images, sounds and files are named and not written out. */
function partText(part: TraceMessage["parts"][number]): [title: string, text: string] {
  switch (part.type) {
    case "text":
      return ["", valueText(part.content)];
    case "reasoning":
      return ["thinks", valueText(part.content)];
    case "tool_call":
      return [`calls ${valueText(part.name)}`, valueText(part.arguments)];
    case "tool_call_response":
      return ["answers", valueText(part.response ?? part.result)];
    case "uri":
      return [valueText(part.modality ?? "file"), valueText(part.uri).replace(/^(data:[^,]{0,200}),[^]*/, "$1")];
    case "blob":
      return [valueText(part.modality ?? "file"), `${valueText(part.mime_type)}, ${valueText(part.content).length} characters of base64`];
    case "file":
      return [valueText(part.modality ?? "file"), valueText(part.file_id)];
    default:
      return [part.type, valueText(part)];
  }
}

function valueText(value: unknown): string {
  return typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
}

/** A short text stands behind its title, another one below it. */
function withText(title: string, text: string, whole: boolean): string[] {
  const cut = whole || text.length <= longestText ? text : `${text.slice(0, longestText)}…\n(${text.length - longestText} more characters: --whole)`;
  const lines = cut.split(/\r\n|[\r\n]/);
  return lines.length === 1 && cut.length <= 160 ? [`  ${title}: ${cut}`] : [`  ${title}:`, ...lines.map((line) => `    ${line}`)];
}
