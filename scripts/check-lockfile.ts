import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Checks package-lock.json, and with `--fix` mends what `npm install` writes back into it. Two things go wrong there
 * without a word (docs/decisions/0007-install-scripts.md says more):
 * - npm 10 does not know `allowScripts` and runs every install script that the lockfile announces, so only the allowed
 *   ones may be announced; npm 11 and later refuse the others by `allowScripts`.
 * - a package that its registry has only for some platforms makes a lockfile that `npm ci` rejects elsewhere.
 */
interface LockedPackage {
  version?: string;
  resolved?: string;
  link?: boolean;
  hasInstallScript?: boolean;
  optionalDependencies?: Record<string, string>;
}

export interface Lockfile {
  packages: Record<string, LockedPackage>;
}

export interface Manifest {
  allowScripts?: Record<string, boolean>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

const nameOf = (location: string): string => location.slice(location.lastIndexOf("node_modules/") + "node_modules/".length);

/** Where node would find a package that is required from this location, if anywhere. */
function isLocked(lockfile: Lockfile, from: string, name: string): boolean {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    if (`${folder === "" ? "" : `${folder}/`}node_modules/${name}` in lockfile.packages) return true;
    if (folder === "") return false;
  }
}

/** Locations whose install script would run although it is not allowed. */
function announcedScripts(lockfile: Lockfile, manifest: Manifest): string[] {
  return Object.entries(lockfile.packages)
    .filter(([location, { hasInstallScript }]) => hasInstallScript === true && manifest.allowScripts?.[nameOf(location)] !== true)
    .map(([location]) => location);
}

/** Every problem, as a sentence. */
export function lockfileProblems(lockfile: Lockfile, manifest: Manifest): string[] {
  const problems = announcedScripts(lockfile, manifest).map((location) => `${location} announces an install script that is not allowed.`);
  for (const [location, { optionalDependencies = {}, resolved, link }] of Object.entries(lockfile.packages)) {
    for (const name of Object.keys(optionalDependencies)) {
      if (!isLocked(lockfile, location, name)) problems.push(`${location} may need ${name}, which is not locked: its registry lacks that version.`);
    }
    if (resolved !== undefined && link !== true) problems.push(`${location} is bound to one registry's address.`);
  }
  for (const [name, range] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
    if (!/^(npm:[^@]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/.test(range)) problems.push(`${name} is not pinned to one version but to ${range}.`);
  }
  return problems;
}

if (import.meta.main) {
  const root = join(import.meta.dirname, "..");
  const path = join(root, "package-lock.json");
  const lockfile = JSON.parse(readFileSync(path, "utf8")) as Lockfile;
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
  if (process.argv.includes("--fix")) {
    for (const location of announcedScripts(lockfile, manifest)) delete lockfile.packages[location]!.hasInstallScript;
    for (const locked of Object.values(lockfile.packages)) if (locked.link !== true) delete locked.resolved;
    writeFileSync(path, `${JSON.stringify(lockfile, null, 2)}\n`);
  }
  const problems = lockfileProblems(lockfile, manifest);
  for (const problem of problems) process.stderr.write(`package-lock.json: ${problem}\n`);
  if (problems.length > 0) process.exitCode = 1;
}
