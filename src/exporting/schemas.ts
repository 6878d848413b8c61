import { z } from "zod";
import { Datatype } from "../core/tensor.ts";
import { Digest } from "../core/names.ts";
import { TensorSpec } from "../registry/index.ts";

/** The oldest operator set that is made; what is younger than the converters know is their refusal. */
export const oldestOpset = 17;

/** A file that was uploaded, or the address of a model that is kept here. */
export const ExportSource = z
  .union([
    z.strictObject({ artifact: Digest, fileName: z.string().min(1).max(255).meta({ description: "Its ending says what it is; a folder is a .tar" }) }),
    z.strictObject({ uri: z.string().min(1).max(2000).meta({ description: "runs:/RUN/PATH, the id of a run, models:/m-ID of a logged model, models:/NAME/VERSION or models:/NAME@ALIAS" }) }),
  ])
  .meta({ id: "ExportSource" });
export type ExportSource = z.infer<typeof ExportSource>;

export const ExportRequest = z
  .strictObject({
    source: ExportSource,
    to: z.literal("onnx"),
    opset: z.number().int().min(oldestOpset).max(100).optional().meta({ description: "Operator set of the file; without one, what the converter supports" }),
    force: z.boolean().default(false).meta({ description: "Answers a file also where it does not answer what the model does" }),
    team: z.string().min(1).max(128).default("default").meta({ description: "Of an uploaded file: the team in which the run is seen; others are seen in their object's team" }),
  })
  .meta({ id: "ExportRequest" });
export type ExportRequest = z.infer<typeof ExportRequest>;

/** How one output of the ONNX file differs from that of the model. */
export const OutputDifference = z
  .object({
    output: z.string(),
    datatype: Datatype,
    /** Null where values are not numbers. */
    largestAbsolute: z.number().nullable(),
    largestRelative: z.number().nullable(),
    /** Values beyond the tolerance: of floats 1e-5 + 1e-4 of the value, of everything else any difference. */
    beyond: z.number().int(),
    values: z.number().int(),
  })
  .meta({ id: "OutputDifference" });
export type OutputDifference = z.infer<typeof OutputDifference>;

export const ExportReport = z
  .object({
    /** The ONNX file, which may be deployed by whoever exported it. */
    artifact: Digest,
    bytes: z.number().int(),
    /** A name for it. */
    fileName: z.string(),
    converter: z.string(),
    converterVersion: z.string(),
    opset: z.number().int(),
    inputs: z.array(TensorSpec),
    outputs: z.array(TensorSpec),
    comparison: z.object({
      rows: z.number().int(),
      on: z.enum(["input example", "made-up values"]).meta({ description: "made-up values: the model has no input example, so they were made from its signature" }),
      outputs: z.array(OutputDifference),
      agrees: z.boolean(),
    }),
    /** In sentences for people. */
    notes: z.array(z.string()),
  })
  .meta({ id: "ExportReport" });
export type ExportReport = z.infer<typeof ExportReport>;
