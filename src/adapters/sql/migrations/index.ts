import { modelsTruthsStatistics } from "./0001-models-truths-statistics.ts";
import { warmupMeasurements } from "./0002-warmup-measurements.ts";
import { access } from "./0003-access.ts";
import { events } from "./0004-events.ts";
import { workflows } from "./0005-workflows.ts";
import { replicaMinutes } from "./0006-replica-minutes.ts";
import { blobUploads } from "./0007-blob-uploads.ts";
import { tracking } from "./0008-tracking.ts";
import { registryLifecycle } from "./0009-registry-lifecycle.ts";
import { datasets } from "./0010-datasets.ts";
import { rollouts } from "./0011-rollouts.ts";
import { upstreamHeaders } from "./0012-upstream-headers.ts";
import { abTests } from "./0013-ab-tests.ts";
import { gateway } from "./0014-gateway.ts";
import { ledger } from "./0015-ledger.ts";
import { traces } from "./0016-traces.ts";
import { routeRollouts } from "./0017-route-rollouts.ts";
import { traceCosts } from "./0018-trace-costs.ts";
import { userCosts } from "./0019-user-costs.ts";
import { removedFeedback } from "./0020-removed-feedback.ts";
import { billedUnits } from "./0021-billed-units.ts";
import { traceIndexes } from "./0022-trace-indexes.ts";
import { traceRemovals } from "./0023-trace-removals.ts";
import { keyRotation } from "./0024-key-rotation.ts";
import { ownCalls } from "./0025-own-calls.ts";
import { savedCosts } from "./0026-saved-costs.ts";
import { waitingFeedback } from "./0027-waiting-feedback.ts";
import type { Migration } from "./migration.ts";

/** In order. A new one goes to the end. */
export const migrations: readonly Migration[] = [
  modelsTruthsStatistics, warmupMeasurements, access, events, workflows, replicaMinutes, blobUploads, tracking, registryLifecycle, datasets,
  rollouts, upstreamHeaders, abTests, gateway, ledger, traces, routeRollouts, traceCosts, userCosts,
  removedFeedback, billedUnits, traceIndexes, traceRemovals, keyRotation, ownCalls, savedCosts, waitingFeedback,
];
