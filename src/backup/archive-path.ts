/** Paths that the server makes: no dots beyond file endings, nothing that another system reads otherwise. */
const serverPath = /^(?:tables\/[a-z_]{1,64}\.jsonl|blobs\/sha256\/[0-9a-f]{2}\/[0-9a-f]{64}|predictions\/[A-Za-z0-9=_%][A-Za-z0-9=_%.-]{0,254}(?:\/[A-Za-z0-9=_%][A-Za-z0-9=_%.-]{0,254}){0,7}|segments\/[0-9a-z-]{1,64}\.segment|manifest\.json)$/;

const artifactFolder = "artifacts/";
const mostSegments = 64;
const longestSegment = 255;
/** In UTF-16 units, of which a path has at most as many as bytes. */
export const longestPath = artifactFolder.length + mostSegments * (longestSegment + 1);

/** Names of artifacts are their writers': a segment may be any text that leads nowhere else, as the artifact store takes it. */
function isArtifactSegment(segment: string): boolean {
  if (segment === "" || segment === "." || segment === "..") return false;
  return !/[\\\u0000-\u001f\u007f]/.test(segment) && segment.isWellFormed() && Buffer.byteLength(segment) <= longestSegment;
}

/** True for a path that a backup may have. Joined to a folder, segment by segment, it stays below that. */
export function isArchivePath(path: string): boolean {
  if (!path.startsWith(artifactFolder)) return serverPath.test(path);
  if (path.length > longestPath) return false;
  const segments = path.slice(artifactFolder.length).split("/");
  return segments.length <= mostSegments && segments.every(isArtifactSegment);
}

/** The first path that lies below another, or null: what one path says is a file, another cannot use as a folder. */
export function belowAFile(paths: ReadonlySet<string>): string | null {
  const folders = new Set<string>();
  for (const path of paths) {
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      const folder = path.slice(0, end);
      // Seen, and so were the folders above it: the cost is that of the folders, not of paths times depth.
      if (folders.has(folder)) break;
      if (paths.has(folder)) return path;
      folders.add(folder);
    }
  }
  return null;
}
