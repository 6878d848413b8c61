import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const oldBytes = (): number => getHeapSpaceStatistics().find(({ space_name: name }) => name === "old_space")!.space_used_size;

/** By how many bytes V8's old generation grows, without a full collection in between, while `churn` does this 100,000 times after a full collection; 1000 times before it. */
export function oldGenerationGrowth(churn: (count: number) => void): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  churn(1000);
  collect();
  const before = oldBytes();
  churn(100_000);
  return oldBytes() - before;
}
