import { aliasesOf } from "../../data/models.ts";
import { useQuery } from "../../data/query.ts";
import type { ModelDetail } from "../../data/types.ts";

/** Chooses the version of the view, in the address. `all` offers all of them together. */
export function VersionSelect({ detail, value, all }: { detail: ModelDetail; value: string | null; all?: string }) {
  const query = useQuery();
  return (
    <label className="select-label">
      <span>Version</span>
      <select className="input" value={value ?? ""} onChange={(event) => query.set({ version: event.target.value, before: null })}>
        {all !== undefined && <option value="">{all}</option>}
        {detail.versions.map(({ version }) => {
          const aliases = aliasesOf(detail.model, version);
          return (
            <option key={version} value={version}>
              v{version}
              {aliases.length > 0 ? ` (${aliases.join(", ")})` : ""}
            </option>
          );
        })}
        {value !== null && !detail.versions.some(({ version }) => version === value) && <option value={value}>v{value} (unknown)</option>}
      </select>
    </label>
  );
}
