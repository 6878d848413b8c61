import { join } from "node:path";
import { httpLoad, type LoadResult } from "../serving/http-load.ts";
import { startFloor } from "../serving/processes.ts";
import { hasNginx, startNginx } from "./nginx-peer.ts";
import { pacedLoad } from "./paced-load.ts";
import { features, median, startRolloutServer } from "./rollout-server.ts";

interface Line {
  name: string;
  load(): Promise<LoadResult>;
  /** What it is more than. */
  beside?: string;
}

/** What a canary of 5% and a mirror of everything cost a caller, beside nginx doing the same before the bare floor. */
export async function trafficCost(directory: string, models: readonly [string, string], { seconds, rounds }: { seconds: number; rounds: number }): Promise<void> {
  const floors = [await startFloor("http-floor.ts", models[0], "features", String(features), "probability"), await startFloor("http-floor.ts", models[0], "features", String(features), "probability")];
  const [first, second] = floors.map(({ facts }) => facts.port!) as [number, number];
  const nginx = hasNginx() ? await startNginx(join(directory, "nginx"), [first, second]) : null;
  if (nginx === null) console.log("No nginx: the peer is left out.\n");
  const bare = await startRolloutServer(join(directory, "bare"), models);
  const canary = await startRolloutServer(join(directory, "canary"), models);
  await canary.roll({ weight: 0.05, shadow: 0 });
  const shadow = await startRolloutServer(join(directory, "shadow"), models);
  await shadow.roll({ weight: 0, shadow: 1 });
  const body = (port: number) => Array.from({ length: 1000 }, (_, index) => Buffer.from(bare.request(index).toString().replace(`127.0.0.1:${bare.port}`, `127.0.0.1:${port}`)));
  const closed = (port: number) => () => httpLoad(port, body(port), 1, seconds);
  const paced = (port: number) => {
    const requests = body(port);
    return () => pacedLoad(port, (index) => requests[index % requests.length]!, { perSecond: 200, seconds: seconds * 2, connections: 16 });
  };
  try {
    await report("One caller, closed loop", rounds, [
      { name: "floor", load: closed(first) },
      ...(nginx === null ? [] : [{ name: "nginx before it", load: closed(nginx.plain), beside: "floor" }, { name: "nginx, 5% elsewhere", load: closed(nginx.split), beside: "floor" }]),
      { name: "Slipway, no rollout", load: closed(bare.port) },
      { name: "Slipway, canary of 5%", load: closed(canary.port), beside: "Slipway, no rollout" },
    ]);
    await report("200 requests a second, open loop", rounds, [
      { name: "floor", load: paced(first) },
      ...(nginx === null ? [] : [{ name: "nginx before it", load: paced(nginx.plain), beside: "floor" }, { name: "nginx, all mirrored", load: paced(nginx.mirrored), beside: "floor" }]),
      { name: "Slipway, no rollout", load: paced(bare.port) },
      { name: "Slipway, shadow of all", load: paced(shadow.port), beside: "Slipway, no rollout" },
    ]);
    const { figures } = await shadow.status();
    for (const { pairs, skipped } of figures.paired) console.log(`Shadow: ${pairs} pairs, ${skipped} left out (50 a second at most)`);
  } finally {
    await nginx?.stop();
    await Promise.all([...floors.map((floor) => floor.stop()), ...[bare, canary, shadow].map(({ process }) => process.stop())]);
  }
}

/** Rounds are interleaved over the lines; the figures are medians of them. */
async function report(title: string, rounds: number, lines: readonly Line[]): Promise<void> {
  const all = new Map(lines.map(({ name }) => [name, [] as LoadResult[]]));
  for (const { load } of lines) await load();
  for (let round = 0; round < rounds; round++) for (const { name, load } of lines) all.get(name)!.push(await load());
  const of = (name: string, what: "p50" | "p99" | "requestsPerSecond"): number => median(all.get(name)!.map((result) => result[what]));
  console.log(`\n${title}\n\n| | requests/s | p50 ms | p99 ms | added p50 us | added p99 us | failed |\n| --- | --- | --- | --- | --- | --- | --- |`);
  for (const { name, beside } of lines) {
    const added = (what: "p50" | "p99"): string => (beside === undefined ? "" : ((of(name, what) - of(beside, what)) * 1000).toFixed(0));
    const failures = all.get(name)!.reduce((sum, result) => sum + result.failures, 0);
    console.log(`| ${name} | ${of(name, "requestsPerSecond").toFixed(0)} | ${of(name, "p50").toFixed(3)} | ${of(name, "p99").toFixed(3)} | ${added("p50")} | ${added("p99")} | ${failures} |`);
  }
}
