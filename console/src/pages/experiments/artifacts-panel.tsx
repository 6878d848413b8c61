import { useState } from "react";
import { useQuery } from "../../data/query.ts";
import { useArtifacts, type WireFile, type WireRun } from "../../data/tracking.ts";
import { formatBytes } from "../../format.ts";
import { EmptyState } from "../../parts/empty-state.tsx";
import { Icon } from "../../parts/icon.tsx";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { ArtifactPreview } from "./artifact-preview.tsx";

/** The files of a run as a tree whose folders are asked for when they are opened, and the one that the address names beside it. */
export function ArtifactsPanel({ run }: { run: WireRun }) {
  const query = useQuery();
  const path = query.get("file");
  const root = useArtifacts(run.info.run_id, "");
  const folder = path === null || !path.includes("/") ? "" : path.slice(0, path.lastIndexOf("/"));
  const chosen = useArtifacts(run.info.run_id, path === null ? null : folder).data?.files?.find((file) => file.path === path && !file.is_dir);
  return (
    <Panel title="Artifacts" note={run.info.artifact_uri}>
      <ResourceView resource={root} lines={4}>
        {({ files = [] }) => files.length === 0 ? <EmptyState title="No artifacts" command={'mlflow.log_artifact("report.html")'}><p>Files that a script logs are kept with the run:</p></EmptyState> : (
          <div className="artifacts">
            <ul className="artifact-tree" aria-label="Files">
              {files.map((file) => <Entry key={file.path} run={run.info.run_id} file={file} chosen={path} depth={0} onChoose={(file_) => query.set({ file: file_ }, { replace: true })} />)}
            </ul>
            {chosen === undefined ? <p className="muted artifact-hint">{path === null ? "Choose a file to look inside." : "There is no such file."}</p> : <ArtifactPreview key={chosen.path} run={run} file={chosen} />}
          </div>
        )}
      </ResourceView>
    </Panel>
  );
}

function Entry({ run, file, chosen, depth, onChoose }: { run: string; file: WireFile; chosen: string | null; depth: number; onChoose: (path: string) => void }) {
  const [open, setOpen] = useState(chosen?.startsWith(`${file.path}/`) ?? false);
  const inside = useArtifacts(run, file.is_dir && open ? file.path : null);
  const name = file.path.split("/").at(-1);
  return (
    <li>
      <button
        type="button" className="artifact-entry" style={{ paddingLeft: 8 + depth * 16 }} aria-expanded={file.is_dir ? open : undefined} aria-current={file.path === chosen ? "true" : undefined}
        onClick={() => (file.is_dir ? setOpen(!open) : onChoose(file.path))}
      >
        <Icon name={file.is_dir ? (open ? "chevronDown" : "chevronRight") : "file"} />
        <span className="grid-ellipsis">{name}</span>
        <span className="muted small">{file.is_dir ? "" : formatBytes(file.file_size ?? 0)}</span>
      </button>
      {file.is_dir && open && (
        <ul>
          {inside.error !== undefined && <li className="field-problem">{inside.error.message}</li>}
          {(inside.data?.files ?? []).map((entry) => <Entry key={entry.path} run={run} file={entry} chosen={chosen} depth={depth + 1} onChoose={onChoose} />)}
        </ul>
      )}
    </li>
  );
}
