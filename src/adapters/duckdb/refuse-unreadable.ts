import { AppError } from "../../core/errors.ts";
import { DuckdbChildError } from "./duckdb-child.ts";

/** A file that kills its reader, or keeps it busy for minutes, is as invalid as one that cannot be parsed. */
export function refuseUnreadable(error: unknown): never {
  if (!(error instanceof DuckdbChildError)) throw error;
  switch (error.reason) {
    case "timeout":
      throw new AppError("REFERENCE_INVALID", "Reading the file took too long; give a random sample of it.", { cause: error });
    case "crashed":
    case "memory":
      throw new AppError("REFERENCE_INVALID", "Reading the file failed: it is damaged, or too large for this machine's memory.", { cause: error });
    case "closed":
      throw new AppError("SHUTTING_DOWN", "The server is going down.", { cause: error });
    case "still":
    case "failed":
      throw new AppError("INTERNAL", "The file could not be read.", { cause: error });
  }
}
