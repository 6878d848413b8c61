import type { RunKeys } from "../../data/tracking.ts";

/** So many keys of a kind are offered. */
const offered = 300;

export function GroupSelect({ keys, value, onChange }: { keys: RunKeys | undefined; value: string; onChange: (column: string) => void }) {
  const groups = [["Param", keys?.params ?? [], "params"], ["Tag", keys?.tags ?? [], "tags"]] as const;
  const known = value === "" || groups.some(([, names, kind]) => names.slice(0, offered).some((name) => value === `${kind}.${name}`)) || value.startsWith("attributes.");
  return (
    <label className="select-label">
      Group by
      <select className="input" value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">nothing</option>
        <option value="attributes.status">status</option>
        <option value="attributes.user">user</option>
        {groups.map(([label, names, kind]) => names.length > 0 && (
          <optgroup key={kind} label={label}>{names.slice(0, offered).map((name) => <option key={name} value={`${kind}.${name}`}>{name}</option>)}</optgroup>
        ))}
        {!known && <option value={value}>{value}</option>}
      </select>
    </label>
  );
}
