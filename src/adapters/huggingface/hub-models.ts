import type { Caller } from "../../core/caller.ts";
import type { EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { Artifact, ModelSourceReader, SourceModel, VersionSource } from "../../registry/index.ts";
import { isHubAddress, parseHubAddress } from "./hub-address.ts";
import type { HubRepository } from "./hub-repository.ts";

/** What the files of a model say by themselves. */
type FolderModel = Omit<SourceModel, "evaluation" | "lineage" | "source">;

/** Models in repositories of the hub, by `hf://owner/name`; every other address is another reader's. */
export class HubModels implements ModelSourceReader {
  readonly #parts: { repository: HubRepository; readFolder: (files: readonly Artifact[]) => Promise<FolderModel | null>; others: ModelSourceReader };

  constructor(parts: { repository: HubRepository; readFolder: (files: readonly Artifact[]) => Promise<FolderModel | null>; others: ModelSourceReader }) {
    this.#parts = parts;
  }

  async read(source: VersionSource, by: { caller: Caller; now: EpochMs }): Promise<SourceModel | null> {
    const { repository, readFolder, others } = this.#parts;
    if (!isHubAddress(source.uri)) return others.read(source, by);
    const { files, commit, source: pinned } = await repository.read(parseHubAddress(source.uri));
    const model = await readFolder(files);
    if (model === null) throw new AppError("MODEL_SOURCE_INVALID", `What ${pinned.slice(0, 300)} holds is no model that is known here.`);
    return { ...model, source: pinned, evaluation: {}, lineage: { codeRevision: commit } };
  }

  async readFile(file: Parameters<NonNullable<ModelSourceReader["readFile"]>>[0]): Promise<SourceModel | null> {
    return (await this.#parts.others.readFile?.(file)) ?? null;
  }
}
