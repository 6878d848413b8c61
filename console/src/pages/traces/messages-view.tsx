import { useState } from "react";
import type { TraceMessage } from "../../data/types.ts";
import { formatCount } from "../../format.ts";
import { Chip } from "../../parts/chip.tsx";
import { CopyButton } from "../../parts/copy.tsx";
import { readPart, type ReadPart } from "./message-parts.ts";

const roleWords: Record<string, string> = { system: "System", developer: "Developer", user: "User", assistant: "Assistant", tool: "Tool" };

/** A conversation: who said what, which tools were called and what they answered. */
export function MessagesView({ messages }: { messages: readonly TraceMessage[] }) {
  return (
    <ol className="messages">
      {messages.map((message, index) => (
        <li key={index} className={`message message-${roleWords[message.role] === undefined ? "other" : message.role}`}>
          <div className="message-role">
            {roleWords[message.role] ?? message.role}
            {message.finishReason !== null && message.finishReason !== "stop" && <Chip tone={message.finishReason === "length" ? "warning" : "neutral"} title="Why it ended">{message.finishReason}</Chip>}
          </div>
          {message.parts.length === 0 && <p className="muted small">empty</p>}
          {message.parts.map((part, place) => <PartView key={place} part={readPart(part)} />)}
        </li>
      ))}
    </ol>
  );
}

function PartView({ part }: { part: ReadPart }) {
  switch (part.kind) {
    case "text":
      return <LongText text={part.text} />;
    case "reasoning":
      return <details className="message-part"><summary>Reasoning <span className="muted small">{formatCount(part.text.length)} characters</span></summary><LongText text={part.text} /></details>;
    case "call":
      return <div className="message-part"><p className="part-title"><Chip tone="accent">calls</Chip> <code>{part.name}</code> <span className="muted small">{part.id}</span></p><LongText text={part.input} code /></div>;
    case "result":
      return <div className="message-part"><p className="part-title"><Chip>result</Chip> <span className="muted small">{part.id}</span></p><LongText text={part.output} code /></div>;
    case "media":
      return <p className="part-title message-part"><Chip>{part.what}</Chip> <span className="media-source">{part.source}</span></p>;
    case "other":
      return <div className="message-part"><p className="part-title"><Chip>{part.type}</Chip></p><LongText text={part.text} code /></div>;
  }
}

/** More than this is folded: a prompt may be a book. */
const foldedFrom = 2400;

/** Text as it was written; what is long is cut until one asks for it. */
export function LongText({ text, code = false }: { text: string; code?: boolean }) {
  const [whole, setWhole] = useState(false);
  const cut = !whole && text.length > foldedFrom;
  return (
    <div className="long-text">
      <pre className={code ? "mono" : "prose"}>{cut ? text.slice(0, foldedFrom) : text}{cut && "…"}</pre>
      {text.length > foldedFrom && <button type="button" className="link-button" onClick={() => setWhole(!whole)}>{whole ? "Show less" : `Show all ${formatCount(text.length)} characters`}</button>}
      {code && <CopyButton text={text} what="value" />}
    </div>
  );
}
