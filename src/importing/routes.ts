import { z } from "zod";
import { route, type Route } from "../core/route.ts";
import { WorkflowRun, type WorkflowService } from "../workflows/index.ts";
import type { ImportSource } from "./import-source.ts";
import { importWorkflowName, reportOf } from "./import-workflow.ts";
import { ImportReport, ImportRequest } from "./schemas.ts";

const tag = "Importing";

export interface ImportRouteParts {
  workflows: WorkflowService;
  /** Throws IMPORT_SOURCE_INVALID. */
  openSource(request: ImportRequest): Promise<ImportSource>;
}

/** For admins of the whole server alone: an import reads files of the server's machine and writes into every team. */
export function importRoutes({ workflows, openSource }: ImportRouteParts): Route[] {
  return [
    route({
      method: "POST", path: "/api/imports", access: "admin", tag,
      operationId: "startImport", summary: "Bring another store's experiments, runs and models over",
      description: "Starts a run of the workflow `import`. The same again while nothing changed in the source changes nothing.",
      body: { kind: "json", schema: ImportRequest }, response: z.object({ run: WorkflowRun }),
      handle: async ({ body, caller, auditAs }) => {
        auditAs({ object: `workflow:${importWorkflowName}`, detail: { kind: body.kind, dryRun: body.dryRun } });
        // A source that is none is said at once, not by a run that fails.
        const source = await openSource(body);
        try {
          await source.experiments();
        } finally {
          await source.close();
        }
        const { run } = await workflows.start(importWorkflowName, { input: body, team: "*" }, caller.actor);
        return { run };
      },
    }),
    route({
      method: "GET", path: "/api/imports/:run/report", access: "admin", tag,
      operationId: "importReport", summary: "What an import brought, what it could not, and why",
      params: z.strictObject({ run: z.string().max(40) }), response: ImportReport,
      handle: async ({ params }) => reportOf(await workflows.find(params.run)),
    }),
  ];
}
