import { availableParallelism } from "node:os";
import { sep } from "node:path";

/** Which test files share a process, and what starts first. */
export interface TestPlan {
  /** Each in a process of its own, the longest first. */
  alone: string[];
  /** Each group in one process. */
  groups: string[][];
}

/** A group of more gains little, and the run would end with one processor at its last group. */
const largestGroup = 25;

/**
 * What reaches beyond a file's own tests: the process itself, its environment, signals and globals, mocked timers and
 * modules, servers and programs that are started. Such a file keeps a process of its own.
 */
const ownProcess = /\bprocess\.(?!hrtime\b|platform\b|arch\b|nextTick\b|cwd\b|versions?\b|pid\b|execPath\b)|\bglobalThis\b|\bmock\b|child_process|worker_threads|diagnostics_channel|async_hooks|perf_hooks|node:vm|\bstartServer\b|\bgc\(/;

/** Files that take longest, in order: what takes ten seconds and starts last leaves the other processors idle. */
export const longest: readonly string[] = [
  "src/workflows/workflow-crashes.test.ts",
  "test/server/route-rollouts.test.ts",
  "test/server/bad-candidates.test.ts",
  "test/security/fair-share.test.ts",
  "test/server/route-scores.test.ts",
  "test/server/gateway-chaos.test.ts",
  "test/hostile/growth.test.ts",
  "src/adapters/python/python-runtime.test.ts",
  "src/adapters/duckdb/duckdb-reference-profiler.test.ts",
  "test/hostile/slow-and-many.test.ts",
  "src/adapters/filesystem/prediction-log/segment-prediction-log.test.ts",
  "test/access/router-walk.test.ts",
  "test/hostile/planted-secrets.test.ts",
  "test/server/backup.test.ts",
  "test/hostile/deploy.test.ts",
  "test/hostile/raw-providers.test.ts",
  "test/server/evaluation.test.ts",
  "test/server/rollouts.test.ts",
  "test/server/hot-swap.test.ts",
  "test/server/ab-tests.test.ts",
  "src/adapters/sql/dialects/sqlite/sqlite-stores.test.ts",
  "test/hostile/infer-bodies.test.ts",
  "test/hostile/grpc.test.ts",
  "test/server/gateway.test.ts",
  "test/server/upstream.test.ts",
  "src/adapters/sql/dialects/sqlite/sqlite-trace-store.test.ts",
  "src/adapters/duckdb/duckdb-table-reader.test.ts",
  "src/adapters/python/python-environments.test.ts",
  "test/server/interrupted-calls.test.ts",
  "test/server/predictions.test.ts",
  "src/rollouts/rollout-workflow.test.ts",
  "src/grpc/message-memory.test.ts",
  "src/adapters/sql/dialects/sqlite/sqlite-run-search.test.ts",
  "test/access/keys-in-use.test.ts",
  "src/adapters/sql/dialects/sqlite/sqlite-tracking-stores.test.ts",
  "test/ground/layers.test.ts",
  "test/server/workflows.test.ts",
  "test/access/hidden-objects.test.ts",
  "test/access/evaluations-of-others.test.ts",
  "src/rollouts/statistics/always-valid.test.ts",
  "test/security/slow-bodies.test.ts",
  "src/http/http-server.test.ts",
  "src/adapters/duckdb/prediction-parquet.test.ts",
  "test/security/grpc-connections.test.ts",
  "src/test-reset.test.ts",
  "src/events/event-dispatcher.test.ts",
  "src/adapters/sql/dialects/sqlite/sqlite-dialect.test.ts",
  "src/adapters/duckdb/duckdb-metric-source.test.ts",
  "test/server/rollout-records.test.ts",
  "test/server/rollout-routing.test.ts",
  "test/server/finished-requests.test.ts",
  "src/adapters/onnx/onnx-runtime.test.ts",
  "src/adapters/runner/child-runner.test.ts",
  "test/server/workflow-teams.test.ts",
  "src/adapters/sql/dialects/sqlite/sqlite-database.test.ts",
  "src/adapters/sql/dialects/sqlite/sqlite-workflow-stores.test.ts",
  "test/server/cut-calls.test.ts",
  "test/server/deploy-sources.test.ts",
  "test/server/upstream-lookup.test.ts",
  "src/importing/run-importer.test.ts",
  "src/evaluation/evaluation-workflow.test.ts",
  "test/hostile/names.test.ts",
  "test/ground/lint.test.ts",
  "test/server/costs.test.ts",
  "test/server/upstream-protocols.test.ts",
  "test/server/rollout-kept-warm.test.ts",
  "test/access/blobs-of-others.test.ts",
  "test/server/trace-search.test.ts",
  "src/adapters/onnx/onnx-inspector.test.ts",
];

/**
 * Half of what a small test file costs is the start of its process and its imports, so small files of one area share a
 * process, where each is a suite of its own: its hooks are its own, and it fails by itself. `shuffle` puts files
 * together at random instead, which brings out those that disturb others.
 */
export function testPlan(files: readonly string[], textOf: (file: string) => string, shuffle?: (files: string[]) => string[]): TestPlan {
  const rank = new Map(longest.map((file, index) => [file, index]));
  const rankOf = (file: string): number => rank.get(file) ?? longest.length;
  const alone: string[] = [];
  const together: string[] = [];
  for (const file of [...files].sort()) (rank.has(file) || ownProcess.test(textOf(file)) ? alone : together).push(file);
  alone.sort((left, right) => rankOf(left) - rankOf(right));
  const areas = Map.groupBy(shuffle === undefined ? together : shuffle(together), (file) => (shuffle === undefined ? areaOf(file) : "all"));
  return { alone, groups: [...areas.values()].flatMap(evenly).sort((left, right) => right.length - left.length) };
}

/** Neighbours import the same, which a process does once. */
function areaOf(file: string): string {
  return file.split(sep).slice(0, 2).join("/");
}

function evenly(files: string[]): string[][] {
  const groups = Math.ceil(files.length / largestGroup);
  return Array.from({ length: groups }, (_, group) => files.slice(Math.floor((group * files.length) / groups), Math.floor(((group + 1) * files.length) / groups)));
}

/** One more than processors: a third of the files' time they wait for disks and answers. With two more the same tests take an eighth more processor time, and end no sooner. */
export function processesAtOnce(): number {
  return availableParallelism() + 1;
}
