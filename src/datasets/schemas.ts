import { z } from "zod";
import { Digest, isSafeName } from "../core/names.ts";
import { ColumnProfile } from "../registry/index.ts";

const Timestamp = z.number().int().nonnegative().meta({ description: "Milliseconds since 1970-01-01T00:00:00Z" });

export const DatasetName = z
  .string()
  .refine(isSafeName, "1 to 128 letters, digits, dots, dashes and underscores, starting with a letter or digit")
  .meta({ id: "DatasetName", description: "Name of a dataset", example: "flights-2013-test" });
export type DatasetName = z.infer<typeof DatasetName>;

export const DatasetFormat = z.enum(["parquet", "csv"]);
export type DatasetFormat = z.infer<typeof DatasetFormat>;

export const DatasetColumn = z.object({
  name: z.string(),
  kind: z.enum(["boolean", "integer", "float", "text", "timestamp", "other"]).meta({ description: "What the file's type amounts to; other is nested or binary" }),
});
export type DatasetColumn = z.infer<typeof DatasetColumn>;

/** One content of a dataset. It never changes. */
export const DatasetVersion = z
  .object({
    dataset: DatasetName,
    version: z.number().int().min(1),
    digest: Digest.meta({ description: "SHA-256 of the file" }),
    bytes: z.number().int().nonnegative(),
    format: DatasetFormat,
    rows: z.number().int().nonnegative(),
    columns: z.array(DatasetColumn).meta({ description: "In the order of the file" }),
    /** Of every column that is not `other`; `input` is the column's own name and `index` 0. Of wide tables only the most frequent categories. */
    profile: z.array(ColumnProfile),
    target: z.string().nullable().meta({ description: "Column that models are to predict" }),
    source: z.string().meta({ description: "Where it is from, as who added it said; empty for an upload" }),
    createdAt: Timestamp,
    owner: z.string().meta({ description: "Actor that added it" }),
  })
  .meta({ id: "DatasetVersion" });
export type DatasetVersion = z.infer<typeof DatasetVersion>;

export const HeldDataset = z
  .object({
    name: DatasetName,
    description: z.string(),
    team: z.string().meta({ description: "Whose it is; it stays" }),
    owner: z.string().meta({ description: "Actor that made it" }),
    createdAt: Timestamp,
    updatedAt: Timestamp,
    latestVersion: z.number().int().min(1),
  })
  .meta({ id: "HeldDataset" });
export type HeldDataset = z.infer<typeof HeldDataset>;

/** Body of `POST /api/datasets/:dataset/versions`; the file was uploaded with `PUT /api/blobs` before. */
export const NewDatasetVersion = z
  .strictObject({
    digest: Digest,
    format: DatasetFormat,
    target: z.string().max(500).optional(),
    source: z.string().max(2000).default(""),
    description: z.string().max(2000).optional(),
    team: z.string().refine(isSafeName, "the name of a team").optional().meta({ description: "Whose a new dataset is: default where it is not said" }),
  })
  .meta({ id: "NewDatasetVersion" });
export type NewDatasetVersion = z.infer<typeof NewDatasetVersion>;

/** A version without its profile, as lists have it. */
export const DatasetVersionSummary = DatasetVersion.omit({ profile: true }).meta({ id: "DatasetVersionSummary" });
export type DatasetVersionSummary = z.infer<typeof DatasetVersionSummary>;

/** Some rows of a version, for people to look at. */
export const DatasetRows = z
  .object({
    columns: z.array(DatasetColumn),
    rows: z
      .array(z.array(z.union([z.number(), z.string(), z.boolean(), z.null()])))
      .meta({ description: "Cells in the order of the columns. Missing is null; NaN, infinities and integers beyond 2^53 are texts; texts end after 1,000 characters with …" }),
    offset: z.number().int(),
    total: z.number().int().meta({ description: "Rows of the whole file" }),
  })
  .meta({ id: "DatasetRows" });
export type DatasetRows = z.infer<typeof DatasetRows>;

/** Where a version's content was used. */
export const DatasetUse = z
  .object({
    models: z.array(z.object({ model: z.string(), version: z.string() })).meta({ description: "Versions whose contract names the digest, at most 100" }),
    evaluations: z.array(z.object({ model: z.string(), version: z.string(), evaluation: z.string() })).meta({ description: "Evaluations on it, newest first, at most 100" }),
  })
  .meta({ id: "DatasetUse" });
export type DatasetUse = z.infer<typeof DatasetUse>;

/** A dataset as clients of MLflow logged it with a run: what it was, not its content. */
export const LoggedDataset = z
  .object({
    name: z.string(),
    digest: z.string().meta({ description: "As its client computed it" }),
    experiment: z.string(),
    sourceType: z.string(),
    source: z.string(),
    schema: z.string().nullable().meta({ description: "JSON" }),
    profile: z.string().nullable().meta({ description: "JSON" }),
    runs: z.number().int().nonnegative(),
    contexts: z.array(z.string()).meta({ description: "What runs used it for, such as training" }),
  })
  .meta({ id: "LoggedDataset" });
export type LoggedDataset = z.infer<typeof LoggedDataset>;
