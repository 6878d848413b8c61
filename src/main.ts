import { HttpApiClient } from "./client/http-api-client.ts";
import { runCli } from "./cli/run-cli.ts";
import { commandsFor } from "./command-files.ts";
import { clientApiKey, serverUrl } from "./config/client-settings.ts";
import { slipwayVersion } from "./core/version.ts";

// Reports of crashes and signals, where somebody has Node write them, are sent on: the secrets of the environment stay out. For a thread it is said where that begins.
// Of memory that is used up, Node reports the environment all the same unless it was started with the option: better no report than one with them.
if (process.report.reportOnFatalError && !process.report.excludeEnv) {
  process.report.reportOnFatalError = false;
  process.stderr.write("slipway: no report is written of a fatal error, for it would have the environment with its secrets. Add --report-exclude-env to NODE_OPTIONS.\n");
}
process.report.excludeEnv = true;
const parameters = process.argv.slice(2);
// Who reads may leave (`| head`): a command then ends without a word, as other programs do (128 and the number of SIGPIPE); a server goes on.
let serves = false;
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    if (!serves) process.exit(141);
  });
}
process.exitCode = await runCli(parameters, {
  version: slipwayVersion,
  commands: await commandsFor(parameters),
  serverUrl: serverUrl(),
  makeClient: (url) => new HttpApiClient(url, { apiKey: clientApiKey() }),
  up: async (flags) => {
    serves = true;
    await (await import("./up.ts")).up(flags);
  },
});
