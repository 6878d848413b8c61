import { accessCommands, auditCommands, setupCommands } from "./access/index.ts";
import { HttpApiClient } from "./client/http-api-client.ts";
import { runCli } from "./cli/run-cli.ts";
import { clientApiKey, serverUrl } from "./config/index.ts";
import { datasetCommands } from "./datasets/index.ts";
import { exportCommands } from "./exporting/index.ts";
import { evaluationCommands } from "./evaluation/index.ts";
import { eventCommands } from "./events/index.ts";
import { gatewayCommands } from "./gateway/index.ts";
import { ledgerCommands } from "./ledger/index.ts";
import { localCommands } from "./local-commands.ts";
import { importCommands } from "./importing/index.ts";
import { slipwayVersion } from "./core/version.ts";
import { catalogCommands, registryCommands } from "./registry/index.ts";
import { abTestCommands, rolloutCommands } from "./rollouts/index.ts";
import { servingCommands } from "./serving/index.ts";
import { traceCommands } from "./tracing/index.ts";
import { runCommands } from "./tracking/index.ts";
import { workflowCommands } from "./workflows/index.ts";

process.exitCode = await runCli(process.argv.slice(2), {
  version: slipwayVersion,
  commands: [...registryCommands, ...catalogCommands, ...servingCommands, ...accessCommands, ...auditCommands, ...setupCommands, ...eventCommands, ...workflowCommands, ...runCommands, ...traceCommands, ...datasetCommands, ...importCommands, ...evaluationCommands, ...exportCommands, ...rolloutCommands, ...abTestCommands, ...ledgerCommands, ...gatewayCommands, ...localCommands],
  serverUrl: serverUrl(),
  makeClient: (url) => new HttpApiClient(url, { apiKey: clientApiKey() }),
  up: async (flags) => (await import("./up.ts")).up(flags),
});
