import { AppError } from "../../core/errors.ts";
import type { DuckdbCall, DuckdbReply, DuckdbTaskName, DuckdbTasks } from "./duckdb-tasks.ts";
import { answerMetric, checkMetric } from "./metric-tasks.ts";
import { findPrediction, listPredictions } from "./prediction-parquet-reader.ts";
import { convertSegment, mergePredictions } from "./prediction-parquet-writer.ts";
import { writeLookup } from "./lookup-task.ts";
import { describeReference, profileReference, readRows } from "./reference-tasks.ts";

/*
 * Main of the child process that DuckdbChild starts: takes one call after the other and answers each. It ends with the
 * connection to its parent, whatever it is doing then.
 */
const tasks: { [Name in DuckdbTaskName]: (request: DuckdbTasks[Name]["request"]) => Promise<DuckdbTasks[Name]["answer"]> } = {
  describeReference,
  profileReference,
  readRows,
  writeLookup,
  convertSegment,
  mergePredictions,
  findPrediction,
  listPredictions,
  checkMetric,
  answerMetric,
};

async function answer({ number, task, request }: DuckdbCall): Promise<DuckdbReply> {
  try {
    return { number, answer: await tasks[task](request as never) };
  } catch (thrown) {
    if (!(thrown instanceof AppError)) return { number, failure: { code: null, message: String(thrown) } };
    const { code, message, problems, cause } = thrown;
    return { number, failure: { code, message, problems, cause: cause === undefined ? "" : String(cause) } };
  }
}

process.on("message", (call: DuckdbCall) => {
  void answer(call).then((reply) => process.send?.(reply));
});
process.on("disconnect", () => process.exit(0));
