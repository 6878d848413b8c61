import { loadConfig } from "./config/index.ts";
import { startSlipway } from "./compose.ts";
import { keepHeapInPauses } from "./core/idle-heap.ts";
import { collectYoungWithOneThread, disablePretenuring } from "./core/young-collections.ts";

/** From the end of the last step to that of the process. */
const lastMs = 2000;

/** Runs the server until SIGINT or SIGTERM; a second signal ends it at once. One line of JSON on stdout says where it is. */
export async function up({ testReset, ...flags }: Readonly<Record<string, string | boolean | undefined>>): Promise<void> {
  disablePretenuring();
  const config = loadConfig(flags);
  const slipway = await (testReset === true ? (await import("./test-reset.ts")).startResettable(config) : startSlipway(config));
  const { url, httpPort, grpcPort, scoringPort } = slipway;
  const stopped = untilSignal();
  process.stdout.write(`${JSON.stringify({ url, httpPort, grpcPort, ...(scoringPort === null ? {} : { scoringPort }), processId: process.pid })}\n`);
  process.stderr.write(`Slipway serves at ${url} (gRPC on port ${grpcPort}). Stop it with Ctrl-C.\n`);
  if (scoringPort !== null) process.stderr.write(`Whoever reaches ${config.scoringHost} on port ${scoringPort} may ask the model ${config.scoringModel} for predictions, without a key.\n`);
  if (slipway.setupToken !== null) {
    const address = config.publicUrl ?? url;
    process.stderr.write(`Nobody administers this server yet. Make the first admin key within an hour: slipway --url ${address} setup ${slipway.setupToken} --name YOUR_NAME (or open ${address} and enter the token).\n`);
  }
  process.on("SIGHUP", () => void slipway.reloadCertificate());
  keepHeapInPauses();
  collectYoungWithOneThread();
  await stopped;
  try {
    await slipway.stop();
  } finally {
    // What did not end as it should may hold the process; what ended does not, and then this does not either.
    setTimeout(() => process.exit(process.exitCode ?? 1), lastMs).unref();
  }
}

function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    let stopping = false;
    const onSignal = (): void => {
      if (stopping) process.exit(1);
      stopping = true;
      resolve();
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  });
}
