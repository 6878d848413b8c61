import { useId, type KeyboardEvent } from "react";
import { addNames, type NamedThings } from "./named-things.ts";

/**
 * Names, ticked in a list or typed: what is not in the list can be named too. `notes` say of chosen names what does nothing yet. What was
 * typed and not added counts when the form is sent, by `allNames`.
 */
export function NamesField({ legend, what, known, suggested = [], notes, hint, value, onChange }: {
  legend: string; what: string; known: readonly string[]; suggested?: readonly string[]; notes: readonly string[]; hint?: string | undefined; value: NamedThings; onChange: (value: NamedThings) => void;
}) {
  const id = useId();
  const { names, typed } = value;
  const add = (): void => onChange({ names: addNames(names, typed), typed: "" });
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" || typed.trim() === "") return;
    event.preventDefault();
    add();
  };
  // What was typed comes first: below a long list nobody sees that it was added.
  const listed = [...names.filter((name) => !known.includes(name)), ...known];
  return (
    <fieldset className="check-list" aria-describedby={`${id}-notes`}>
      <legend className="field-label">{legend}</legend>
      {listed.length > 0 && (
        <div>
          {listed.map((name) => (
            <label key={name}>
              <input type="checkbox" checked={names.includes(name)} onChange={(event) => onChange({ typed, names: event.target.checked ? [...names, name] : names.filter((entry) => entry !== name) })} /> {name}
            </label>
          ))}
        </div>
      )}
      <span className="field-line">
        <input className="input mono" aria-label={`Another ${what}`} placeholder={`another ${what}`} list={`${id}-names`} autoComplete="off" autoCapitalize="off" spellCheck={false} value={typed} onChange={(event) => onChange({ names, typed: event.target.value })} onKeyDown={onKeyDown} />
        <button type="button" className="button" disabled={typed.trim() === ""} onClick={add}>Add</button>
      </span>
      <datalist id={`${id}-names`}>{suggested.filter((name) => !names.includes(name)).map((name) => <option key={name} value={name} />)}</datalist>
      <div id={`${id}-notes`} aria-live="polite">
        {notes.map((note) => <span key={note} className="field-remark">{note}</span>)}
        {notes.length === 0 && hint !== undefined && <span className="field-hint">{hint}</span>}
      </div>
    </fieldset>
  );
}
