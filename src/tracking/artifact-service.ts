import type { Readable } from "node:stream";
import { mayOnServer, type Caller, type Role } from "../core/caller.ts";
import { AppError } from "../core/errors.ts";
import { requireOn } from "../core/request-gate.ts";
import type { ArtifactLocations, ArtifactOwner, SharedPlace } from "./artifact-locations.ts";
import type { ArtifactEntry, ArtifactStore } from "./artifact-store.ts";
import type { SharedArtifacts } from "./shared-artifacts.ts";

type MaybePromise<Value> = Value | Promise<Value>;

export interface ArtifactServiceParts {
  store: ArtifactStore;
  locations: ArtifactLocations;
  shared: SharedArtifacts;
  /** Null where there is no such experiment. */
  teamOfExperiment(id: string): MaybePromise<string | null>;
}

const scheme = "mlflow-artifacts:/";

/** Where an artifact URI of this server leads; null for places of others, such as `s3://bucket`, which clients reach by themselves. */
export function artifactPathOf(uri: string): string | null {
  if (!uri.startsWith(scheme)) return null;
  // Both mlflow-artifacts:/path and mlflow-artifacts://host/path are in use.
  const rest = uri.slice(scheme.length);
  return rest.startsWith("/") ? rest.slice(1).replace(/^[^/]*\/?/, "").replace(/\/+$/, "") : rest.replace(/\/+$/, "");
}

/** A path in the store of this server, or a place in a shared folder. */
export type ArtifactPlace = string | SharedPlace;

/** A place below another; the path with `/` between. */
export function placeBelow(place: ArtifactPlace, path: string): ArtifactPlace {
  const below = (folder: string): string => [folder, path].filter(Boolean).join("/");
  return typeof place === "string" ? below(place) : { ...place, path: below(place.path) };
}

/** What a place is called at its end. */
export function nameOfPlace(place: ArtifactPlace): string {
  const path = typeof place === "string" ? place : place.path === "" ? place.folder : place.path;
  return path.slice(path.lastIndexOf("/") + 1);
}

/**
 * Artifacts below the experiments that they belong to. In the store the first segment of a path is the experiment's id; in a shared folder the place says it. Its
 * access is theirs. From shared folders nothing is removed.
 */
export class ArtifactService {
  readonly #parts: ArtifactServiceParts;

  constructor(parts: ArtifactServiceParts) {
    this.#parts = parts;
  }

  /** Where the artifacts of a run or a logged model are; null for places that this server does not read. */
  placeOf(owner: ArtifactOwner, path = ""): ArtifactPlace | null {
    const kept = artifactPathOf(owner.artifactUri);
    return kept === null ? this.#parts.locations.placeOf(owner, path) : placeBelow(kept, path);
  }

  /** Where a local path or `file:` URI leads within the artifacts of its owner, in a shared folder; null when it leads elsewhere. */
  placeAt(owner: ArtifactOwner, location: string): ArtifactPlace | null {
    return this.#parts.locations.placeAt(owner, location);
  }

  /** Throws INVALID_PARAMETER, BODY_INCOMPLETE, EXPERIMENT_NOT_FOUND, FORBIDDEN. */
  async write(caller: Caller, place: ArtifactPlace, content: Readable): Promise<{ bytes: number }> {
    await this.#require(caller, "contributor", place);
    return typeof place === "string" ? this.#parts.store.write(place, content) : this.#parts.shared.write(place, content);
  }

  /** Throws ARTIFACT_NOT_FOUND, also for what the caller may not see. */
  async stat(caller: Caller, place: ArtifactPlace): Promise<{ bytes: number; modifiedAt: number }> {
    await this.#require(caller, "viewer", place);
    return typeof place === "string" ? this.#parts.store.stat(place) : this.#parts.shared.stat(place);
  }

  async read(caller: Caller, place: ArtifactPlace, range?: { start: number; end: number }): Promise<Readable> {
    await this.#require(caller, "viewer", place);
    return typeof place === "string" ? this.#parts.store.read(place, range) : this.#parts.shared.read(place, range);
  }

  async list(caller: Caller, place: ArtifactPlace): Promise<ArtifactEntry[]> {
    await this.#require(caller, "viewer", place);
    return typeof place === "string" ? this.#parts.store.list(place) : this.#parts.shared.list(place);
  }

  /** Every file below, with its path relative to the place, by path; the file itself as "" when it is one. */
  async walk(caller: Caller, place: ArtifactPlace): Promise<{ path: string; bytes: number }[]> {
    await this.#require(caller, "viewer", place);
    return typeof place === "string" ? this.#parts.store.walk(place) : this.#parts.shared.walk(place);
  }

  /** Throws NOT_SUPPORTED for shared folders. */
  async remove(caller: Caller, place: ArtifactPlace): Promise<void> {
    await this.#require(caller, "contributor", place);
    if (typeof place !== "string") throw new AppError("NOT_SUPPORTED", "These artifacts are in a shared folder: the server removes nothing there.");
    await this.#parts.store.remove(place);
  }

  /** Paths that are below no experiment are for those alone who have the role on the whole server. */
  async #require(caller: Caller, role: Role, place: ArtifactPlace): Promise<void> {
    const [experiment, path] = typeof place === "string" ? [place.split("/", 1)[0]!, place] : [place.experiment, place.path];
    const missing = new AppError("ARTIFACT_NOT_FOUND", `There is no artifact ${JSON.stringify(path.slice(0, 300))}.`);
    const team = experiment === "" ? null : await this.#parts.teamOfExperiment(experiment);
    if (team !== null) requireOn(caller, role, { kind: "experiment", name: experiment, team }, missing);
    else if (!mayOnServer(caller, role)) throw missing;
  }
}
