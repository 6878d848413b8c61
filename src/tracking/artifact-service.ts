import type { Readable } from "node:stream";
import { mayOnServer, type Caller, type Role } from "../core/caller.ts";
import { AppError } from "../core/errors.ts";
import { requireOn } from "../core/request-gate.ts";
import type { ArtifactEntry, ArtifactStore } from "./artifact-store.ts";

type MaybePromise<Value> = Value | Promise<Value>;

export interface ArtifactServiceParts {
  store: ArtifactStore;
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

/** Artifacts below the experiments that they belong to: the first segment of a path is the experiment's id, and its access is theirs. */
export class ArtifactService {
  readonly #parts: ArtifactServiceParts;

  constructor(parts: ArtifactServiceParts) {
    this.#parts = parts;
  }

  /** Throws INVALID_PARAMETER, BODY_INCOMPLETE, EXPERIMENT_NOT_FOUND, FORBIDDEN. */
  async write(caller: Caller, path: string, content: Readable): Promise<{ bytes: number }> {
    await this.#require(caller, "contributor", path);
    return this.#parts.store.write(path, content);
  }

  /** Throws ARTIFACT_NOT_FOUND, also for what the caller may not see. */
  async stat(caller: Caller, path: string): Promise<{ bytes: number; modifiedAt: number }> {
    await this.#require(caller, "viewer", path);
    return this.#parts.store.stat(path);
  }

  async read(caller: Caller, path: string, range?: { start: number; end: number }): Promise<Readable> {
    await this.#require(caller, "viewer", path);
    return this.#parts.store.read(path, range);
  }

  async list(caller: Caller, path: string): Promise<ArtifactEntry[]> {
    await this.#require(caller, "viewer", path);
    return this.#parts.store.list(path);
  }

  async remove(caller: Caller, path: string): Promise<void> {
    await this.#require(caller, "contributor", path);
    await this.#parts.store.remove(path);
  }

  /** Paths that are below no experiment are for those alone who have the role on the whole server. */
  async #require(caller: Caller, role: Role, path: string): Promise<void> {
    const experiment = path.split("/", 1)[0]!;
    const missing = new AppError("ARTIFACT_NOT_FOUND", `There is no artifact ${JSON.stringify(path.slice(0, 300))}.`);
    const team = experiment === "" ? null : await this.#parts.teamOfExperiment(experiment);
    if (team !== null) requireOn(caller, role, { kind: "experiment", name: experiment, team }, missing);
    else if (!mayOnServer(caller, role)) throw missing;
  }
}
