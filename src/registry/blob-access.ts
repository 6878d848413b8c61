import { mayInTeam, mayOn, mayOnServer, type Caller } from "../core/caller.ts";
import { denial } from "../core/request-gate.ts";
import type { BlobOwners } from "./blob-owners.ts";
import { missingBlob } from "./blob-store.ts";

/**
 * Lets pass who uploaded the file, who sees a version that names it or a dataset that has it as a version, and deployers of the whole server. Whoever
 * knows no more than a digest is told that there is no such file. Throws BLOB_NOT_FOUND.
 */
export async function requireBlob(owners: BlobOwners, caller: Caller, digest: string): Promise<void> {
  if (mayOnServer(caller, "deployer") || (await owners.hasUploaded(digest, caller.actor))) return;
  const models = await owners.modelsNaming(digest);
  if (models.some(({ name, team }) => mayOn(caller, "viewer", { kind: "model", name, team }))) return;
  if ((await owners.teamsWithDataset(digest)).some((team) => mayInTeam(caller, "viewer", team))) return;
  throw denial(missingBlob(digest));
}
