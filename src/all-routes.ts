import { accessRoutes, auditRoutes, oidcRoutes, setupRoutes } from "./access/index.ts";
import { backupRoutes, type BackupService } from "./backup/index.ts";
import type { DoctorCheck } from "./core/doctor-check.ts";
import type { Route } from "./core/route.ts";
import { slipwayVersion } from "./core/version.ts";
import { datasetRoutes } from "./datasets/index.ts";
import { doctorRoutes } from "./doctor/index.ts";
import { evaluationRoutes } from "./evaluation/index.ts";
import { eventRoutes, type Outbox, type WebhookService } from "./events/index.ts";
import { systemRoutes, type SystemFacts } from "./http/system-routes.ts";
import { mlflowWebhookRoutes } from "./mlflow/index.ts";
import { monitoringRoutes, type LiveFeed, type MonitoringService } from "./monitoring/index.ts";
import { exportRoutes } from "./exporting/index.ts";
import { importRoutes } from "./importing/index.ts";
import type { OpenedAccess } from "./open-access.ts";
import { ledgerRoutes } from "./ledger/index.ts";
import type { OpenedExporting } from "./open-exporting.ts";
import type { OpenedEvaluation } from "./open-evaluation.ts";
import type { OpenedDatasets } from "./open-datasets.ts";
import type { OpenedRollouts } from "./open-rollouts.ts";
import type { OpenedImporting } from "./open-importing.ts";
import { openedGatewayRoutes, type OpenedGateway } from "./open-gateway.ts";
import { openedTraceFiles, openedTracingRoutes, type OpenedTracing } from "./open-tracing.ts";
import { openedTrackingRoutes, type OpenedTracking } from "./open-tracking.ts";
import { registryRoutes, type BlobStore, type RegistryService } from "./registry/index.ts";
import { abTestRoutes, rolloutRoutes, routeRolloutRoutes } from "./rollouts/index.ts";
import { openInferenceRoutes, ServingInference, servingRoutes, type PredictionLog, type ServingService, type TruthStore } from "./serving/index.ts";
import { workflowRoutes, type RunStreams, type WorkflowService } from "./workflows/index.ts";

export interface RouteParts {
  registry: RegistryService;
  blobs: BlobStore;
  serving: ServingService;
  monitoring: MonitoringService;
  live: LiveFeed;
  log: PredictionLog;
  truth: TruthStore;
  backup: BackupService;
  outbox: Outbox;
  webhooks: WebhookService;
  workflows: WorkflowService;
  streams: RunStreams;
  tracking: OpenedTracking;
  datasets: OpenedDatasets;
  importing: OpenedImporting;
  evaluation: OpenedEvaluation;
  exporting: OpenedExporting;
  rollouts: OpenedRollouts;
  gateway: OpenedGateway;
  tracing: OpenedTracing;
  doctor: readonly DoctorCheck[];
  system: SystemFacts;
  access: OpenedAccess;
}

/** Every route of the server; what is not here does not exist. */
export function allRoutes(parts: RouteParts): Route[] {
  return [
    ...systemRoutes(parts.system),
    ...registryRoutes(parts.registry, parts.blobs),
    ...servingRoutes({ ...parts, ...parts.rollouts.forServing }),
    ...accessRoutes(signInParts(parts.access)),
    ...auditRoutes(parts.access.audit),
    ...setupRoutes(parts.access.setup),
    ...oidcRoutes({ oidc: parts.access.oidc, secure: parts.access.access.secure }),
    ...openInferenceRoutes(new ServingInference(parts.serving, (model) => parts.registry.teamOf(model)), { version: slipwayVersion, otherModel: (caller, headers, name) => parts.gateway.callable.document(caller, headers, name) }),
    ...monitoringRoutes({ ...parts, moreMetrics: (caller, now) => parts.gateway.metrics(caller, now) }),
    ...backupRoutes(parts.backup),
    ...eventRoutes(parts),
    ...mlflowWebhookRoutes(parts.webhooks),
    ...workflowRoutes(parts.workflows, parts.streams),
    ...openedTrackingRoutes(parts.tracking, parts.registry, openedTraceFiles(parts.tracing)),
    ...datasetRoutes(parts.datasets.service),
    ...importRoutes({ workflows: parts.workflows, openSource: parts.importing.openSource }),
    ...exportRoutes({ workflows: parts.workflows, blobs: parts.blobs, originals: parts.exporting.originals }),
    ...evaluationRoutes(parts.evaluation.evaluations),
    ...rolloutRoutes(parts.rollouts.rollouts),
    ...routeRolloutRoutes(parts.rollouts.rollouts, parts.rollouts.ofRoutes),
    ...ledgerRoutes(parts.gateway.ledger),
    ...openedGatewayRoutes(parts.gateway),
    ...abTestRoutes(parts.rollouts.abTests),
    ...openedTracingRoutes(parts.tracing),
    ...doctorRoutes(parts.doctor),
  ];
}

function signInParts({ access, oidc, setup }: OpenedAccess): Parameters<typeof accessRoutes>[0] {
  return { access, signIn: { oidcName: () => oidc?.providerName ?? null, isSetupOpen: (now) => setup.isOpen(now) } };
}
