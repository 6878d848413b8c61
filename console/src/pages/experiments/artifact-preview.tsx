import { useResource } from "../../data/resource.ts";
import { ApiFailure } from "../../data/api.ts";
import { artifactHref, type WireFile, type WireRun } from "../../data/tracking.ts";
import { formatBytes } from "../../format.ts";
import { CodeBlock } from "../../parts/copy.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { csvRows } from "./csv-rows.ts";
import { imageType, largestImage, previewKind, textStart } from "./preview-kind.ts";

interface Content {
  /** Text, or an image as a data URL. */
  text: string;
  cut: boolean;
}

/** So many rows of a table are shown. */
const tableRows = 200;

/** The start of a file, as text, table or image. It is read here and drawn as data: nothing of a file runs, or becomes a page of this server. */
export function ArtifactPreview({ run, file }: { run: WireRun; file: WireFile }) {
  const href = artifactHref(run.info, file.path);
  const kind = previewKind(file.path);
  const size = file.file_size ?? 0;
  const wanted = href !== null && kind !== "none" && (kind !== "image" || size <= largestImage);
  const content = useResource<Content>(wanted ? `artifact:${href}:${size}` : null, { load: () => readStart(href!, file.path, kind === "image" ? largestImage : textStart, kind === "image") });
  return (
    <div className="artifact-preview">
      <header className="artifact-head">
        <code>{file.path}</code>
        <span className="muted">{formatBytes(size)}</span>
        {href !== null && <a className="button button-small" href={href} download={file.path.split("/").at(-1)}>Download</a>}
      </header>
      {href === null && <p className="muted">This file is kept elsewhere: <code>{run.info.artifact_uri}</code></p>}
      {href !== null && !wanted && <p className="muted">{kind === "image" ? "Too large to be shown here." : "Not a kind of file that is shown here."} Download it to look inside.</p>}
      {wanted && (
        <ResourceView resource={content} lines={6}>
          {({ text, cut }) => (
            <>
              {kind === "image" ? <img className="artifact-image" src={text} alt={file.path} />
                : kind === "table" ? <CsvTable text={text} cut={cut} tabs={file.path.toLowerCase().endsWith(".tsv")} />
                : <CodeBlock label={file.path} code={kind === "json" && !cut ? indented(text) : text} />}
              {cut && <p className="muted small">The first {formatBytes(textStart)} of {formatBytes(size)}.</p>}
            </>
          )}
        </ResourceView>
      )}
    </div>
  );
}

async function readStart(href: string, path: string, limit: number, image: boolean): Promise<Content> {
  const response = await fetch(href, { headers: image ? {} : { Range: `bytes=0-${limit - 1}` } }).catch(() => null);
  if (response === null) throw new ApiFailure(0, { code: "SERVER_UNREACHABLE", message: "The server does not answer." });
  // An empty file has no first byte that could be asked for.
  if (response.status === 416) return { text: "", cut: false };
  if (!response.ok) throw new ApiFailure(response.status, { code: `HTTP ${response.status}`, message: "The file could not be read." });
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (image) return { text: `data:${imageType(path)};base64,${base64(bytes)}`, cut: false };
  const total = Number(/\/(\d+)$/.exec(response.headers.get("Content-Range") ?? "")?.[1] ?? bytes.length);
  return { text: new TextDecoder().decode(bytes.subarray(0, limit)), cut: total > limit || bytes.length > limit };
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 32_768) text += String.fromCharCode(...bytes.subarray(at, at + 32_768));
  return btoa(text);
}

function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function CsvTable({ text, cut, tabs }: { text: string; cut: boolean; tabs: boolean }) {
  const [head = [], ...rows] = csvRows(text, { limit: tableRows + 1, whole: !cut, separator: tabs ? "\t" : "," });
  return (
    <div className="artifact-table" tabIndex={0} role="region" aria-label="Rows of the file">
      <table className="table table-compact">
        <thead><tr>{head.map((name, index) => <th key={index} scope="col">{name}</th>)}</tr></thead>
        <tbody>{rows.map((row, index) => <tr key={index}>{head.map((_, column) => <td key={column}>{row[column] ?? ""}</td>)}</tr>)}</tbody>
      </table>
      {rows.length === tableRows && <p className="table-none">The first {tableRows} rows.</p>}
    </div>
  );
}
