import { useEffect, useId, useState, type FormEvent } from "react";

/** A filter that the server applies: it takes effect with Enter, or when the field is left. `options` are offered while one types, by value and by label. */
export function FilterInput({ label, placeholder, value, options = [], onChange }: { label: string; placeholder: string; value: string; options?: readonly { value: string; label: string }[]; onChange: (value: string) => void }) {
  const id = useId();
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const apply = (event?: FormEvent): void => {
    event?.preventDefault();
    if (text.trim() !== value) onChange(text.trim());
  };
  return (
    <form onSubmit={apply} className="filter-form">
      <input
        type="search" className="input" aria-label={label} placeholder={placeholder} spellCheck={false} autoComplete="off" list={options.length === 0 ? undefined : id} value={text} onBlur={() => apply()}
        onChange={(event) => {
          setText(event.target.value);
          if (event.target.value === "" && value !== "") onChange("");
        }}
      />
      {options.length > 0 && <datalist id={id}>{options.map((option) => <option key={option.value} value={option.value}>{option.label}</option>)}</datalist>}
    </form>
  );
}
