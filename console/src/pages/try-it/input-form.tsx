import { useId } from "react";
import { ColumnHistogram } from "../../charts/distribution.tsx";
import { formatShape, plural } from "../../format.ts";
import { Segmented } from "../../parts/segmented.tsx";
import { hintOf, remarkOn, type FormField, type FormPart, type FormValues, type TensorValue } from "./form-model.ts";

/** Suggestions beyond this only slow the browser's list down. */
const maxSuggestions = 400;

export function InputForm({ parts, values, problems, onChange }: {
  parts: readonly FormPart[];
  values: FormValues;
  problems: Record<string, string>;
  onChange: (values: FormValues) => void;
}) {
  const several = parts.length > 1;
  return (
    <div className="form-grid">
      {parts.map((part) =>
        part.kind === "tensor" ? (
          <TensorInput
            key={part.spec.name} part={part} value={values.tensors[part.spec.name]!} problem={problems[part.spec.name]}
            onChange={(value) => onChange({ ...values, tensors: { ...values.tensors, [part.spec.name]: value } })}
          />
        ) : (
          <fieldset key={part.spec.name} className={part.fields.length > 1 && several ? "field-group" : "field-group field-group-plain"}>
            <legend className={part.fields.length > 1 && several ? undefined : "visually-hidden"}>
              {part.spec.name} <span className="muted">{part.spec.datatype}</span>
            </legend>
            {part.fields.map((field) => (
              <ValueField
                key={field.key} field={field} value={values.fields[field.key] ?? ""} problem={problems[field.key]}
                onChange={(text) => onChange({ ...values, fields: { ...values.fields, [field.key]: text } })}
              />
            ))}
          </fieldset>
        ),
      )}
    </div>
  );
}

function ValueField({ field, value, problem, onChange }: { field: FormField; value: string; problem: string | undefined; onChange: (value: string) => void }) {
  const id = `field-${field.key}`;
  const noteId = useId();
  const listId = useId();
  const { profile, choices, datatype } = field;
  const remark = remarkOn(field, value);
  const described = { "aria-describedby": noteId, "aria-invalid": problem !== undefined };
  const suggestions = profile?.kind === "categorical" ? profile.categories.slice(0, maxSuggestions) : undefined;
  return (
    <div className={problem === undefined ? "field" : "field field-bad"}>
      <label htmlFor={id} className="field-label">
        <span>{field.label}</span>
      </label>
      <div className="field-line">
        {choices !== undefined ? (
          <select id={id} className="input" value={value} onChange={(event) => onChange(event.target.value)} {...described}>
            {!choices.includes(value) && <option value={value}>{value === "" ? "choose…" : value}</option>}
            {choices.map((choice) => <option key={choice}>{choice}</option>)}
          </select>
        ) : (
          <input
            id={id} className="input" type="text" autoComplete="off" spellCheck={false} value={value} {...described}
            {...(datatype === "BYTES" ? {} : { inputMode: "decimal" as const })} {...(suggestions === undefined ? {} : { list: listId })}
            onChange={(event) => onChange(event.target.value)}
          />
        )}
        {profile?.kind === "numeric" && profile.counts.length > 1 && (
          <ColumnHistogram profile={profile} width={72} height={24} value={value} label={`Where ${value} stands in the reference data`} />
        )}
      </div>
      {suggestions !== undefined && (
        <datalist id={listId}>
          {suggestions.map((category) => <option key={category.value} value={category.value} />)}
        </datalist>
      )}
      <span id={noteId} className={problem !== undefined ? "field-problem" : remark !== null ? "field-remark" : "field-hint"}>
        {problem ?? remark ?? hintOf(field)}
      </span>
    </div>
  );
}

function TensorInput({ part, value, problem, onChange }: {
  part: Extract<FormPart, { kind: "tensor" }>;
  value: TensorValue;
  problem: string | undefined;
  onChange: (value: TensorValue) => void;
}) {
  const id = `field-${part.spec.name}`;
  const noteId = useId();
  const fills = [...(part.example === undefined ? [] : [{ id: "example", label: "Example" }]), { id: "zeros", label: part.spec.datatype === "BYTES" ? "Empty" : "Zeros" }, ...(part.spec.datatype === "BYTES" ? [] : [{ id: "random", label: "Random" }]), { id: "json", label: "Paste" }];
  const count = value.shape.split(",").reduce((product, text) => product * Number(text), 1);
  return (
    <fieldset className={problem === undefined ? "field-group" : "field-group field-bad"}>
      <legend>
        {part.spec.name} <span className="muted">{part.spec.datatype} {formatShape(part.spec.shape)}</span>
      </legend>
      <div className="field">
        <span className="field-label">Fill with</span>
        <Segmented label={`Fill ${part.spec.name} with`} value={value.fill} options={fills} onChange={(fill) => onChange({ ...value, fill: fill as TensorValue["fill"] })} />
      </div>
      {value.fill !== "example" && (
        <div className="field">
          <label htmlFor={value.fill === "json" ? `${id}-shape` : id} className="field-label">Shape</label>
          <input id={value.fill === "json" ? `${id}-shape` : id} className="input" value={value.shape} aria-describedby={noteId} aria-invalid={problem !== undefined} onChange={(event) => onChange({ ...value, shape: event.target.value })} />
        </div>
      )}
      {value.fill === "json" && (
        <div className="field field-wide">
          <label htmlFor={id} className="field-label">Values, as a JSON list, flat or nested</label>
          <textarea id={id} className="input code-input" rows={6} spellCheck={false} value={value.json} aria-describedby={noteId} aria-invalid={problem !== undefined} onChange={(event) => onChange({ ...value, json: event.target.value })} />
        </div>
      )}
      <span id={noteId} className={problem === undefined ? "field-hint" : "field-problem"}>
        {problem ?? (Number.isFinite(count) ? plural(count, "value") : "")}
      </span>
    </fieldset>
  );
}
