import type { Clock } from "../core/clock.ts";
import type { Contract } from "../registry/index.ts";
import type { WarmupMeasure } from "./measurement-store.ts";
import type { ModelRunner } from "./model-runtime.ts";
import { sampleInputs } from "./sample-inputs.ts";

/** A warm-up run that takes longer is stopped: the model serves without warm-up, under its deadlines. */
const longestRunMs = 5000;
/** All of the warm-up; slow models are warmed at fewer sizes. */
const longestTotalMs = 10_000;

/**
 * Starts a runner and runs it at batch sizes 1, 2, 4 … `maxBatchRows`, so that no caller pays for first-time work.
 * A runner that hangs on the made-up values is replaced by one that is not warmed; values that the model refuses do no
 * harm. `brief` warms the smallest and the largest size only.
 */
export async function warmUp(
  start: () => Promise<ModelRunner>,
  contract: Contract,
  maxBatchRows: number,
  clock: Clock,
  brief: boolean,
): Promise<{ runner: ModelRunner; measures: WarmupMeasure[] }> {
  const runner = await start();
  const measures: WarmupMeasure[] = [];
  const begin = clock.monotonic();
  let hung = false;
  for (const rows of batchSizes(contract.signature.batchable ? maxBatchRows : 1, brief)) {
    if (clock.monotonic() - begin > longestTotalMs) break;
    const inputs = sampleInputs(contract, rows);
    const times: number[] = [];
    const timer = setTimeout(() => {
      hung = true;
      runner.kill(`warm-up took longer than ${longestRunMs} ms`);
    }, longestRunMs);
    try {
      for (let round = 0; round < 4 && (round < 2 || times[0]! < 50); round++) times.push((await runner.run(inputs)).runUs / 1000);
    } catch (error) {
      if (hung) return { runner: await start(), measures: [] };
      if ((error as { code?: string }).code !== "MODEL_RUN_FAILED") throw error;
      return { runner, measures: [] };
    } finally {
      clearTimeout(timer);
    }
    const later = times.slice(1).sort((a, b) => a - b);
    measures.push({ rows, milliseconds: later[later.length >> 1]! });
  }
  return { runner, measures };
}

function batchSizes(maxBatchRows: number, brief: boolean): number[] {
  if (brief) return maxBatchRows === 1 ? [1] : [1, maxBatchRows];
  const sizes: number[] = [];
  for (let size = 1; size < maxBatchRows; size *= 2) sizes.push(size);
  return [...sizes, maxBatchRows];
}
