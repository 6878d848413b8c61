import { z } from "zod";
import type { Caller } from "../core/caller.ts";
import type { EpochMs } from "../core/clock.ts";
import { Artifact, PythonFacts, Signature } from "../registry/index.ts";
import type { OriginalModel } from "./model-converter.ts";
import type { ExportSource } from "./schemas.ts";

/** A model that the caller may export: where its files are, and what is known already. */
export const LocatedModel = z.object({
  /** For the name of the file that comes out. */
  name: z.string(),
  /** In whose team the run is seen. */
  team: z.string(),
  files: z.array(Artifact),
  /** Of a registered version. */
  registered: z.object({ python: PythonFacts, signature: Signature }).optional(),
});
export type LocatedModel = z.infer<typeof LocatedModel>;

/** Finds models by what people call them. */
export interface OriginalModels {
  /**
   * Needs the role deployer on what the source names, for an export runs the model's code on the server. Throws what the object's owner
   * throws for what is not there or not to be seen, FORBIDDEN, and EXPORT_FAILED where there is no model or it is ONNX.
   */
  locate(source: ExportSource, by: { caller: Caller; now: EpochMs; team: string }): Promise<LocatedModel>;
  /** Reads the files; a model without a signature is loaded and asked. Throws MODEL_FILE_INVALID, MODEL_PROBE_FAILED, PYTHON_MISSING, ENVIRONMENT_FAILED, EXPORT_FAILED. */
  read(located: LocatedModel): Promise<OriginalModel & { notes: readonly string[] }>;
}
