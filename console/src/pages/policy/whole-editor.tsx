import { useId, useState } from "react";
import type { Schema } from "../../data/open-api.ts";
import { alternativeOf, blankOf, presentBlankOf, typedValue, unwrapped, valueProblem } from "./schema-values.ts";
import { isOfModels, itemName, keyLabel, kindsNote, valueNote, wholeItemWords } from "./whole-words.ts";

interface EditorProps {
  schema: Schema;
  value: unknown;
  onChange: (value: unknown) => void;
  /** What it is called above; also begins the names of what is inside. */
  name: string;
}

/** A part of the policy that comes as a whole: objects, lists of them, and what is in those, by their schema. */
export function WholeEditor(props: EditorProps) {
  const { schema, value, onChange, name } = props;
  const { schema: inner, nullable } = unwrapped(schema);
  if (inner.type === "array" && inner.items?.type !== "string") return <ListEditor {...props} schema={inner} value={(value ?? []) as unknown[]} />;
  if (inner.properties === undefined && inner.oneOf === undefined) return <JsonEditor {...props} />;
  return (
    <div className="whole">
      {nullable && (
        <label className="check"><input type="checkbox" checked={value !== null} onChange={(event) => onChange(event.target.checked ? presentBlankOf(schema) : null)} /> {name}</label>
      )}
      {value !== null && <ObjectEditor {...props} schema={inner} />}
    </div>
  );
}

function ObjectEditor({ schema, value, onChange, name }: EditorProps) {
  const object = value as Record<string, unknown>;
  const own = alternativeOf(schema, object);
  if (own?.properties === undefined) return null;
  return (
    <div className="whole-fields">
      {Object.entries(own.properties).filter(([, part]) => part.const === undefined).map(([key, part]) => {
        const change = (next: unknown): void => onChange({ ...object, [key]: next });
        const { schema: inner } = unwrapped(part);
        const isPart = inner.properties !== undefined || (inner.type === "array" && inner.items?.type !== "string");
        if (!isPart) return <LeafEditor key={key} label={keyLabel(key)} field={key} name={`${name}, ${keyLabel(key)}`} schema={part} value={object[key]} onChange={change} />;
        return (
          <fieldset key={key} className="whole-part">
            <legend>{keyLabel(key)}</legend>
            <WholeEditor schema={part} value={object[key]} onChange={change} name={`${name}, ${keyLabel(key)}`} />
          </fieldset>
        );
      })}
    </div>
  );
}

function ListEditor({ schema, value: list, onChange, name }: EditorProps & { value: unknown[] }) {
  const items = schema.items!;
  const [opened, setOpened] = useState<number | null>(null);
  const add = (option: Schema): void => {
    onChange([...list, blankOf(option)]);
    setOpened(list.length);
  };
  const move = (index: number): void => {
    onChange(list.with(index, list[index - 1]).with(index - 1, list[index]));
    setOpened(null);
  };
  const single = itemName(name);
  const note = kindsNote(name);
  return (
    <div className="whole-list">
      <ol>
        {list.map((item, index) => {
          const problem = valueProblem(items, item);
          const itemLabel = `${single} ${index + 1}`;
          return (
            <li key={index} className={problem === null ? "" : "field-bad"}>
              <div className="whole-line">
                <button type="button" className="whole-summary" aria-expanded={opened === index} onClick={() => setOpened(opened === index ? null : index)}>{problem === null ? wholeItemWords(item) : <span className="field-problem">{problem}</span>}</button>
                {index > 0 && <button type="button" className="button button-small" aria-label={`Move ${itemLabel} up`} onClick={() => move(index)}>↑</button>}
                <button type="button" className="button button-small" aria-label={`Remove ${itemLabel}`} onClick={() => { onChange(list.toSpliced(index, 1)); setOpened(null); }}>Remove</button>
              </div>
              {opened === index && <ObjectEditor schema={items} value={item} onChange={(next) => onChange(list.with(index, next))} name={itemLabel} />}
            </li>
          );
        })}
      </ol>
      <div className="whole-add">
        {(items.oneOf ?? [items]).filter((option) => isOfModels(name, option.properties?.kind?.const)).map((option, index) => (
          <button key={index} type="button" className="button button-small" onClick={() => add(option)}>Add {single}{items.oneOf === undefined ? "" : `: ${String(option.properties?.kind?.const)}`}</button>
        ))}
        {note !== undefined && <span className="field-hint">{note}</span>}
      </div>
    </div>
  );
}

function LeafEditor({ schema, value, onChange, name, label, field }: EditorProps & { label: string; field: string }) {
  const id = useId();
  const { schema: inner, nullable } = unwrapped(schema);
  const [typed, setTyped] = useState("");
  // What was typed stands as long as it means the value: `0.` must not become `0` under the eyes.
  const text = JSON.stringify(typedValue(schema, typed)) === JSON.stringify(value ?? null) ? typed : Array.isArray(value) ? value.join("\n") : String(value ?? "");
  const problem = valueProblem(schema, value ?? null);
  const control = { id, "aria-label": name, "aria-invalid": problem !== null, "aria-describedby": `${id}-note`, className: "input" };
  const note = problem ?? [valueNote(field, value), inner.description].filter((part) => part !== undefined).join(" · ");
  const type = (next: string): void => {
    setTyped(next);
    onChange(typedValue(schema, next));
  };
  return (
    <div className={problem === null ? "field" : "field field-bad"}>
      <label htmlFor={id} className="field-label">{label}</label>
      {inner.enum !== undefined ? (
        <select {...control} value={String(value)} onChange={(event) => onChange(event.target.value)}>{inner.enum.map((choice) => <option key={String(choice)}>{String(choice)}</option>)}</select>
      ) : inner.type === "boolean" ? (
        <select {...control} value={String(value)} onChange={(event) => onChange(event.target.value === "true")}><option value="true">yes</option><option value="false">no</option></select>
      ) : inner.type === "array" ? (
        <textarea {...control} className="input code-input" rows={Math.max(2, text.split("\n").length)} spellCheck={false} placeholder={nullable ? "none" : "one part per line"} value={text} onChange={(event) => onChange(event.target.value === "" && nullable ? null : event.target.value.split("\n"))} />
      ) : field === "sql" ? (
        <textarea {...control} className="input code-input" rows={3} spellCheck={false} value={text} onChange={(event) => type(event.target.value)} />
      ) : (
        <input {...control} autoComplete="off" spellCheck={false} placeholder={nullable ? "none" : ""} {...(inner.type === "string" ? {} : { inputMode: "decimal" as const })} value={text} onChange={(event) => type(event.target.value)} />
      )}
      <span id={`${id}-note`} className={problem === null ? "field-hint" : "field-problem"}>{note}</span>
    </div>
  );
}

/** What has no fields of its own is written as JSON. */
function JsonEditor({ schema, value, onChange, name }: EditorProps) {
  const [text, setText] = useState(value === null ? "" : JSON.stringify(value, null, 2));
  const [problem, setProblem] = useState<string>();
  const change = (next: string): void => {
    setText(next);
    try {
      onChange(next.trim() === "" && unwrapped(schema).nullable ? null : JSON.parse(next));
      setProblem(undefined);
    } catch {
      setProblem("This is not JSON yet: it is not taken over.");
    }
  };
  return (
    <div className={problem === undefined ? "field" : "field field-bad"}>
      <textarea className="input code-input" aria-label={name} aria-invalid={problem !== undefined} rows={Math.max(2, text.split("\n").length)} spellCheck={false} placeholder="none" value={text} onChange={(event) => change(event.target.value)} />
      {problem !== undefined && <span className="field-problem">{problem}</span>}
    </div>
  );
}
