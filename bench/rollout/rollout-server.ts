import { setTimeout as pause } from "node:timers/promises";
import { SlipwayClient, type RolloutStatus } from "../../src/index.ts";
import { requestBytes } from "../serving/http-load.ts";
import { startSlipway, type BenchProcess } from "../serving/processes.ts";

export const benchModel = "bench";
export const features = 10;

/** A server with two versions of one model, the first of which has the traffic. */
export interface RolloutServer {
  port: number;
  client: SlipwayClient;
  process: BenchProcess;
  /** Starts a rollout of version 2 of one phase that never ends by itself, and answers when it has begun. */
  roll(phase: { weight: number; shadow: number }, more?: object): Promise<void>;
  status(): Promise<RolloutStatus>;
  /** One row of JSON; `key` keeps it with one version. */
  request(index: number, values?: readonly number[]): Buffer;
}

export async function startRolloutServer(data: string, [stable, candidate]: readonly [string, string]): Promise<RolloutServer> {
  const process = await startSlipway(data);
  const client = new SlipwayClient({ url: String(process.facts.url) });
  await client.deploy({ file: stable, name: benchModel });
  await client.deploy({ file: candidate, name: benchModel, activate: false });
  return rolloutServerOf(process, client);
}

export function rolloutServerOf(process: BenchProcess, client: SlipwayClient): RolloutServer {
  const port = process.facts.httpPort!;
  const status = (): Promise<RolloutStatus> => client.api.get(`/api/models/${benchModel}/rollout`);
  const row = Array.from({ length: features }, (_, index) => index / 10);
  return {
    port, client, process, status,
    roll: async (phase, more = {}) => {
      const phases = [{ phase: "canary", ...phase, minSeconds: 86_400, gates: [] }];
      await client.api.send("POST", `/api/models/${benchModel}/rollouts`, { version: "2", plan: { phases, ...more } });
      while ((await status()).rollout.state === "preparing") await pause(50);
    },
    request: (index, values = row) =>
      requestBytes(port, `/v2/models/${benchModel}/infer`, { "Content-Type": "application/json", "Slipway-Key": `user-${index % 10_000}` }, Buffer.from(
        JSON.stringify({ inputs: [{ name: "features", shape: [1, features], datatype: "FP32", data: values }] }),
      )),
  };
}

export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
