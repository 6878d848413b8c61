import { AppError } from "../../core/errors.ts";
import type { DuckdbCall, DuckdbReply, DuckdbTaskName, DuckdbTasks } from "./duckdb-tasks.ts";

/*
 * Main of the child process that DuckdbChild starts: takes one call after the other and answers each. It ends with the
 * connection to its parent, whatever it is doing then. What a task needs is loaded with its first call: a process hardly
 * ever does tasks of two kinds, and loading those of all takes as long as the rest of its start.
 */
const reference = () => import("./reference-tasks.ts");
const lookups = () => import("./lookup-task.ts");
const writing = () => import("./prediction-parquet-writer.ts");
const reading = () => import("./prediction-parquet-reader.ts");
const metrics = () => import("./metric-tasks.ts");

const tasks: { [Name in DuckdbTaskName]: (request: DuckdbTasks[Name]["request"]) => Promise<DuckdbTasks[Name]["answer"]> } = {
  describeReference: async (request) => (await reference()).describeReference(request),
  profileReference: async (request) => (await reference()).profileReference(request),
  readRows: async (request) => (await reference()).readRows(request),
  writeLookup: async (request) => (await lookups()).writeLookup(request),
  convertSegment: async (request) => (await writing()).convertSegment(request),
  mergePredictions: async (request) => (await writing()).mergePredictions(request),
  findPrediction: async (request) => (await reading()).findPrediction(request),
  listPredictions: async (request) => (await reading()).listPredictions(request),
  checkMetric: async (request) => (await metrics()).checkMetric(request),
  answerMetric: async (request) => (await metrics()).answerMetric(request),
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
