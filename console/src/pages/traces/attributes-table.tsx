import { nameOrder } from "../../../../src/core/name-order.ts";
import { prettyText, valueText } from "./message-parts.ts";
import { LongText } from "./messages-view.tsx";

/** Keys and values by name; values that are JSON over several lines. Nothing where there are none. */
export function AttributesTable({ title, note, values }: { title?: string; note?: string; values: Readonly<Record<string, unknown>> }) {
  const entries = Object.entries(values).sort(([a], [b]) => nameOrder(a, b));
  if (entries.length === 0) return null;
  return (
    <section className="span-section">
      {title !== undefined && <h3>{title} {note !== undefined && <span className="muted small">{note}</span>}</h3>}
      <dl className="attributes">
        {entries.map(([key, value]) => {
          const text = prettyText(valueText(value));
          return <div key={key}><dt>{key}</dt><dd>{text.includes("\n") || text.length > 200 ? <LongText text={text} /> : text}</dd></div>;
        })}
      </dl>
    </section>
  );
}
