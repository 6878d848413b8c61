import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { z } from "zod";
import { epochMs, type EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { Digest } from "../core/names.ts";
import type { BlobStore } from "../registry/index.ts";
import { workflow, type StepContext, type WorkflowDefinition } from "../workflows/index.ts";
import { Conversion, type ConversionParts } from "./conversion.ts";
import type { OriginalModel } from "./model-converter.ts";
import { LocatedModel, type OriginalModels } from "./original-models.ts";
import { oldestOpset, type ExportReport } from "./schemas.ts";

export const exportWorkflowName = "export";
const hourMs = 3_600_000;

export interface ExportParts extends ConversionParts {
  originals: OriginalModels;
  /** The file may be deployed by whoever started the run. */
  noteUpload(digest: string, actor: string, now: EpochMs): Promise<void>;
  ownerOf(run: string): Promise<string>;
}

/** What a run is started with: the located model is a file of the blob store, since a folder can have thousands of files. */
const ExportInput = z.strictObject({
  located: Digest,
  opset: z.number().int().min(oldestOpset).nullable(),
  force: z.boolean(),
});
type ExportInput = z.infer<typeof ExportInput>;

/** A refusal is a result of the step, for to try again would bring the same. */
type Outcome<Value> = { value: Value } | { refused: { code: AppError["code"]; message: string } };

/**
 * Reads a model, converts it and compares. Environments take minutes to build: what is going on is the run's progress. Started by the
 * route alone, which judges who may; by hand it needs an admin.
 */
export function exportWorkflow(parts: ExportParts): WorkflowDefinition {
  return workflow<ExportInput, ExportReport>({
    name: exportWorkflowName,
    version: 1,
    description: "Convert a model to ONNX and compare what both answer",
    input: ExportInput,
    starter: "admin",
    concurrency: { limit: 2 },
    timeoutMs: 6 * hourMs,
    async run(context, { located, opset, force }) {
      const step = async <Value>(name: string, work: (step: StepContext) => Promise<Value>): Promise<Value> => {
        const outcome = await context.step<Outcome<Value>>(name, (each) => refusable(() => work(each)), { timeoutMs: 2 * hourMs, retry: { maxAttempts: 3 } });
        if ("refused" in outcome) throw new AppError(outcome.refused.code, outcome.refused.message);
        return outcome.value;
      };
      const original = await step<OriginalModel & { name: string; notes: readonly string[] }>("read", async ({ progress }) => {
        progress(0.05, "reading the model; an environment that is not there yet is built first");
        const model = await readLocated(parts.blobs, located);
        return { name: model.name, ...(await parts.originals.read(model)) };
      });
      return step("convert", async (each) => {
        const report = await new Conversion(parts, original, { opset, force }, each).run();
        await parts.noteUpload(report.artifact, await parts.ownerOf(context.runId), epochMs(context.startedAt));
        return report;
      });
    },
  }) as WorkflowDefinition;
}

/** Keeps what was located for the run. */
export async function keepLocated(blobs: BlobStore, located: LocatedModel): Promise<string> {
  return (await blobs.put(Readable.from([Buffer.from(JSON.stringify(located))]))).digest;
}

async function readLocated(blobs: BlobStore, digest: string): Promise<LocatedModel> {
  return LocatedModel.parse(JSON.parse(await readFile(await blobs.verifiedPath(digest), "utf8")));
}

async function refusable<Value>(work: () => Promise<Value>): Promise<Outcome<Value>> {
  try {
    return { value: await work() };
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500) throw error;
    return { refused: { code: error.code, message: error.message } };
  }
}

/** The report of an export that has ended well. Throws what the run failed with, RUN_STATE_CONFLICT before its end. */
export function reportOf(run: { id: string; workflow: string; state: string; output: unknown; error: { code: string; message: string } | null }): ExportReport {
  if (run.workflow !== exportWorkflowName) throw new AppError("RUN_NOT_FOUND", `The workflow run ${run.id} is no export.`);
  if (run.state === "failed") throw new AppError("EXPORT_FAILED", run.error?.message ?? "The export failed.");
  if (run.state !== "succeeded") throw new AppError("RUN_STATE_CONFLICT", `The export ${run.id} is ${run.state}: it has a report when it has succeeded.`);
  return run.output as ExportReport;
}
