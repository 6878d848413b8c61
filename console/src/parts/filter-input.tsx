import { useEffect, useState, type FormEvent } from "react";

/** A filter that the server applies: it takes effect with Enter, or when the field is left. */
export function FilterInput({ label, placeholder, value, onChange }: { label: string; placeholder: string; value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const apply = (event?: FormEvent): void => {
    event?.preventDefault();
    if (text.trim() !== value) onChange(text.trim());
  };
  return (
    <form onSubmit={apply} className="filter-form">
      <input
        type="search" className="input" aria-label={label} placeholder={placeholder} spellCheck={false} autoComplete="off" value={text} onBlur={() => apply()}
        onChange={(event) => {
          setText(event.target.value);
          if (event.target.value === "" && value !== "") onChange("");
        }}
      />
    </form>
  );
}
