import { isLocalLocation, isWithin, localPathOf } from "../core/local-path.ts";

export interface ArtifactLocationParts {
  /** Absolute folders that this server may read and to which clients write by themselves; normal, as `localPathOf` answers them. */
  roots: readonly string[];
  /** Where new experiments without a location have theirs. */
  defaultRoot: string;
  /** From which relative locations count. */
  workingFolder: string;
}

/** A run or a logged model: what has artifacts of its own. */
export interface ArtifactOwner {
  id: string;
  experiment: string;
  artifactUri: string;
}

/** A place among the artifacts of a run or a logged model that are kept in a shared folder. */
export interface SharedPlace {
  /** Whose access decides. */
  experiment: string;
  /** The owner's whole artifacts: an absolute path below one of the roots. Nothing outside of it is read. */
  folder: string;
  /** Relative to the folder, with `/` between; empty for the folder itself. */
  path: string;
}

/** Which locations of artifacts on disks are shared folders, and where new experiments keep theirs. */
export class ArtifactLocations {
  readonly #parts: ArtifactLocationParts;

  constructor(parts: Partial<ArtifactLocationParts> = {}) {
    this.#parts = { roots: [], defaultRoot: "mlflow-artifacts:/", workingFolder: "/", ...parts };
  }

  /** Whether there are shared folders at all. */
  get isShared(): boolean {
    return this.#parts.roots.length > 0;
  }

  /** The location of a new experiment, where `{id}` stands for its id. A given one stays as it is, but for a relative path that leads below a root, which becomes absolute. */
  ofExperiment(given: string | undefined): string {
    const { defaultRoot, workingFolder } = this.#parts;
    if (given === undefined || given === "") return `${literal(defaultRoot)}${defaultRoot.endsWith("/") ? "" : "/"}{id}`;
    if (!isLocalLocation(given) || localPathOf(given) !== null) return literal(given);
    const path = localPathOf(given, workingFolder);
    return literal(path !== null && this.#isShared(path) ? path : given);
  }

  /**
   * Where the artifacts of a run or a logged model are, if that is below a root. The folder must be the one that this server gave: it ends with the owner's
   * id, so that no location leads to the artifacts of another.
   */
  placeOf(owner: ArtifactOwner, path = ""): SharedPlace | null {
    const folder = localPathOf(owner.artifactUri);
    if (folder === null || !this.#isShared(folder) || !folder.endsWith(`/${owner.id}/artifacts`)) return null;
    return { experiment: owner.experiment, folder, path };
  }

  /** Where a local path or `file:` URI leads within the owner's artifacts; null when it leads elsewhere. */
  placeAt(owner: ArtifactOwner, location: string): SharedPlace | null {
    const [place, path] = [this.placeOf(owner), localPathOf(location)];
    if (place === null || path === null || !isWithin(place.folder, path)) return null;
    return { ...place, path: path.slice(place.folder.length + 1) };
  }

  #isShared(path: string): boolean {
    return this.#parts.roots.some((root) => isWithin(root, path));
  }
}

/** Only the store replaces the placeholder, and only in what this server made up. */
function literal(location: string): string {
  return location.replaceAll("{id}", "%7Bid%7D");
}
