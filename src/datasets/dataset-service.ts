import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { isWhole, mayInTeam, mayOn, requireInTeam, type Caller, type Role } from "../core/caller.ts";
import type { EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { denial } from "../core/request-gate.ts";
import { requireBlob, type BlobOwners, type BlobStore, type ReferenceProfiler } from "../registry/index.ts";
import type { VisibleExperiments } from "../tracking/index.ts";
import type { DatasetFacts, DatasetStore } from "./dataset-store.ts";
import { keepSmall, profileRequests } from "./dataset-profile.ts";
import type { DatasetFormat, DatasetRows, DatasetUse, DatasetVersion, HeldDataset, LoggedDataset, NewDatasetVersion } from "./schemas.ts";
import type { CellValue, TableReader } from "./table-reader.ts";

export interface DatasetServiceParts {
  store: DatasetStore;
  blobs: BlobStore;
  owners: BlobOwners;
  profiler: ReferenceProfiler;
  reader: TableReader;
  /** Which experiments a caller sees, for what runs logged. */
  visibleExperiments(caller: Caller): Promise<VisibleExperiments>;
}

const defaultTeam = "default";
const maxColumns = 5000;
const maxCellCharacters = 1000;
const maxUses = 100;
const maxSearched = 100;

/** The one way to say that a dataset is not there, for those that are not and for those that the caller may not see. */
function missingDataset(name: string): AppError {
  return new AppError("DATASET_NOT_FOUND", `There is no dataset named ${JSON.stringify(name.slice(0, 140))}.`);
}

/** Datasets for those who may see them: a dataset belongs to a team, and whoever has the role on everything of the team has it on the dataset. */
export class DatasetService {
  readonly #parts: DatasetServiceParts;

  constructor(parts: DatasetServiceParts) {
    this.#parts = parts;
  }

  /** By name. */
  list(caller: Caller, page: { after: string | null; limit: number }): Promise<HeldDataset[]> {
    const whole = caller.grants.filter(isWhole).map(({ team }) => team);
    return this.#parts.store.list({ teams: whole.includes("*") ? null : [...new Set(whole)], ...page });
  }

  /** Throws DATASET_NOT_FOUND, as all that follow, also for what the caller may not see. */
  dataset(caller: Caller, name: string): Promise<HeldDataset> {
    return this.#require(caller, "viewer", name);
  }

  /** Newest first. */
  async versions(caller: Caller, name: string, page: { before: number | null; limit: number }): Promise<DatasetVersion[]> {
    await this.dataset(caller, name);
    return this.#parts.store.listVersions(name, page);
  }

  /** The latest without a number. Throws DATASET_VERSION_NOT_FOUND, as all that follow. */
  async version(caller: Caller, name: string, version?: number): Promise<DatasetVersion> {
    await this.dataset(caller, name);
    const found = await this.#parts.store.findVersion(name, version);
    if (found === null) throw new AppError("DATASET_VERSION_NOT_FOUND", `${name} has no version ${version ?? 1}.`);
    return found;
  }

  /** The newest version, of the last 100, whose digest begins with these 12 or more hexadecimal digits, with or without `sha256:`; null where there is none to be seen. */
  async versionOfDigest(caller: Caller, name: string, digest: string): Promise<DatasetVersion | null> {
    const beginning = /^(?:sha256:)?([0-9a-f]{12,64})$/.exec(digest)?.[1];
    const dataset = beginning === undefined ? null : await this.#parts.store.find(name);
    if (dataset === null || !mayInTeam(caller, "viewer", dataset.team)) return null;
    const versions = await this.#parts.store.listVersions(name, { before: null, limit: maxSearched });
    return versions.find((version) => version.digest.startsWith(`sha256:${beginning!}`)) ?? null;
  }

  /** Where its content is used, among the models that the caller sees. */
  async use(caller: Caller, name: string, version: number): Promise<DatasetUse> {
    const { store } = this.#parts;
    const { digest } = await this.version(caller, name, version);
    const models = (await store.modelsUsing(digest)).filter((model) => mayOn(caller, "viewer", { kind: "model", ...model }));
    return store.listUse(digest, models.map((model) => model.name), maxUses);
  }

  /** For people to look at. Throws BLOB_NOT_FOUND, BLOB_CORRUPT, REFERENCE_INVALID. */
  async rows(caller: Caller, name: string, version: number, page: { offset: number; limit: number }): Promise<DatasetRows> {
    const { digest, format, columns, rows: total } = await this.version(caller, name, version);
    const read = await this.#parts.reader.readRows(await this.#parts.blobs.verifiedPath(digest), format, columns.map((column) => column.name), page);
    const count = read[0]?.length ?? 0;
    return { columns, rows: Array.from({ length: count }, (_, row) => read.map((values) => shown(values[row]!))), offset: page.offset, total };
  }

  /** The file as it was added. Throws BLOB_NOT_FOUND, BLOB_CORRUPT. */
  async content(caller: Caller, name: string, version: number): Promise<{ version: DatasetVersion; content: Readable }> {
    const found = await this.version(caller, name, version);
    return { version: found, content: createReadStream(await this.#parts.blobs.verifiedPath(found.digest)) };
  }

  /**
   * Reads and profiles the file, then writes the version in one transaction: a file that cannot be read leaves nothing. Whose the dataset is comes
   * first: who may not add to it learns nothing of any file. Throws NAME_TAKEN for a dataset of another team, FORBIDDEN, TEAM_NOT_FOUND, BLOB_NOT_FOUND,
   * BLOB_CORRUPT, REFERENCE_INVALID.
   */
  async add(caller: Caller, name: string, request: NewDatasetVersion, now: EpochMs): Promise<{ version: DatasetVersion; created: boolean }> {
    const { store, blobs, owners } = this.#parts;
    const team = await this.#teamFor(caller, name, request.team);
    const { digest, format, target = null, source, description } = request;
    await requireBlob(owners, caller, digest);
    const path = await blobs.verifiedPath(digest);
    const { size: bytes } = await stat(path);
    const facts: DatasetFacts = { dataset: name, digest, bytes, format, target, source, ...(await this.#read(path, format, target)) };
    return store.addVersion(facts, { actor: caller.actor, now, team, ...(description === undefined ? {} : { description }) });
  }

  /** With all versions. Their files stay as long as anything else names them. Throws FORBIDDEN. */
  async remove(caller: Caller, name: string, now: EpochMs): Promise<HeldDataset> {
    const dataset = await this.#require(caller, "admin", name);
    if (!(await this.#parts.store.remove(name, { actor: caller.actor, now }))) throw missingDataset(name);
    return dataset;
  }

  /** What runs logged that the caller sees, newest first. */
  async logged(caller: Caller, request: { experiment?: string; name?: string; offset: number; limit: number }): Promise<LoggedDataset[]> {
    return this.#parts.store.listLogged({ ...request, visible: await this.#parts.visibleExperiments(caller) });
  }

  async #require(caller: Caller, role: Role, name: string): Promise<HeldDataset> {
    const dataset = await this.#parts.store.find(name);
    if (dataset === null) throw missingDataset(name);
    if (!mayInTeam(caller, "viewer", dataset.team)) throw denial(missingDataset(name));
    requireInTeam(caller, role, dataset.team);
    return dataset;
  }

  async #teamFor(caller: Caller, name: string, wanted: string | undefined): Promise<string> {
    const own = (await this.#parts.store.find(name))?.team;
    const team = own ?? wanted ?? defaultTeam;
    const taken = new AppError("NAME_TAKEN", `The name ${name} is taken.`);
    if (own !== undefined && !mayInTeam(caller, "viewer", own)) throw denial(taken);
    if (own !== undefined && wanted !== undefined && wanted !== own) throw taken;
    requireInTeam(caller, "contributor", team);
    return team;
  }

  async #read(path: string, format: DatasetFormat, target: string | null): Promise<Pick<DatasetFacts, "rows" | "columns" | "profile">> {
    const { profiler } = this.#parts;
    const { rows, columns } = await profiler.describe(path, format);
    if (columns.length > maxColumns) throw new AppError("REFERENCE_INVALID", `The file has ${columns.length.toLocaleString("en")} columns; a dataset has at most ${maxColumns.toLocaleString("en")}.`);
    if (target !== null && !columns.some(({ name, kind }) => name === target && kind !== "other")) {
      throw new AppError("REFERENCE_INVALID", `The file has no column ${JSON.stringify(target.slice(0, 140))} that could be a target.`, { problems: [{ path: "target", message: "is not a column of the file" }] });
    }
    return { rows, columns, profile: keepSmall(await profiler.profile(path, format, profileRequests(columns))) };
  }
}

/** As JSON can say it. */
function shown(value: CellValue): CellValue {
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value !== "string" || value.length <= maxCellCharacters) return value;
  return `${value.slice(0, maxCellCharacters).replace(/[\ud800-\udbff]$/, "")}…`;
}
