import { z } from "zod";
import { Digest, isSafeName } from "../core/names.ts";
import { ModelVersion } from "./schemas.ts";
import { UpstreamRequest } from "./upstream-schemas.ts";

/** How addresses begin at which the server itself finds models. */
export const modelAddress = /^(runs|models|mlflow-artifacts|hf):\//;
/** How addresses begin of servers that answer for themselves. */
export const serverAddress = /^https?:\/\//i;

/** Predictions made before: an uploaded table, of which some columns are asked for by the others. */
export const LookupRequest = z
  .strictObject({
    keys: z.array(z.string().min(1).max(500)).min(1).max(16).meta({ description: "Columns that are the inputs; together they name one row" }),
    default: z
      .record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.null()]))
      .optional()
      .meta({ description: "The answer for keys that the table does not have, with a value for every other column; without it they are an error. NaN is null" }),
  })
  .meta({ id: "LookupRequest" });
export type LookupRequest = z.infer<typeof LookupRequest>;

/** Body of `POST /api/models/:model/versions`; files were uploaded with `PUT /api/blobs` before. */
export const DeployRequest = z
  .strictObject({
    artifact: Digest.optional(),
    source: z
      .string()
      .max(2000)
      .regex(modelAddress, "an address such as runs:/RUN/model, models:/m-ID or hf://owner/name@revision")
      .optional()
      .meta({ description: "Where the model is, in the place of an uploaded artifact: a run, a logged model, or a repository of the Hugging Face hub", example: "hf://owner/name@main/onnx" }),
    upstream: UpstreamRequest.optional().meta({ description: "A server that answers, in the place of an uploaded artifact" }),
    lookup: LookupRequest.optional().meta({ description: "Says that the artifact is a table, .parquet or .csv by its file name, in which answers are looked up" }),
    /** Name of the file as the user has it; for messages. */
    fileName: z.string().max(255).default("model.onnx"),
    reference: z
      .union([
        z.strictObject({ digest: Digest, format: z.enum(["parquet", "csv"]) }),
        z.strictObject({ dataset: z.string().min(1).max(128), version: z.number().int().min(1).optional().meta({ description: "The latest where it is not said" }) }),
      ])
      .optional()
      .meta({ description: "Training data: an uploaded file, or a version of a dataset" }),
    /** Column of the reference data that the model predicts; it is not an input. */
    target: z.string().optional(),
    /** Columns of the reference data in the order of the model's input vector, where names cannot tell. */
    columns: z.array(z.string()).optional(),
    allowMissing: z.boolean().default(false),
    evaluation: z.record(z.string().max(200), z.number()).default({}),
    codeRevision: z.string().max(200).optional(),
    description: z.string().max(2000).optional(),
    team: z.string().refine(isSafeName, "the name of a team").optional().meta({ description: "Whose a new model is: default where it is not said" }),
    activate: z
      .boolean()
      .optional()
      .meta({ description: "False registers and loads the version without giving it traffic. Where it is not said it gets the traffic, unless the policy's plan starts a rollout of each new version" }),
  })
  .refine(({ artifact, source, upstream }) => [artifact, source, upstream].filter((given) => given !== undefined).length === 1, "give one of artifact, the digest of an uploaded file, source and upstream")
  .refine(({ artifact, lookup }) => lookup === undefined || artifact !== undefined, "lookup is about an artifact: upload the table first")
  .meta({ id: "DeployRequest" });
export type DeployRequest = z.infer<typeof DeployRequest>;

export const DeployResult = z
  .object({
    version: ModelVersion,
    /** False when the model's latest version has the same content already. */
    created: z.boolean(),
    active: z.boolean(),
    notes: z.array(z.string()),
  })
  .meta({ id: "DeployResult" });
export type DeployResult = z.infer<typeof DeployResult>;
