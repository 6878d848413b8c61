import { stat } from "node:fs/promises";
import { dirname, isAbsolute } from "node:path";
import type { EgressClient } from "../../core/egress.ts";
import { AppError } from "../../core/errors.ts";
import type { ImportSource } from "../../importing/import-source.ts";
import type { ImportRequest } from "../../importing/schemas.ts";
import { LocalArtifacts } from "./local-artifacts.ts";
import { MlrunsSource } from "./mlruns-source.ts";
import { RestSource } from "./rest-source.ts";
import { SqliteReader } from "./sqlite-reader.ts";
import { SqliteSource } from "./sqlite-source.ts";
import { WandbSource } from "./wandb-source.ts";

export interface ImportSourceOptions {
  egress: EgressClient;
  /** The header with which MLflow servers are asked; never written down. */
  authorization: string | undefined;
}

/** Opens what an import names. Paths are those of this machine and absolute. Throws IMPORT_SOURCE_INVALID, EGRESS_REFUSED. */
export async function openImportSource({ kind, from, artifacts }: ImportRequest, { egress, authorization }: ImportSourceOptions): Promise<ImportSource> {
  artifacts.forEach(assertAbsolute);
  if (kind === "mlflow" && /^https?:\/\//i.test(from)) {
    if (/^https?:\/\/[^/]*@/i.test(from)) throw new AppError("IMPORT_SOURCE_INVALID", "The URL holds credentials, which would be written into the journal: set SLIPWAY_IMPORT_AUTHORIZATION for the server instead.");
    egress.assertPlausible(from);
    return new RestSource({ egress, url: from, authorization });
  }
  if (kind === "mlflow" && /^sqlite:/i.test(from)) {
    const file = /^sqlite:\/\/\/(.+)$/is.exec(from)?.[1] ?? "";
    // sqlite:////file is how an absolute path is usually written.
    const path = file.startsWith("//") ? file.slice(1) : file;
    assertAbsolute(path);
    if (!(await isKind(path, "file"))) throw new AppError("IMPORT_SOURCE_INVALID", "There is no such file on the server's machine, or the server cannot read it.");
    return new SqliteSource(new SqliteReader(path), new LocalArtifacts(dirname(path), artifacts));
  }
  assertAbsolute(from);
  if (!(await isKind(from, "folder"))) throw new AppError("IMPORT_SOURCE_INVALID", "There is no such folder on the server's machine, or the server cannot read it.");
  return kind === "wandb" ? new WandbSource(from) : new MlrunsSource(from, new LocalArtifacts(from, artifacts));
}

function assertAbsolute(path: string): void {
  if (!isAbsolute(path)) throw new AppError("IMPORT_SOURCE_INVALID", "Files and folders are named by their absolute paths on the server's machine.");
}

async function isKind(path: string, kind: "file" | "folder"): Promise<boolean> {
  return stat(path).then((found) => (kind === "file" ? found.isFile() : found.isDirectory()), () => false);
}
