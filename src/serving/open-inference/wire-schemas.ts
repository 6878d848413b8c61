import { z } from "zod";
import { ModelName } from "../../core/names.ts";

/** Schemas of the answers that are JSON documents, for the reference. */
const TensorMetadata = z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.number().int()).meta({ description: "-1 is a variable dimension" }) });

export const ServerMetadata = z.object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) }).meta({ id: "ServerMetadata" });

export const ModelMetadata = z
  .object({ name: z.string(), versions: z.array(z.string()), platform: z.string(), inputs: z.array(TensorMetadata), outputs: z.array(TensorMetadata) })
  .meta({ id: "ModelMetadata" });

export const ModelReady = z.object({ name: z.string(), ready: z.boolean() }).meta({ id: "ModelReady" });

export const RepositoryIndex = z
  .array(z.object({ name: z.string(), version: z.string(), state: z.string().meta({ example: "READY" }), reason: z.string() }))
  .meta({ id: "RepositoryIndex" });

const Duration = z.object({ count: z.number().int(), ns: z.number().int() });

export const ModelStatistics = z
  .object({
    model_stats: z.array(
      z.object({
        name: z.string(),
        version: z.string(),
        last_inference: z.number().int().meta({ description: "Milliseconds since 1970-01-01T00:00:00Z; 0 = never" }),
        inference_count: z.number().int().meta({ description: "Rows predicted by the model" }),
        execution_count: z.number().int().meta({ description: "Runs of the model" }),
        inference_stats: z.record(z.string(), Duration),
        batch_stats: z.array(z.object({ batch_size: z.number().int(), compute_input: Duration, compute_infer: Duration, compute_output: Duration })),
      }),
    ),
  })
  .meta({ id: "ModelStatistics" });

export const ModelStatusV1 = z
  .object({
    name: z.string(),
    ready: z.boolean(),
    model_version_status: z.array(z.object({ version: z.string(), state: z.string(), status: z.object({ error_code: z.string(), error_message: z.string() }) })),
  })
  .meta({ id: "ModelStatusV1" });

export const ModelParams = z.strictObject({ model: ModelName });
/** Also what the gateway calls PROVIDER/MODEL. */
export const AnyModelParams = z.strictObject({ model: z.string().min(1).max(400) });
/** Any text: one that is no version of the model is not found, rather than malformed. */
export const VersionParams = z.strictObject({ model: ModelName, version: z.string().min(1).max(128) });

/** Bodies of the repository extension. */
export const RepositoryRequest = z.object({
  ready: z.boolean().optional(),
  parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
});
export type RepositoryRequest = z.infer<typeof RepositoryRequest>;
