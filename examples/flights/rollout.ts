import { setTimeout as sleepFor } from "node:timers/promises";
import { parseArgs } from "node:util";
import { AppError, SlipwayClient, type Rollout, type RolloutStatus } from "../../src/index.ts";
import { runFlights } from "./run.ts";
import { retrain, retrainedFiles, type RetrainedFiles } from "./retrain.ts";

/**
 * Rolls out a better model by itself, then two broken ones, against the traffic of `run.ts`; where there is none, it makes it. Each
 * phase lasts seconds, so that one can watch; an hour is usual.
 */
export interface RolloutStoryOptions {
  url: string;
  dataDirectory: string;
  signal: AbortSignal;
  log: (line: string) => void;
}

const model = "flight-delay";
const pollMs = 500;
/** A label that differs for one flight in eight is no retraining. */
const gates = [
  { kind: "latency", quantile: "p99", maxMs: 250, maxRatio: null, onFailure: "roll back" },
  { kind: "errors", maxRate: 0.01, compare: true, onFailure: "roll back" },
  { kind: "distribution", maxDistance: 0.25, onFailure: "roll back" },
  { kind: "accuracy", maxLoss: 0.05, minTruths: 50, onFailure: "roll back" },
];
const shadow = { phase: "shadow", weight: 0, shadow: 1, minSeconds: 15, minSamples: 200, gates };
const canary = { phase: "canary", weight: 0.1, shadow: 0, minSeconds: 15, minSamples: 20, gates };
const rest = [
  { phase: "staged", weight: 0.5, minSeconds: 15, minSamples: 100, gates },
  { phase: "full", weight: 1, minSeconds: 10, gates: [] },
];

const chapters: readonly { file: keyof RetrainedFiles; says: string; phases: readonly object[]; ends: Rollout["state"] }[] = [
  { file: "better", says: "retrained with April, AUC 0.80 instead of 0.77", phases: [shadow, canary, ...rest], ends: "succeeded" },
  { file: "misjoined", says: "its training labels were joined one row off", phases: [shadow, canary, ...rest], ends: "rolled back" },
  // Without a shadow, so that callers are asked into it: none of them sees an error.
  { file: "notANumber", says: "not a number for flights of less than 300 miles", phases: [canary, ...rest], ends: "rolled back" },
];

/** Rejects when a rollout ends as it should not. */
export async function tellRolloutStory({ url, dataDirectory, signal, log }: RolloutStoryOptions): Promise<void> {
  const client = new SlipwayClient({ url });
  const files = await retrainedFiles(dataDirectory);
  await retrain(files, log);
  for (const { file, says, phases, ends } of chapters) {
    const { version } = await client.deploy({ file: files[file], name: model, activate: false, description: `Flight delays, ${says}.` });
    if ((await client.model(model)).model.aliases["champion"] === version.version) {
      log(`\nversion ${version.version}, ${says}, has all the traffic already`);
      continue;
    }
    log(`\nversion ${version.version}: ${says}`);
    const started = await client.api.send<{ id: string }>("POST", `/api/models/${model}/rollouts`, { version: version.version, plan: { phases, hard: { failures: 3 } }, reason: says });
    const { rollout } = await followRollout(client, started.id, { signal, log });
    log(`  ${rollout.state}: ${rollout.reason}`);
    if (rollout.state === "rolled back") log("  see why: npx slipway rollout verdicts flight-delay");
    if (rollout.state !== ends) throw new Error(`The rollout of version ${version.version} ended ${rollout.state}; ${ends} was expected.`);
  }
}

async function followRollout(client: SlipwayClient, id: string, { signal, log }: Pick<RolloutStoryOptions, "signal" | "log">): Promise<RolloutStatus> {
  let told = "";
  for (;;) {
    const status = await client.api.get<RolloutStatus>(`/api/rollouts/${id}`);
    const { rollout, figures } = status;
    const phase = rollout.plan.phases[rollout.phase];
    const line = phase === undefined ? rollout.state : `${phase.phase}, ${phase.weight * 100}% of the traffic${phase.shadow > 0 ? `, ${phase.shadow * 100}% mirrored` : ""}`;
    if (line !== told) log(`  ${line}`);
    told = line;
    if (rollout.endedAt !== null) {
      const retried = figures.arms.find(({ arm }) => arm === "stable")?.retries ?? 0;
      if (retried > 0) log(`  ${retried} requests that it failed were answered by version ${rollout.stable}`);
      return status;
    }
    await sleepFor(pollMs, undefined, { signal });
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { url: { type: "string", default: "http://127.0.0.1:4400" }, data: { type: "string", default: "slipway-data" } } });
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort());
  const log = (line: string): void => console.error(line);
  let exitCode = 0;
  try {
    const client = new SlipwayClient({ url: values.url });
    const live = await client.api.get<{ served: { active: boolean }[] }>(`/api/models/${model}`).catch((error: unknown) => {
      if (error instanceof AppError && error.code === "MODEL_NOT_FOUND") return { served: [] };
      throw error;
    });
    const traffic = new AbortController();
    const options = { url: values.url, dataDirectory: values.data };
    const isAlone = !live.served.some(({ active }) => active);
    if (isAlone) log("No flights are on their way yet: they are sent from here meanwhile.");
    const ended = isAlone ? runFlights({ ...options, signal: traffic.signal, log: () => undefined }) : Promise.resolve();
    while (isAlone && !(await client.api.get<{ models: { name: string }[] }>("/api/models")).models.some(({ name }) => name === model)) await sleepFor(pollMs, undefined, { signal: stop.signal });
    await tellRolloutStory({ ...options, signal: stop.signal, log });
    traffic.abort();
    await ended;
  } catch (error) {
    log(error instanceof AppError ? [error.message, ...error.problems.map(({ path, message }) => `${path}: ${message}`)].join("\n  ") : String(error));
    exitCode = 1;
  }
  process.exit(exitCode);
}
