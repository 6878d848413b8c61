import { useState, type ReactNode } from "react";
import { Link } from "wouter";
import type { SpanView } from "../../data/types.ts";
import { formatCount, formatMs, plural } from "../../format.ts";
import { Chip } from "../../parts/chip.tsx";
import { CodeBlock, IdText } from "../../parts/copy.tsx";
import { Panel } from "../../parts/panel.tsx";
import { Segmented } from "../../parts/segmented.tsx";
import { formatNano } from "../costs/money.ts";
import { outcomeTitles, outcomeTones } from "../costs/outcome-words.ts";
import { AttributesTable } from "./attributes-table.tsx";
import { prettyText } from "./message-parts.ts";
import { LongText, MessagesView } from "./messages-view.tsx";
import type { SpanNode } from "./span-tree.ts";
import { ledgerCallOf, type LedgerCall } from "./use-ledger-entries.ts";

const views = [
  { id: "content", label: "Content" },
  { id: "attributes", label: "Attributes" },
  { id: "events", label: "Events" },
  { id: "json", label: "JSON" },
];

/** The chosen span with everything that it told. */
export function SpanPanel({ node, entries }: { node: SpanNode; entries: readonly LedgerCall[] }) {
  const { span } = node;
  const [view, setView] = useState("content");
  const events = span.events.length + span.links.length;
  const options = views.map((option) => (option.id === "events" && events > 0 ? { ...option, label: `Events (${events})` } : option));
  return (
    <Panel title={<span className="span-title">{span.name}</span>} note={[span.kind, span.operation].filter((word) => word !== null).join(" · ")}>
      {span.status.code === "error" && <p className="span-error" role="note"><strong>Failed</strong>{span.status.message !== "" && <>: {span.status.message}</>}{span.attributes["error.type"] === "BUDGET_EXCEEDED" && <> <Link href="/costs">Budgets, and what was spent</Link></>}</p>}
      <SpanFacts node={node} ledger={ledgerCallOf(span, entries)} />
      <Segmented label="Shown of the span" value={view} options={options} onChange={setView} />
      {view === "content" && <SpanContent span={span} />}
      {view === "attributes" && <SpanAttributes span={span} />}
      {view === "events" && <SpanEvents span={span} />}
      {view === "json" && <CodeBlock code={JSON.stringify(span, null, 2)} label="span as JSON" />}
    </Panel>
  );
}

function SpanFacts({ node, ledger }: { node: SpanNode; ledger: LedgerCall | null }) {
  const { span } = node;
  const facts: [string, ReactNode][] = [["Took", formatMs(span.durationMs)], ["Own time", formatMs(node.selfMs)], ["Begins after", formatMs(span.offsetMs)]];
  if (span.model !== null) facts.push(["Model", `${span.model}${span.provider === null ? "" : ` (${span.provider})`}`]);
  if (span.inputTokens !== null || span.outputTokens !== null) facts.push(["Tokens", `${formatCount(span.inputTokens ?? 0)} in, ${formatCount(span.outputTokens ?? 0)} out`]);
  if (span.cost !== null) facts.push(["Cost", formatNano(span.cost)]);
  if (ledger !== null) {
    facts.push(["Ledger", (
      <span key="ledger" className="cell-line">
        {ledger.cost === null ? "no known price" : formatNano(ledger.cost)}
        <Chip tone={outcomeTones[ledger.outcome]} title={outcomeTitles[ledger.outcome]}>{ledger.outcome}</Chip>
        {typeof ledger.savedCost === "number" && <span className="muted small span-price" title="What the answer from the cache cost when it was made">{formatNano(ledger.savedCost)} saved</span>}
        {ledger.estimated && <Chip tone="warning" title="The provider told no usage: tokens were counted here">estimated</Chip>}
        {ledger.source === "trace" && <Chip title="The call was made past the gateway: it is in no budget">told</Chip>}
        {ledger.priceVersion !== null && <span className="muted small span-price" title={ledger.priceVersion}>{priceWords(ledger.priceVersion)}</span>}
      </span>
    )]);
  }
  const repairs = span.attributes["slipway.output.repairs"];
  if (typeof repairs === "number") facts.push(["Repairs", <span key="repairs" title="The model was asked again, as its answer did not keep to the format that was asked for">{plural(repairs, "round")}</span>]);
  const prediction = span.attributes["slipway.prediction_id"];
  if (typeof prediction === "string") facts.push(["Prediction", <Link key="prediction" href={`/predictions/${prediction}`} className="row-link">why</Link>]);
  facts.push(["Span", <IdText key="id" id={span.spanId} what="span id" />]);
  return <dl className="value-list span-facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

/** Where the price of a call is from: a price that somebody has set has an id, which says nothing to a reader. */
function priceWords(version: string): string {
  return version === "reported" ? "as the program told it" : version.startsWith("set/") ? "by a price that was set here" : `prices of ${version}`;
}

function SpanContent({ span }: { span: SpanView }) {
  const sections: [string, ReactNode][] = [];
  if (span.inputMessages !== null) sections.push(["Input", <MessagesView key="messages" messages={span.inputMessages} />]);
  else if (span.input !== null) sections.push(["Input", <LongText key="text" text={prettyText(span.input)} />]);
  if (span.outputMessages !== null) sections.push(["Output", <MessagesView key="messages" messages={span.outputMessages} />]);
  else if (span.output !== null) sections.push(["Output", <LongText key="text" text={prettyText(span.output)} />]);
  if (sections.length === 0) return <p className="muted">It tells neither what went in nor what came out.</p>;
  return <>{sections.map(([title, content]) => <section key={title} className="span-section"><h3>{title}</h3>{content}</section>)}</>;
}

function SpanAttributes({ span }: { span: SpanView }) {
  const scope = span.scope.name === "" ? {} : { name: span.scope.name, version: span.scope.version };
  return (
    <>
      <AttributesTable title="Attributes" values={span.attributes} />
      <AttributesTable title="As they came" note="in another dialect; translated above" values={span.original} />
      <AttributesTable title="Resource" values={span.resource} />
      <AttributesTable title="Instrumentation" values={scope} />
    </>
  );
}

function SpanEvents({ span }: { span: SpanView }) {
  if (span.events.length === 0 && span.links.length === 0) return <p className="muted">It has no events and no links.</p>;
  return (
    <>
      {span.events.map((event, index) => (
        <section key={index} className="span-section">
          <h3>{event.name === "exception" ? <span className="cell-bad">{String(event.attributes["exception.type"] ?? "exception")}</span> : event.name} <span className="muted small">after {formatMs(Math.max(0, event.time - span.start))}</span></h3>
          {event.name === "exception" && event.attributes["exception.message"] !== undefined && <p>{String(event.attributes["exception.message"])}</p>}
          {typeof event.attributes["exception.stacktrace"] === "string" && <LongText text={event.attributes["exception.stacktrace"]} />}
          <AttributesTable values={Object.fromEntries(Object.entries(event.attributes).filter(([key]) => event.name !== "exception" || !/^exception\.(type|message|stacktrace)$/.test(key)))} />
        </section>
      ))}
      {span.links.length > 0 && (
        <section className="span-section">
          <h3>Links</h3>
          {span.links.map((link, index) => (
            <div key={index}>
              <Link href={`/traces/${link.traceId}?span=${link.spanId}`}><code>{link.traceId.slice(0, 12)}…</code> span <code>{link.spanId}</code></Link>
              <AttributesTable values={link.attributes} />
            </div>
          ))}
        </section>
      )}
    </>
  );
}
