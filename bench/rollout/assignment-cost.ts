import type { Signature } from "../../src/registry/index.ts";
import { assign, assignmentTable } from "../../src/serving/traffic/assign.ts";
import type { TrafficRoute } from "../../src/serving/index.ts";
import { median } from "./rollout-server.ts";

const signature: Signature = { inputs: [{ name: "features", datatype: "FP32", shape: [-1, 10], missingAllowed: false }], outputs: [], batchable: true };
const route: TrafficRoute = {
  model: "bench", revision: 1, rollout: "rol_bench", phase: "canary", kind: "rollout", stable: "1", arms: [{ name: "candidate", version: "2", from: 0, to: 0.05 }], salt: "a salt of a rollout",
  key: { header: "slipway-key", input: null }, rules: [{ header: "x-tester", equals: "yes", arm: "candidate" }], shadow: null, retryOnStable: true, hard: { failures: 3, latencyMs: null }, warm: ["1", "2"],
};
const perRound = 500_000;

/** One assignment in this process, with a rule that does not hold and keys of 36 characters: median of seven rounds. */
export function assignmentCost(): void {
  const table = assignmentTable(route, signature);
  const requests = Array.from({ length: 10_000 }, (_, index) => ({
    inputs: [], routingKey: undefined, connection: { headers: { "slipway-key": `0b7fb1de-76fb-4b1e-9f2c-${String(index).padStart(12, "0")}`, host: "127.0.0.1", "content-type": "application/json" } },
  }));
  let toCandidate = 0;
  const rounds = Array.from({ length: 7 }, () => {
    const begin = performance.now();
    for (let index = 0; index < perRound; index++) if (assign(table, requests[index % requests.length]!, "prd_0").arm !== null) toCandidate++;
    return ((performance.now() - begin) * 1000) / perRound;
  });
  console.log(`Assignment of a request: ${median(rounds).toFixed(3)} us (rounds ${rounds.map((round) => round.toFixed(3)).join(", ")}); ${((100 * toCandidate) / (7 * perRound)).toFixed(2)}% to the candidate`);
}
