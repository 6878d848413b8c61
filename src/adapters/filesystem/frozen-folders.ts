import { constants } from "node:fs";
import { copyFile, link, lstat, mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { AppError } from "../../core/errors.ts";
import type { BackupSource, FrozenFile } from "../../backup/index.ts";
import { artifactSegments } from "./artifact-files.ts";
import { systemErrorCode } from "./file-system.ts";

const maxPasses = 50;
/** Linked at once: enough that the disk is not waited for, few enough that memory does not notice. */
const linkedAtOnce = 64;
/** A file system without hard links, a file with too many, one of another owner, one on another disk. */
const notLinkable: ReadonlySet<string | undefined> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EXDEV"]);
/** What was listed is not there any more, or something of another kind is. */
const gone: ReadonlySet<string | undefined> = new Set(["ENOENT", "ENOTDIR", "EISDIR"]);

/** Blobs never change and are removed only when nothing has named them for a day: they need no copy. */
export function blobBackupSource(directory: string): BackupSource {
  const root = join(directory, "blobs");
  return {
    async freeze() {
      const names = (await filesBelow(root)).filter((name) => /^sha256\/[0-9a-f]{2}\/[0-9a-f]{64}$/.test(name));
      return Promise.all(names.map(async (name) => ({ path: `blobs/${name}`, file: join(root, name), bytes: (await stat(join(root, name))).size })));
    },
  };
}

/**
 * Artifacts of runs, each as it was at one moment: a file is replaced by a rename and never changed in place, so that a
 * link stays whole. They may be written, replaced and removed meanwhile; what goes away before its link is left out, and so
 * is what the artifact store does not give out: links, and names that it does not take. Where the folder lies on another
 * disk than the backup's, files are copied.
 */
export function artifactBackupSource(directory: string): BackupSource {
  const root = join(directory, "artifacts");
  return {
    async freeze(folder) {
      const paths = await artifactsBelow(root);
      const frozen: FrozenFile[] = [];
      for (let start = 0; start < paths.length; start += linkedAtOnce) {
        // Numbers for names: the artifact's own path may be as long as a path can be, where it is.
        const shelf = join(folder, String(start / linkedAtOnce));
        await mkdir(shelf);
        const linked = await Promise.all(paths.slice(start, start + linkedAtOnce).map((path, index) => freezeArtifact(root, path, join(shelf, String(index)))));
        for (const each of linked) if (each !== null) frozen.push(each);
      }
      return frozen;
    },
  };
}

/** Null for what is no plain file, or not any more. */
async function freezeArtifact(root: string, path: string, file: string): Promise<FrozenFile | null> {
  const source = join(root, path);
  try {
    if (!(await lstat(source)).isFile()) return null;
    await linkOrCopy(source, file);
    const facts = await lstat(file);
    return facts.isFile() ? { path: `artifacts/${path}`, file, bytes: facts.size } : null;
  } catch (error) {
    if (gone.has(systemErrorCode(error))) return null;
    throw error;
  }
}

/** Folder by folder, since any of them may go away; sorted within each. */
async function artifactsBelow(root: string): Promise<string[]> {
  const files: string[] = [];
  const visit = async (folder: string): Promise<void> => {
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch((error: unknown) => {
      if (gone.has(systemErrorCode(error))) return [];
      throw error;
    });
    // By name: a name that is taken anew while the folder is read may be listed twice.
    const byName = new Map(entries.map((entry) => [entry.name, entry]));
    for (const name of [...byName.keys()].sort()) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const entry = byName.get(name)!;
      if (!isArtifactPath(path)) continue;
      if (entry.isDirectory()) await visit(path);
      else if (entry.isFile()) files.push(path);
    }
  };
  await visit("");
  return files;
}

function isArtifactPath(path: string): boolean {
  try {
    return artifactSegments(path).length > 0;
  } catch {
    return false;
  }
}

async function linkOrCopy(source: string, file: string): Promise<void> {
  await link(source, file).catch((error: unknown) => {
    if (notLinkable.has(systemErrorCode(error))) return copyFile(source, file, constants.COPYFILE_FICLONE);
    throw error;
  });
}

/**
 * The prediction log as a kill at one moment would leave it: hard links to its segments and Parquet files, taken between
 * two listings that are alike, since conversions and compactions go on meanwhile. A segment that is being written keeps
 * growing behind its link; the length of the moment is what counts.
 */
export function predictionLogBackupSource(directory: string): BackupSource {
  const segments = join(directory, "prediction-segments");
  const parquet = join(directory, "predictions");
  const list = async (): Promise<{ names: string[]; intent: string | null }> => {
    const intent = await readFile(join(segments, "compaction.json"), "utf8").catch(() => null);
    // Segments first: one that was converted in between is in Parquet by the time that is listed.
    const left = (await filesBelow(segments)).filter((name) => /^[^/]+\.segment$/.test(name)).map((name) => `segments/${name}`);
    const converted = (await filesBelow(parquet)).filter((name) => name.endsWith(".parquet")).map((name) => `predictions/${name}`);
    return { names: [...left, ...converted], intent };
  };
  const sourceOf = (path: string): string => (path.startsWith("segments/") ? join(segments, path.slice(9)) : join(parquet, path.slice(12)));

  return {
    async freeze(folder) {
      for (let pass = 0; pass < maxPasses; pass++) {
        const own = join(folder, String(pass));
        const before = await list();
        const frozen = await linkAll(before.names, sourceOf, own);
        const after = frozen === null ? null : await list();
        if (frozen !== null && after !== null && JSON.stringify(before) === JSON.stringify(after)) return withoutReplaced(frozen, before.intent, parquet);
        await rm(own, { recursive: true, force: true });
      }
      throw new AppError("INTERNAL", "The prediction log did not stand still long enough for a backup.");
    },
  };
}

/** Null when a file went away meanwhile. */
async function linkAll(names: readonly string[], sourceOf: (path: string) => string, folder: string): Promise<FrozenFile[] | null> {
  const frozen: FrozenFile[] = [];
  for (const path of names) {
    const source = sourceOf(path);
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    try {
      await linkOrCopy(source, file);
      frozen.push({ path, file, bytes: (await stat(file)).size });
    } catch (error) {
      if (systemErrorCode(error) === "ENOENT") return null;
      throw error;
    }
  }
  return frozen;
}

/** A compaction between its rename and its removals has rows twice: what it replaces is left out. */
function withoutReplaced(frozen: readonly FrozenFile[], intentText: string | null, parquet: string): readonly FrozenFile[] {
  if (intentText === null) return frozen;
  const intent = JSON.parse(intentText) as { path: string; replaces: string[] };
  const pathOf = (file: string): string => `predictions/${relative(parquet, file).split(sep).join("/")}`;
  if (!frozen.some(({ path }) => path === pathOf(intent.path))) return frozen;
  const replaced = new Set(intent.replaces.map(pathOf));
  return frozen.filter(({ path }) => !replaced.has(path));
}

/** Plain files below a folder, sorted, with slashes; staging folders and links are left out. */
async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  });
  return entries
    .filter((entry) => entry.isFile() && basename(entry.parentPath) !== "staging")
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
}
