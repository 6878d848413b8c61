import type { Caller } from "../core/caller.ts";
import type { EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { emptyContract, type ContractBuilder, type MakeContract } from "./contract-builder.ts";
import { isLocalLocation } from "../core/local-path.ts";
import { assertSource } from "./model-rules.ts";
import type { ModelSourceReader, RequireLocalSource } from "./model-source.ts";
import type { VersionFacts } from "./registry-store.ts";
import type { ModelVersion } from "./schemas.ts";

/** A version as a client registers it: by the address of its files. */
export interface SourceRequest extends VersionFacts {
  model: string;
  source: string;
  /** The address is data of the client's own, such as that of a prompt: nothing is read. */
  unread?: boolean;
}

type ReadVersion = (model: string, version: string) => Promise<ModelVersion>;

interface SourceRegistrationParts {
  contracts: ContractBuilder;
  sources?: ModelSourceReader;
  /** Without it no local path is a source. */
  requireLocalSource?: RequireLocalSource;
}

/** Makes the contract of a version out of what is at its source. */
export class SourceRegistration {
  readonly #parts: SourceRegistrationParts;

  constructor(parts: SourceRegistrationParts) {
    this.#parts = parts;
  }

  /** Throws MODEL_SOURCE_INVALID for an address that is refused. */
  async judge(caller: Caller, { source: uri, runId, loggedModel }: SourceRequest): Promise<void> {
    const { requireLocalSource } = this.#parts;
    assertSource(uri, { mayBeLocal: requireLocalSource !== undefined });
    if (isLocalLocation(uri)) await requireLocalSource?.({ uri, ...(runId === undefined ? {} : { runId }), ...(loggedModel === undefined ? {} : { loggedModel }) }, caller);
  }

  /** Of an address that was judged. `readVersion` judges what the caller may see. */
  async read(caller: Caller, request: SourceRequest, now: EpochMs, readVersion: ReadVersion): Promise<{ make: MakeContract; facts: VersionFacts }> {
    const { model, unread = false, ...facts } = request;
    if (unread) return { make: emptyContract(model, []), facts };
    const copied = /^models:\/([^/@]+)\/([^/@]+)$/.exec(request.source);
    if (copied !== null) return this.#copy(request, await readVersion(copied[1]!, copied[2]!));
    const { sources, contracts } = this.#parts;
    const { source: uri, runId, loggedModel } = request;
    const lineage = loggedModel === undefined ? {} : { loggedModel };
    try {
      const found = await sources?.read({ uri, ...(runId === undefined ? {} : { runId }), ...(loggedModel === undefined ? {} : { loggedModel }) }, { caller, now });
      if (found === null || found === undefined) return { make: emptyContract(model, [`Nothing that can be read as a model was found at ${uri.slice(0, 500)}.`], lineage), facts };
      const run = runId ?? found.lineage.run?.id;
      const logged = loggedModel ?? found.lineage.loggedModel;
      return {
        make: await contracts.source(model, found),
        facts: { ...facts, ...(run === undefined ? {} : { runId: run }), ...(logged === undefined ? {} : { loggedModel: logged }) },
      };
    } catch (error) {
      // The client has logged the model and only tells of it: a model that cannot run here is registered with the reason.
      if (!(error instanceof AppError) || error.status >= 500) throw error;
      return { make: emptyContract(model, [error.message], lineage), facts };
    }
  }

  /** A version of another version: the same files, judged already. */
  #copy({ model, unread: _, ...facts }: SourceRequest, original: ModelVersion): { make: MakeContract; facts: VersionFacts } {
    const { runId, loggedModel } = original;
    return {
      make: (version, parent) => {
        const { parentVersion: _parent, ...lineage } = original.contract.lineage;
        return { ...original.contract, model, version, lineage: { ...lineage, ...(parent === null ? {} : { parentVersion: parent }) } };
      },
      facts: { ...(runId === null ? {} : { runId }), ...(loggedModel === null ? {} : { loggedModel }), ...facts },
    };
  }
}
