import { useState, type FormEvent } from "react";
import { apiPath, call } from "../../data/api.ts";
import { useAction } from "../../data/action.ts";
import { useQuery } from "../../data/query.ts";
import { invalidate } from "../../data/resource.ts";
import type { SpanView, TraceFeedback } from "../../data/types.ts";
import { ActorName } from "../../parts/actor-name.tsx";
import { Chip } from "../../parts/chip.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";
import { Panel } from "../../parts/panel.tsx";
import { Segmented } from "../../parts/segmented.tsx";
import { Time } from "../../parts/time.tsx";
import { valueText } from "./message-parts.ts";
import type { SpanNode } from "./span-tree.ts";
import type { TraceName } from "./trace-path.ts";

type Form = "thumbs" | "score" | "text" | "expectation";

const forms = [
  { id: "thumbs", label: "Thumbs" },
  { id: "score", label: "Score" },
  { id: "text", label: "Words" },
  { id: "expectation", label: "Expected", title: "What should have come out" },
];
const usualNames: Record<Form, string> = { thumbs: "correct", score: "score", text: "note", expectation: "expected_response" };

/** What people, programs and models thought of the trace or a span, and a form to say more. */
export function FeedbackPanel({ trace, span, feedback, spans }: { trace: TraceName; span: SpanView | null; feedback: readonly TraceFeedback[]; spans: ReadonlyMap<string, SpanNode> }) {
  const query = useQuery();
  return (
    <Panel title="Feedback" note={feedback.length === 0 ? "none yet" : undefined}>
      {feedback.length > 0 && (
        <ul className="feedback-list">
          {feedback.map((given) => (
            <li key={given.id}>
              <span className="cell-line"><strong>{given.name}</strong><FeedbackValue value={given.value} />{given.kind === "expectation" && <Chip>expected</Chip>}{given.revision > 1 && <span className="muted small">revision {given.revision}</span>}</span>
              {given.comment !== "" && <p>{given.comment}</p>}
              <p className="muted small">
                {given.source} <ActorName actor={given.sourceId} /> · <Time at={given.updatedAt} /> · {given.spanId === null ? "the trace" : <button type="button" className="link-button" onClick={() => query.set({ span: given.spanId }, { replace: true })}>{spans.get(given.spanId)?.span.name ?? given.spanId}</button>}
              </p>
            </li>
          ))}
        </ul>
      )}
      <FeedbackForm trace={trace} span={span} />
    </Panel>
  );
}

function FeedbackValue({ value }: { value: unknown }) {
  if (typeof value === "boolean") return <Chip tone={value ? "good" : "bad"}>{value ? "yes" : "no"}</Chip>;
  if (typeof value === "number") return <Chip tone="accent">{value}</Chip>;
  return <span className="feedback-text">{valueText(value)}</span>;
}

function Thumb({ down = false }: { down?: boolean }) {
  return (
    <svg className={down ? "icon thumb-down" : "icon"} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d="M5 7v6.5H2.5V7zM5 7l2.5-5c1.3 0 1.9.9 1.7 2l-.5 2.3h3.8a1.2 1.2 0 0 1 1.2 1.5l-1.1 4.5a1.6 1.6 0 0 1-1.5 1.2H5" />
    </svg>
  );
}

function FeedbackForm({ trace, span }: { trace: TraceName; span: SpanView | null }) {
  const action = useAction();
  const [form, setForm] = useState<Form>("thumbs");
  const [name, setName] = useState("");
  const [value, setValue] = useState("");
  const [comment, setComment] = useState("");
  const [onSpan, setOnSpan] = useState(false);
  const send = (given: number | boolean | string): void => {
    const body = {
      name: name.trim() === "" ? usualNames[form] : name.trim(), kind: form === "expectation" ? "expectation" : "feedback", value: given, ...(comment.trim() === "" ? {} : { comment: comment.trim() }),
      ...(onSpan && span !== null ? { spanId: span.spanId } : {}),
    };
    action.run(() => call(apiPath`/api/traces/${trace.traceId}/feedback?team=${trace.team}`, { method: "POST", body: JSON.stringify(body) }), () => {
      setValue("");
      setComment("");
      invalidate((key) => key.startsWith(apiPath`/api/traces/${trace.traceId}`) || key.startsWith("traces:"));
    });
  };
  const wrong = form === "score" && value.trim() !== "" && !Number.isFinite(Number(value)) ? "a number" : undefined;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (form !== "thumbs" && value.trim() !== "" && wrong === undefined) send(form === "score" ? Number(value) : value);
  };
  return (
    <form className="feedback-form" onSubmit={submit}>
      <div className="toolbar">
        <Segmented label="Kind of feedback" value={form} options={forms} onChange={(id) => setForm(id as Form)} />
        {span !== null && (
          <label className="select-label">
            On
            <select className="input" value={onSpan ? "span" : "trace"} onChange={(event) => setOnSpan(event.target.value === "span")}>
              <option value="trace">the trace</option>
              <option value="span">the chosen span</option>
            </select>
          </label>
        )}
      </div>
      <div className="form-grid">
        <Field label="Name">{(control) => <input {...control} className="input" placeholder={usualNames[form]} maxLength={250} value={name} onChange={(event) => setName(event.target.value)} />}</Field>
        {form === "score" && <Field label="Score" problem={wrong}>{(control) => <input {...control} className="input" inputMode="decimal" placeholder="0.8" value={value} onChange={(event) => setValue(event.target.value)} />}</Field>}
        {(form === "text" || form === "expectation") && <Field label={form === "text" ? "Words" : "Expected"} wide>{(control) => <textarea {...control} className="input" rows={3} value={value} onChange={(event) => setValue(event.target.value)} />}</Field>}
        <Field label="Comment" wide={form !== "thumbs"}>{(control) => <input {...control} className="input" placeholder="why (may be empty)" value={comment} onChange={(event) => setComment(event.target.value)} />}</Field>
      </div>
      {action.error !== null && <ErrorBox error={action.error} />}
      <div className="form-actions">
        {form === "thumbs" ? (
          <>
            <button type="button" className="button" disabled={action.busy} onClick={() => send(false)}><Thumb down /> No</button>
            <button type="button" className="button" disabled={action.busy} onClick={() => send(true)}><Thumb /> Yes</button>
          </>
        ) : <button type="submit" className="button button-primary" disabled={action.busy || value.trim() === "" || wrong !== undefined}>Add feedback</button>}
      </div>
    </form>
  );
}
