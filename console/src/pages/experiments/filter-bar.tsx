import { useEffect, useId, useState } from "react";
import type { ApiFailure } from "../../data/api.ts";
import { problemPlace } from "./filter-place.ts";

/** The filter in MLflow's grammar. It takes effect with Enter; what the server has against it stands below, with the place marked. */
export function FilterBar({ value, error, onChange, label = "Filter runs" }: { value: string; error: ApiFailure | null; onChange: (filter: string) => void; label?: string }) {
  const [text, setText] = useState(value);
  const id = useId();
  useEffect(() => setText(value), [value]);
  const apply = (): void => {
    if (text.trim() !== value) onChange(text.trim());
  };
  const place = error === null ? null : problemPlace(error.message, value);
  return (
    <div className="filter-bar">
      <form onSubmit={(event) => { event.preventDefault(); apply(); }}>
        <input
          type="search" className="input mono" aria-label={label} aria-describedby={`${id}-note`} aria-invalid={error !== null} spellCheck={false} autoComplete="off" autoCapitalize="off"
          placeholder="metrics.loss < 0.1 and params.model = 'tree'" value={text} onBlur={apply}
          onChange={(event) => {
            setText(event.target.value);
            if (event.target.value === "" && value !== "") onChange("");
          }}
        />
      </form>
      <div id={`${id}-note`}>
        {error !== null && (
          <div className="filter-problem" role="alert">
            <p>{error.message}</p>
            {place !== null && <pre aria-hidden="true">{value.slice(0, place)}<mark>{value.slice(place, place + 1) || " "}</mark>{value.slice(place + 1)}</pre>}
            {error.problems.length > 0 && <p>{error.problems.map(({ message }) => message).join(" ")}</p>}
          </div>
        )}
      </div>
    </div>
  );
}
