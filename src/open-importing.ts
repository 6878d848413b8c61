import { NodeEgressClient } from "./adapters/egress/node-egress-client.ts";
import type { Config } from "./config/index.ts";
import { importWorkflow, type ImportRequest, type ImportSource } from "./importing/index.ts";
import type { OpenedTracking } from "./open-tracking.ts";
import type { ModelCatalog } from "./registry/index.ts";
import type { WorkflowDefinition } from "./workflows/index.ts";

interface Parts {
  config: Config;
  tracking: OpenedTracking;
  catalog: ModelCatalog;
  /** Who started a run of a workflow. */
  ownerOf(run: string): Promise<string>;
}

export interface OpenedImporting {
  definition: WorkflowDefinition;
  openSource(request: ImportRequest): Promise<ImportSource>;
}

/** Imports from other stores: the workflow, and what opens their sources. */
export function openImporting({ config, tracking, catalog, ownerOf }: Parts): OpenedImporting {
  const egress = new NodeEgressClient({ allowed: config.egressAllowed });
  // What reads the formats of others is loaded by the first import.
  const openSource = async (request: ImportRequest): Promise<ImportSource> => {
    const { openImportSource } = await import("./adapters/importing/open-import-source.ts");
    return openImportSource(request, { egress, authorization: config.importAuthorization });
  };
  const { store, loggedModelStore: loggedModels, artifactStore: artifacts } = tracking;
  return { openSource, definition: importWorkflow({ store, loggedModels, artifacts, catalog, openSource, ownerOf }) };
}
