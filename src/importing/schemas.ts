import { z } from "zod";

export const ImportKind = z.enum(["mlflow", "wandb"]);
export type ImportKind = z.infer<typeof ImportKind>;

export const ImportRequest = z
  .strictObject({
    kind: ImportKind,
    from: z.string().min(1).max(2000).meta({ description: "sqlite:///FILE, an http(s) URL, or a folder; files and folders are those of the server's machine" }),
    experiments: z.array(z.string().min(1).max(500)).max(1000).optional().meta({ description: "Names; all where none are given" }),
    /** Further folders below which artifacts may be read. */
    artifacts: z.array(z.string().min(1).max(2000)).max(20).default([]),
    dryRun: z.boolean().default(false).meta({ description: "Counts what would come and writes nothing" }),
    team: z.string().min(1).max(128).default("default").meta({ description: "Whose new experiments and models become" }),
  })
  .meta({ id: "ImportRequest" });
export type ImportRequest = z.infer<typeof ImportRequest>;

/** How many of each kind came, and how many were there already. */
export const ImportCounts = z.record(z.string(), z.number().int());
export type ImportCounts = z.infer<typeof ImportCounts>;

export const ImportNote = z.object({ object: z.string(), why: z.string() });
export type ImportNote = z.infer<typeof ImportNote>;

export const ImportReport = z
  .object({
    dryRun: z.boolean(),
    counts: ImportCounts,
    /** What could not come, and why; at most 1,000. */
    notes: z.array(ImportNote),
    /** Notes beyond those. */
    furtherNotes: z.number().int(),
  })
  .meta({ id: "ImportReport" });
export type ImportReport = z.infer<typeof ImportReport>;
