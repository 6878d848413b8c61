import type { EpochMs } from "../core/clock.ts";

/**
 * Who may use which stored file: knowing its digest is no right to it. Adapters prove themselves with
 * `blob-owners.conformance.ts`.
 */
export interface BlobOwners {
  /** Durable when it has answered. The same actor's earlier upload of the same file is renewed. */
  noteUpload(digest: string, actor: string, now: EpochMs): Promise<void>;
  hasUploaded(digest: string, actor: string): Promise<boolean>;
  /** Models of which some version's contract names the file, as artifact, source or data; by name. */
  modelsNaming(digest: string): Promise<{ name: string; team: string }[]>;
  /** Teams that have a dataset with the file as one of its versions. */
  teamsWithDataset(digest: string): Promise<string[]>;
  /** Forgets uploads before the time; answers how many. What versions name is found without them. */
  pruneUploads(before: EpochMs): Promise<number>;
}
