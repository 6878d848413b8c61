import type { Clock } from "../../core/clock.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Contract } from "../../registry/index.ts";
import type { WarmupMeasure } from "./measurement-store.ts";
import type { ModelRunner } from "./model-runtime.ts";
import { repeatRows } from "../predictions/recorded-inputs.ts";
import { sampleInputs } from "./sample-inputs.ts";
import { smokeTest } from "./smoke-test.ts";

/** A warm-up run that takes longer is stopped: the model serves without warm-up, under its deadlines. */
const longestRunMs = 5000;
/** What a model may say to values that were made up. */
const refusals = new Set(["MODEL_RUN_FAILED", "OUTPUT_INVALID"]);
/** All of the warm-up; slow models are warmed at fewer sizes. */
const longestTotalMs = 10_000;

export interface WarmUpOptions {
  maxBatchRows: number;
  clock: Clock;
  /** Only the smallest and the largest size. */
  brief: boolean;
  /** What callers sent, to be repeated up to each size; null: values are made up from what the contract says. */
  recorded: readonly Tensor[] | null;
}

/**
 * Starts a runner and runs it at batch sizes 1, 2, 4 … `maxBatchRows`, so that no caller pays for first-time work.
 * Before, the contract's own input example must run: a version that fails on it is refused with VERSION_FAILED.
 * A runner that hangs on the values is replaced by one that is not warmed; values that the model refuses do no
 * harm.
 */
export async function warmUp(
  start: () => Promise<ModelRunner>,
  contract: Contract,
  { maxBatchRows, clock, brief, recorded }: WarmUpOptions,
): Promise<{ runner: ModelRunner; measures: WarmupMeasure[] }> {
  const runner = await start();
  const measures: WarmupMeasure[] = [];
  const begin = clock.monotonic();
  let hung = false;
  /** Where the work hangs, its runner is ended and `hung` is true. */
  const limited = async (work: () => Promise<void>): Promise<void> => {
    const timer = setTimeout(() => {
      hung = true;
      runner.kill(`warm-up took longer than ${longestRunMs} ms`);
    }, longestRunMs);
    try {
      await work();
    } catch (error) {
      if (!hung) throw error;
    } finally {
      clearTimeout(timer);
    }
  };
  try {
    await limited(() => smokeTest(runner, contract));
  } catch (error) {
    runner.kill("it failed its smoke test");
    throw error;
  }
  if (hung) return { runner: await start(), measures: [] };
  for (const rows of batchSizes(contract.signature.batchable ? maxBatchRows : 1, brief)) {
    if (clock.monotonic() - begin > longestTotalMs) break;
    const inputs = recorded === null ? sampleInputs(contract, rows) : repeatRows(recorded, contract.signature.batchable ? rows : 1);
    const times: number[] = [];
    try {
      await limited(async () => {
        for (let round = 0; round < 4 && (round < 2 || times[0]! < 50); round++) {
          const { runUs, held } = await runner.run(inputs);
          held?.release();
          times.push(runUs / 1000);
        }
      });
    } catch (error) {
      if (!refusals.has((error as { code?: string }).code ?? "")) throw error;
      return { runner, measures: [] };
    }
    if (hung) return { runner: await start(), measures: [] };
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
