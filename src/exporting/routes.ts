import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { z } from "zod";
import { mayInTeam, type Caller } from "../core/caller.ts";
import { AppError } from "../core/errors.ts";
import { denial } from "../core/request-gate.ts";
import { HttpAnswer, route, type Route } from "../core/route.ts";
import type { BlobStore } from "../registry/index.ts";
import { WorkflowRun, type WorkflowService } from "../workflows/index.ts";
import { exportWorkflowName, keepLocated, reportOf } from "./export-workflow.ts";
import type { OriginalModels } from "./original-models.ts";
import { ExportReport, ExportRequest } from "./schemas.ts";

const tag = "Exporting";
const RunParams = z.strictObject({ run: z.string().max(40) });

export interface ExportRouteParts {
  workflows: WorkflowService;
  originals: OriginalModels;
  blobs: BlobStore;
}

/** Exports run code of models on the server: deployers start them. Their results are for those who see the run and may deploy in its team. */
export function exportRoutes({ workflows, originals, blobs }: ExportRouteParts): Route[] {
  const report = async (id: string, caller: Caller): Promise<ExportReport> => {
    const run = await workflows.find(id);
    // Whoever started it may have the right on one object of the team alone.
    if (!mayInTeam(caller, "deployer", run.team) && run.owner !== caller.actor) throw denial(new AppError("RUN_NOT_FOUND", `There is no workflow run ${JSON.stringify(id)}.`));
    return reportOf(run);
  };
  return [
    route({
      method: "POST", path: "/api/exports", access: "deployer", on: "some", tag,
      operationId: "startExport", summary: "Convert a model to ONNX and compare what both answer",
      description: "Starts a run of the workflow `export`: environments take minutes to build. Models of scikit-learn, XGBoost, LightGBM and PyTorch have converters.",
      body: { kind: "json", schema: ExportRequest }, response: z.object({ run: WorkflowRun }),
      handle: async ({ body, caller, now, auditAs }) => {
        const located = await originals.locate(body.source, { caller, now, team: body.team });
        const { run } = await workflows.start(exportWorkflowName, { input: { located: await keepLocated(blobs, located), opset: body.opset ?? null, force: body.force }, team: located.team }, caller.actor);
        auditAs({ object: `workflow:${exportWorkflowName}`, detail: { run: run.id, source: "uri" in body.source ? body.source.uri : body.source.artifact } });
        return { run };
      },
    }),
    route({
      method: "GET", path: "/api/exports/:run/report", access: "deployer", on: "some", tag,
      operationId: "exportReport", summary: "What an export made, and how it compares",
      params: RunParams, response: ExportReport,
      handle: ({ params, caller }) => report(params.run, caller),
    }),
    route({
      method: "GET", path: "/api/exports/:run/model", access: "deployer", on: "some", tag,
      operationId: "downloadExport", summary: "The ONNX file of an export",
      description: "It is kept for a day, and for as long as a version names it.",
      params: RunParams, response: { mediaType: "application/octet-stream", description: "The file's bytes" },
      handle: async ({ params, caller }) => {
        const { artifact, fileName } = await report(params.run, caller);
        const path = await blobs.verifiedPath(artifact);
        const headers = {
          "Content-Type": "application/octet-stream", "Content-Length": String((await stat(path)).size), ETag: `"${artifact.slice("sha256:".length)}"`,
          "Content-Disposition": `attachment; filename*=UTF-8''${encodeURIComponent(fileName).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16)}`)}`,
        };
        return new HttpAnswer(200, headers, createReadStream(path));
      },
    }),
  ];
}
