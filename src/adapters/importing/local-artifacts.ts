import { createReadStream } from "node:fs";
import { lstat, readdir, realpath } from "node:fs/promises";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { AppError } from "../../core/errors.ts";
import type { SourceArtifacts, SourceFile } from "../../importing/import-source.ts";

/**
 * Artifacts in folders of this machine. The source says where they are, and whoever wrote the source may have said anything: nothing is
 * read that is not below one of the folders which the admin named.
 */
export class LocalArtifacts {
  readonly #folder: string;
  readonly #named: readonly string[];

  /** `folder` is where the source itself lies; relative addresses begin there. */
  constructor(folder: string, named: readonly string[]) {
    this.#folder = folder;
    this.#named = named;
  }

  /** `usual` are places below the source's folder where MLflow puts them when nobody says otherwise: they hold when the folder was moved. */
  async of(uri: string, usual: readonly string[]): Promise<SourceArtifacts> {
    const place = this.#placeOf(uri);
    if (place.kind === "kept") return place;
    const candidates = [...place.paths, ...usual.map((path) => join(this.#folder, path))];
    for (const candidate of candidates) {
      const real = await realpath(candidate).catch(() => null);
      if (real !== null && (await this.#isBelowRoots(real))) return { kind: "files", files: walk(real) };
    }
    const [first] = place.paths;
    if (first !== undefined && this.#isPlausible(first)) return { kind: "files", files: none() };
    if ((await Promise.all(place.paths.map((path) => lstat(path).catch(() => null)))).some((found) => found !== null)) {
      return { kind: "missing", why: `Its artifacts are at ${uri}, outside of the folders that may be read: name a folder above them with --artifacts.` };
    }
    return { kind: "missing", why: `There is nothing at ${uri} on the server's machine: if it has artifacts, copy them there and name their folder with --artifacts.` };
  }

  #placeOf(uri: string): { kind: "paths"; paths: string[] } | { kind: "kept"; uri: string } {
    const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(uri)?.[1]?.toLowerCase();
    if (scheme === undefined) return { kind: "paths", paths: uri === "" ? [] : [resolve(this.#folder, uri)] };
    if (scheme === "file") {
      try {
        return { kind: "paths", paths: [fileURLToPath(uri)] };
      } catch {
        return { kind: "paths", paths: [resolve(this.#folder, uri.slice("file:".length).replace(/^\/+/, "/"))] };
      }
    }
    if (scheme !== "mlflow-artifacts") return { kind: "kept", uri };
    const rest = uri.slice("mlflow-artifacts:".length).replace(/^\/\/[^/]*/, "").replace(/^\/+/, "");
    return { kind: "paths", paths: [...this.#named.map((folder) => join(folder, rest)), join(this.#folder, "mlartifacts", rest), join(this.#folder, "mlruns", rest)] };
  }

  /** Below a folder that may be read, whether it is there or not: a run without artifacts has no folder. */
  #isPlausible(path: string): boolean {
    return [this.#folder, ...this.#named].some((root) => isBelow(resolve(path), resolve(root)));
  }

  async #isBelowRoots(real: string): Promise<boolean> {
    for (const root of [this.#folder, ...this.#named]) {
      const realRoot = await realpath(root).catch(() => null);
      if (realRoot !== null && isBelow(real, realRoot)) return true;
    }
    return false;
  }
}

function isBelow(path: string, root: string): boolean {
  const way = relative(root, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

/** Every file below a folder, by name. Links are told of and not followed. */
export async function* walk(folder: string, prefix = ""): AsyncGenerator<SourceFile> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries.sort((left, right) => (left.name < right.name ? -1 : 1))) {
    const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    const full = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(full, path);
    else if (entry.isFile()) yield { path, bytes: (await lstat(full)).size, open: () => Promise.resolve(createReadStream(full)) };
    else yield { path, bytes: null, open: refuseLink };
  }
}

function refuseLink(): Promise<Readable> {
  return Promise.reject(new AppError("IMPORT_SOURCE_INVALID", "It is a link or no file: only files are read."));
}

async function* none(): AsyncGenerator<SourceFile> {
  // A run that has none.
}
