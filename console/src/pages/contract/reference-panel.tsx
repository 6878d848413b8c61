import { ProfileTable } from "../../charts/profile-table.tsx";
import type { ReferenceProfile } from "../../data/types.ts";
import { plural } from "../../format.ts";
import { DigestText } from "../../parts/copy.tsx";
import { Panel } from "../../parts/panel.tsx";

/** What the training data looked like, column by column. */
export function ReferencePanel({ profile }: { profile: ReferenceProfile | null }) {
  if (profile === null) {
    return (
      <Panel title="Reference profile">
        <p className="muted">Deployed without reference data: inputs are checked by type and shape only, and drift has nothing to compare with. Add it with <code>--reference train.parquet</code>.</p>
      </Panel>
    );
  }
  return (
    <Panel title="Reference profile" note={`${plural(profile.rows, "row")}${profile.target === undefined ? "" : ` · predicts ${profile.target}`}`} actions={<DigestText digest={profile.digest} />} flush>
      <ProfileTable columns={profile.columns.map((column) => ({ name: column.name, profile: column }))} />
      {profile.ignoredColumns.length > 0 && <p className="table-foot muted small">Not inputs of the model: {profile.ignoredColumns.join(", ")}</p>}
    </Panel>
  );
}
