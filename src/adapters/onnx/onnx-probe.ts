import { AppError } from "../../core/errors.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { ModelInspection, ModelProbe } from "../../registry/model-inspector.ts";
import type { TensorSpec } from "../../registry/schemas.ts";
import type { ModelRunner } from "../../serving/versions/model-runtime.ts";
import { whyNotSeparable } from "./onnx-probe-comparison.ts";
import { joinRows, madeUpInputs, probeAttempts, type ProbeAttempt } from "./onnx-probe-inputs.ts";

/** Rows that run together and one by one; three tell an average over the batch from a row's own value. */
const rowsTogether = 3;

const notProven = "Requests are never joined into batches.";

/** Raised inside when the time is over; the runner is dead then. */
class TimeOver extends Error {}

/**
 * Runs a loaded model on made-up inputs: whether it runs at all, which shapes come out, and whether requests may be
 * joined. Kills the runner when all of this takes longer than `timeLimitMs`. Rejects with MODEL_PROBE_FAILED when the
 * model's process dies, or when not even one run ends although no value can prolong it. A model that refuses made-up
 * values is accepted: real ones may be fine.
 */
export async function probeModel(runner: ModelRunner, inspection: ModelInspection, timeLimitMs: number): Promise<ModelProbe> {
  let timeOver = false;
  const timer = setTimeout(() => {
    timeOver = true;
    runner.kill("the probe took too long");
  }, timeLimitMs);
  const run = async (inputs: readonly Tensor[]): Promise<Tensor[]> => {
    try {
      return (await runner.run(inputs)).outputs;
    } catch (error) {
      if (timeOver) throw new TimeOver();
      if (error instanceof AppError && error.code === "MODEL_RUN_FAILED") throw error;
      throw new AppError("MODEL_PROBE_FAILED", `The model ended its process on a made-up input. ${messageOf(error)}`, { cause: error });
    }
  };
  try {
    return await probeWith(run, inspection);
  } catch (error) {
    if (!(error instanceof TimeOver)) throw error;
    if (!inspection.valueDependentCost) {
      throw new AppError("MODEL_PROBE_FAILED", `The model did not finish one run on a made-up input within ${timeLimitMs} ms.`);
    }
    const note = `The model did not finish on a made-up input within ${timeLimitMs} ms; how long it takes depends on the values. ${notProven}`;
    return { outputs: inspection.outputs, batchable: false, notes: [note] };
  } finally {
    clearTimeout(timer);
  }
}

type Run = (inputs: readonly Tensor[]) => Promise<Tensor[]>;

async function probeWith(run: Run, inspection: ModelInspection): Promise<ModelProbe> {
  const first = await firstRun(run, inspection);
  if ("refusal" in first) {
    const note = `The model did not run on made-up inputs, so it was not tried: ${first.refusal} ${notProven}`;
    return { outputs: inspection.outputs, batchable: false, notes: [note] };
  }
  const notes: string[] = [];
  const seen = [first.outputs];
  let reason = whyNotVariable(inspection, first.outputs);
  if (reason === null) {
    try {
      reason = await whyNotBatchable(run, inspection, first.attempt, seen);
    } catch (error) {
      if (error instanceof TimeOver) reason = "the probe ran out of time before this was proven";
      else if (error instanceof AppError && error.code === "MODEL_RUN_FAILED") reason = `the model does not run on several rows at once: ${error.message.replace(/\.$/, "")}`;
      else throw error;
    }
  }
  if (reason !== null) notes.push(`${notProven.slice(0, -1)}: ${reason}.`);
  const fixedInputs = inspection.inputs.every(({ shape }) => shape.slice(1).every((size) => size >= 0));
  const outputs = inspection.outputs.map((output, index) => refineOutput(output, seen.map((run) => run[index]!), fixedInputs && !inspection.valueDependentCost, reason === null, notes));
  return { outputs, batchable: reason === null, notes };
}

/** The first attempt that the model accepts, or what it said to the first. */
async function firstRun(run: Run, { inputs }: ModelInspection): Promise<{ attempt: ProbeAttempt; outputs: Tensor[] } | { refusal: string }> {
  const variable = inputs.some(({ shape }) => shape.slice(1).includes(-1));
  let refusal: string | undefined;
  for (const attempt of probeAttempts) {
    if (attempt.dimension > 1 && !variable) break;
    const tensors = madeUpInputs(inputs, attempt, 1);
    if (tensors === null) {
      refusal ??= "Its inputs are too large to be made up.";
      break;
    }
    try {
      return { attempt, outputs: await run(tensors) };
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "MODEL_RUN_FAILED") throw error;
      refusal ??= error.message;
    }
  }
  return { refusal: refusal ?? "It has no inputs that could be made up." };
}

/** What in the signature or in the first run's outputs rules batches out, or null. */
function whyNotVariable(inspection: ModelInspection, outputs: readonly Tensor[]): string | null {
  for (const { name, shape } of inspection.inputs) {
    if (shape[0] !== -1) return `the input ${JSON.stringify(name)} has no variable first dimension`;
  }
  for (const [index, { name, shape }] of inspection.outputs.entries()) {
    if (shape[0] !== -1 || outputs[index]!.shape.length === 0) return `the output ${JSON.stringify(name)} has no variable first dimension`;
  }
  return inspection.inputs.length === 0 ? "the model has no inputs" : null;
}

async function whyNotBatchable(run: Run, { inputs }: ModelInspection, attempt: ProbeAttempt, seen: Tensor[][]): Promise<string | null> {
  const requests = Array.from({ length: rowsTogether }, (_, index) => madeUpInputs(inputs, attempt, index + 2)!);
  const together = await run(joinRows(requests));
  seen.push(together);
  const alone: Tensor[][] = [];
  for (const request of requests) alone.push(await run(request));
  seen.push(...alone);
  const reason = whyNotSeparable(together, alone);
  if (reason === null) return null;
  const again = await run(requests[0]!);
  return whyNotSeparable(again, [alone[0]!]) === null ? reason : "the model gives different outputs for the same input";
}

/**
 * The shape to promise for an output. What the graph declares stays where the runs agree with it; else the seen shape
 * takes its place, with -1 where sizes differed, or could differ (`fixed` is false).
 */
function refineOutput(output: TensorSpec, seen: readonly Tensor[], fixed: boolean, batchable: boolean, notes: string[]): TensorSpec {
  const shapes = seen.map(({ shape }) => shape);
  const declared = output.shape;
  const agrees = shapes.every((shape) => shape.length === declared.length && shape.every((size, axis) => declared[axis] === -1 || declared[axis] === size));
  if (agrees) return output;
  const [first] = shapes;
  const shape = shapes.some(({ length }) => length !== first!.length)
    ? declared
    : first!.map((size, axis) => {
        if (axis === 0 && (batchable || declared[0] === -1)) return -1;
        return fixed && shapes.every((other) => other[axis] === size) ? size : -1;
      });
  // A lone -1 is how a missing shape reads; filling that in is no news.
  if (declared.length !== 1 || declared[0] !== -1) {
    notes.push(`The graph declares the shape [${declared.join(", ")}] for the output ${JSON.stringify(output.name)}, but the model returned [${first!.join(", ")}]; the contract says [${shape.join(", ")}].`);
  }
  return { ...output, shape };
}

function messageOf(error: unknown): string {
  return error instanceof AppError ? error.message : "";
}
