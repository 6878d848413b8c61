import { useMemo, useState } from "react";
import type { TraceMessage } from "../../data/types.ts";
import { formatCount } from "../../format.ts";
import { Chip, type Tone } from "../../parts/chip.tsx";
import { CopyButton } from "../../parts/copy.tsx";
import { MarkdownText } from "../../parts/markdown/markdown-text.tsx";
import { readMarkdown } from "../../parts/markdown/read-markdown.ts";
import { readPart, type ReadPart } from "./message-parts.ts";

const roleWords: Record<string, string> = { system: "System", developer: "Developer", user: "User", assistant: "Assistant", tool: "Tool" };

/** Of ends before the model was done. */
const endTones: Partial<Record<string, Tone>> = { length: "warning", error: "bad" };

/** A conversation: who said what, which tools were called and what they answered. Text with Markdown in it is drawn as such, until one asks for it as it was written. */
export function MessagesView({ messages }: { messages: readonly TraceMessage[] }) {
  const [asWritten, setAsWritten] = useState(false);
  const read = useMemo(() => messages.map(({ parts }) => parts.map(readPart)), [messages]);
  const hasMarkdown = useMemo(() => read.some((parts) => parts.some((part) => part.kind === "text" && readMarkdown(part.text.slice(0, foldedFrom)) !== null)), [read]);
  return (
    <>
      <ol className="messages">
        {messages.map((message, index) => (
          <li key={index} className={`message message-${roleWords[message.role] === undefined ? "other" : message.role}`}>
            <div className="message-role">
              {roleWords[message.role] ?? message.role}
              {message.finishReason !== null && message.finishReason !== "stop" && <Chip tone={endTones[message.finishReason] ?? "neutral"} title="Why it ended">{message.finishReason}</Chip>}
            </div>
            {message.parts.length === 0 && <p className="muted small">empty</p>}
            {read[index]!.map((part, place) => <PartView key={place} part={part} asWritten={asWritten} />)}
          </li>
        ))}
      </ol>
      {hasMarkdown && <p className="messages-mode"><button type="button" className="link-button" onClick={() => setAsWritten(!asWritten)}>{asWritten ? "Show formatted" : "Show as written"}</button></p>}
    </>
  );
}

function PartView({ part, asWritten }: { part: ReadPart; asWritten: boolean }) {
  const text = asWritten ? "prose" : "markdown";
  switch (part.kind) {
    case "text":
      return <LongText text={part.text} as={text} />;
    case "reasoning":
      return <details className="message-part"><summary>Reasoning <span className="muted small">{formatCount(part.text.length)} characters</span></summary><LongText text={part.text} as={text} /></details>;
    case "call":
      return <div className="message-part"><p className="part-title"><Chip tone="accent">calls</Chip> <code>{part.name}</code> <span className="muted small">{part.id}</span></p><LongText text={part.input} /></div>;
    case "result":
      return <div className="message-part"><p className="part-title"><Chip>result</Chip> <span className="muted small">{part.id}</span></p><LongText text={part.output} /></div>;
    case "media":
      return <p className="part-title message-part"><Chip>{part.what}</Chip> <span className="media-source">{part.source}</span></p>;
    case "other":
      return <div className="message-part"><p className="part-title"><Chip>{part.type}</Chip></p><LongText text={part.text} /></div>;
  }
}

/** More than this is folded: a prompt may be a book. */
const foldedFrom = 2400;

/** What is long is cut until one asks for it. Only `markdown` is not drawn as it was written. */
export function LongText({ text, as = "code" }: { text: string; as?: "code" | "prose" | "markdown" }) {
  const [whole, setWhole] = useState(false);
  const cut = !whole && text.length > foldedFrom;
  const shown = cut ? `${text.slice(0, foldedFrom)}…` : text;
  const blocks = useMemo(() => (as === "markdown" ? readMarkdown(shown) : null), [as, shown]);
  return (
    <div className="long-text">
      {blocks !== null ? <MarkdownText blocks={blocks} /> : <pre className={as === "code" ? "mono" : "prose"}>{shown}</pre>}
      {text.length > foldedFrom && <button type="button" className="link-button" onClick={() => setWhole(!whole)}>{whole ? "Show less" : `Show all ${formatCount(text.length)} characters`}</button>}
      {as === "code" && <CopyButton text={text} what="value" />}
    </div>
  );
}
