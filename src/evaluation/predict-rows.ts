import { counted } from "../core/counted.ts";
import { AppError, toAppError } from "../core/errors.ts";
import type { ErrorCode } from "../core/error-catalogue.ts";
import type { CellValue, TableReader } from "../datasets/index.ts";
import type { Contract } from "../registry/index.ts";
import type { EvaluationPlan } from "./evaluation-plan.ts";
import { modelRows, planInputs, tensorsOf } from "./model-inputs.ts";
import { chooseOutputs, PredictionCollector, type Predictions } from "./predictions.ts";
import type { Predictor } from "./predictor.ts";

/** Rows that a model is given at once. */
const batchRows = 1000;
/** Cells that are read at once. */
const cellsPerRead = 500_000;
const mostRowsPerRead = 10_000;

/** What of a model's own is why it cannot be evaluated. */
const causes: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["VERSION_FAILED", "MODEL_RUN_FAILED", "RUNNER_CRASHED", "OUTPUT_INVALID", "PYTHON_MISSING", "ENVIRONMENT_FAILED", "NOT_SUPPORTED", "DEADLINE_EXCEEDED"]);

export interface PredictRequest {
  predictor: Predictor;
  tables: TableReader;
  /** The verified file of the dataset. */
  path: string;
  contract: Contract;
  plan: EvaluationPlan;
  columns: Parameters<typeof planInputs>[1];
  signal: AbortSignal;
  /** Share of the rows that are done. */
  progress: (share: number) => void;
}

/** Runs a version on the rows of the evaluation set, page by page, in a process of its own. Throws EVALUATION_IMPOSSIBLE. */
export async function predictRows({ predictor, tables, path, contract, plan, columns, signal, progress }: PredictRequest): Promise<Predictions> {
  const { format, target } = plan.dataset;
  const { batchable, outputs } = contract.signature;
  const inputs = planInputs(contract.signature, columns, target);
  const collector = new PredictionCollector(chooseOutputs(outputs, plan.task, plan.output), plan.rows);
  let leftOut = 0;
  await ofTheModel(contract, async () => {
    const model = await predictor.load(contract, signal);
    try {
      for await (const page of tablePages(tables, path, format, inputs.columns, plan.rows)) {
        const taken = modelRows(inputs, page.cells);
        leftOut += page.rows - taken.rows.length;
        const size = batchable ? batchRows : 1;
        for (let from = 0; from < taken.rows.length; from += size) {
          signal.throwIfAborted();
          const to = Math.min(taken.rows.length, from + size);
          const answers = await model.predict(tensorsOf(inputs, taken, from, to));
          collector.add(taken.rows.slice(from, to).map((row) => page.offset + row), answers);
        }
        progress((page.offset + page.rows) / plan.rows);
      }
    } finally {
      await model.close();
    }
  });
  return collector.finish(leftOut === 0 ? [] : [`${counted(leftOut, "row is", "rows are")} left out: the model takes no missing or unknown values there.`]);
}

/** The first rows of a table in parts that fit into memory, as one array for each column. */
export async function* tablePages(
  tables: TableReader, path: string, format: EvaluationPlan["dataset"]["format"], columns: readonly string[], rows: number,
): AsyncGenerator<{ offset: number; rows: number; cells: CellValue[][] }> {
  const size = Math.max(1, Math.min(mostRowsPerRead, Math.floor(cellsPerRead / columns.length)));
  for (let offset = 0; offset < rows; offset += size) {
    const limit = Math.min(size, rows - offset);
    const cells = await tables.readRows(path, format, columns, { offset, limit });
    if (cells.some((column) => column.length !== limit)) throw new AppError("EVALUATION_IMPOSSIBLE", "The dataset's file has fewer rows than its profile says.");
    yield { offset, rows: limit, cells };
  }
}

/** A model that does not load or refuses the rows makes the evaluation impossible; what ails the server does not. */
async function ofTheModel(contract: Contract, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    const error = toAppError(thrown);
    if (!causes.has(error.code)) throw thrown;
    throw new AppError("EVALUATION_IMPOSSIBLE", `Version ${contract.version} cannot be evaluated: ${error.message}`, { cause: thrown, problems: error.problems });
  }
}
