import { useEffect, useId, useState } from "react";
import { useQuery } from "../../data/query.ts";
import { parseTimeRange, presets, type TimeRange } from "../../data/time-range.ts";
import { formatUtc } from "../../format.ts";
import { FilterInput } from "../../parts/filter-input.tsx";
import { filterNames, type FilterName, type ReadFilter } from "./trace-filter.ts";

/** The time range in the address, or null for all times. */
export function useTraceRange(): TimeRange | null {
  const query = useQuery();
  const [range, from, to] = [query.get("range"), query.get("from"), query.get("to")];
  if (from === null && !presets.some(({ id }) => id === range)) return null;
  return parseTimeRange(range, from, to);
}

const more: readonly { name: FilterName; label: string; placeholder: string }[] = [
  { name: "model", label: "Model", placeholder: "gpt-5-mini" },
  { name: "service", label: "Service", placeholder: "shop" },
  { name: "session", label: "Session", placeholder: "id of a session" },
  { name: "user", label: "User", placeholder: "id of a user" },
  { name: "slower", label: "Slower than", placeholder: "2s" },
  { name: "cost", label: "Dearer than, in $", placeholder: "0.01" },
  { name: "attributes", label: "Attributes", placeholder: "gen_ai.tool.name=search" },
];

/** What is searched for, all of it in the address; it takes effect with Enter, or when a field is left. */
export function TraceFilters({ problems }: { problems: ReadFilter["problems"] }) {
  const query = useQuery();
  const set = (name: string, value: string): void => query.set({ [name]: value, before: null });
  const used = more.filter(({ name }) => (query.get(name) ?? "") !== "").length;
  const [open, setOpen] = useState(used > 0);
  const id = useId();
  const range = useTraceRange();
  const all = [...filterNames, "range", "from", "to", "order", "before"];
  return (
    <div className="trace-filters">
      <div className="toolbar">
        <FilterInput label="Text" placeholder="Search in all text" value={query.get("q") ?? ""} onChange={(value) => set("q", value)} />
        <label className="select-label">
          Status
          <select className="input" value={query.get("status") ?? ""} onChange={(event) => set("status", event.target.value)}>
            <option value="">all</option>
            <option value="error">with errors</option>
            <option value="ok">without errors</option>
          </select>
        </label>
        <label className="select-label">
          Time
          <select className="input" value={range === null ? "" : range.kind === "preset" ? range.preset.id : "fixed"} onChange={(event) => query.set({ range: event.target.value, from: null, to: null, before: null })}>
            <option value="">all</option>
            {presets.map((preset) => <option key={preset.id} value={preset.id}>{preset.words}</option>)}
            {range?.kind === "fixed" && <option value="fixed">{formatUtc(range.from)} to {formatUtc(range.to)}</option>}
          </select>
        </label>
        <label className="select-label">
          First
          <select className="input" value={query.get("order") ?? ""} onChange={(event) => set("order", event.target.value)}>
            <option value="">newest</option>
            <option value="duration">slowest</option>
            <option value="cost">dearest</option>
          </select>
        </label>
        <span className="toolbar-end">
          <button type="button" className="button" aria-expanded={open} aria-controls={open ? id : undefined} onClick={() => setOpen(!open)}>{used > 0 ? `More filters (${used})` : "More filters"}</button>
          {all.some((name) => (query.get(name) ?? "") !== "") && <button type="button" className="link-button" onClick={() => query.set(Object.fromEntries(all.map((name) => [name, null])))}>Clear</button>}
        </span>
      </div>
      {open && (
        <div className="filter-grid" id={id}>
          {more.map(({ name, label, placeholder }) => (
            <FilterField key={name} label={label} placeholder={placeholder} value={query.get(name) ?? ""} problem={problems[name]} onChange={(value) => set(name, value)} />
          ))}
        </div>
      )}
    </div>
  );
}

/** A labelled filter; one that cannot be read says how it is written. */
function FilterField({ label, placeholder, value, problem, onChange }: { label: string; placeholder: string; value: string; problem: string | undefined; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  const id = useId();
  useEffect(() => setText(value), [value]);
  const apply = (): void => {
    if (text.trim() !== value) onChange(text.trim());
  };
  return (
    <form className={problem === undefined ? "field" : "field field-bad"} onSubmit={(event) => { event.preventDefault(); apply(); }}>
      <label className="field-label" htmlFor={id}>{label}</label>
      <input
        id={id} type="search" className="input" placeholder={placeholder} spellCheck={false} autoComplete="off" autoCapitalize="off" value={text} aria-invalid={problem !== undefined} aria-describedby={`${id}-note`}
        onChange={(event) => setText(event.target.value)} onBlur={apply}
      />
      <span id={`${id}-note`} className="field-problem">{problem}</span>
    </form>
  );
}
