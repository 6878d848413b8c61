import { useModelChanges } from "../../data/registry.ts";
import { ActorName } from "../../parts/actor-name.tsx";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { Time } from "../../parts/time.tsx";
import { changeWords } from "./change-words.ts";

/** Who changed what, and why. */
export function ChangesPanel({ model }: { model: string }) {
  const changes = useModelChanges(model);
  return (
    <Panel title="Changes" note="newest first" flush>
      <ResourceView resource={changes} lines={4}>
        {({ changes: entries }) => entries.length === 0 ? <p className="table-none">Nothing was changed since it was registered.</p> : (
          <ol className="history changes">
            {entries.map((change) => (
              <li key={change.id}>
                <p><strong><ActorName actor={change.actor} /></strong> {changeWords(change)} <span className="muted"><Time at={change.time} /></span></p>
                {(change.before !== null || change.after !== null) && (
                  <p className="small">{change.before !== null && <del>{shorten(change.before)}</del>} {change.after !== null && <ins>{shorten(change.after)}</ins>}</p>
                )}
                {change.reason !== "" && <p className="change-reason">{change.reason}</p>}
              </li>
            ))}
          </ol>
        )}
      </ResourceView>
    </Panel>
  );
}

function shorten(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 199)}…`;
}
