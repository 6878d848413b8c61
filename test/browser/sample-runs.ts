import assert from "node:assert/strict";

const wire = "/api/2.0/mlflow";

/** Numbers that look like chance and are the same each time: a linear congruential generator with the constants of Numerical Recipes. */
export function repeatable(seed: number): () => number {
  let state = seed >>> 0;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}

export async function post<Answer>(url: string, path: string, body: unknown): Promise<Answer> {
  const response = await fetch(url + wire + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const text = await response.text();
  assert.ok(response.ok, `${path} answered ${response.status}: ${text}`);
  return JSON.parse(text) as Answer;
}

export async function createExperiment(url: string, name: string): Promise<string> {
  return (await post<{ experiment_id: string }>(url, "/experiments/create", { name })).experiment_id;
}

export interface SampleRun {
  name: string;
  startTime: number;
  status?: "RUNNING" | "FINISHED" | "FAILED";
  params?: Record<string, string>;
  tags?: Record<string, string>;
  /** By key the values at steps 0, 1, ... */
  metrics?: Record<string, readonly number[]>;
}

const entries = (record: Record<string, string> = {}): { key: string; value: string }[] => Object.entries(record).map(([key, value]) => ({ key, value }));

/** One run as a script would log it; answers with its id. */
export async function logRun(url: string, experiment: string, run: SampleRun): Promise<string> {
  const { run: { info: { run_id: id } } } = await post<{ run: { info: { run_id: string } } }>(url, "/runs/create", {
    experiment_id: experiment, run_name: run.name, start_time: run.startTime, user_id: "ada", tags: entries({ "mlflow.user": "ada", ...run.tags }),
  });
  const metrics = Object.entries(run.metrics ?? {}).flatMap(([key, values]) => values.map((value, step) => ({ key, value, step, timestamp: run.startTime + step * 1000 })));
  for (let at = 0; at === 0 || at < metrics.length; at += 800) {
    await post(url, "/runs/log-batch", { run_id: id, metrics: metrics.slice(at, at + 800), params: at === 0 ? entries(run.params) : [], tags: [] });
  }
  if (run.status !== "RUNNING") await post(url, "/runs/update", { run_id: id, status: run.status ?? "FINISHED", end_time: run.startTime + 60_000 });
  return id;
}

/** Logs many runs, some at a time. */
export async function logRuns(url: string, experiment: string, runs: readonly SampleRun[], atOnce = 32): Promise<string[]> {
  const ids: string[] = [];
  let next = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (next < runs.length) {
      const index = next++;
      ids[index] = await logRun(url, experiment, runs[index]!);
    }
  }));
  return ids;
}

/** Trainings of trees and nets with losses that fall, one spike in the first, and a few that failed. */
export function trainings(count: number, startTime: number): SampleRun[] {
  const random = repeatable(7);
  return Array.from({ length: count }, (_, index) => {
    const depth = 2 + (index % 8);
    const rate = [0.3, 0.1, 0.03, 0.01][index % 4]!;
    const model = index % 3 === 0 ? "tree" : index % 3 === 1 ? "forest" : "net";
    const steps = index < 10 ? 2000 : 40;
    const loss = Array.from({ length: steps }, (__, step) => 0.2 + 2 * rate + Math.exp(-step * rate * (index < 10 ? 0.02 : 1)) * (1 + random() * 0.3) + random() * 0.05);
    if (index === 0) loss[1234] = 9.5;
    return {
      name: `${model}-${depth}-${index}`, startTime: startTime + index * 60_000, status: index % 17 === 5 ? "FAILED" : index === count - 1 ? "RUNNING" : "FINISHED",
      params: { model, depth: String(depth), learning_rate: String(rate), seed: "42", "data.rows": "120000" },
      tags: { team: index % 2 === 0 ? "search" : "ranking" },
      metrics: { loss, "val/auc": loss.slice(0, 50).map((value) => 1 - value / 6), "system/cpu": loss.slice(0, 30).map(() => random() * 100) },
    };
  });
}

/** `count` runs of one number each for a few of `names` metrics; together they have all names. */
export function manyMetrics(count: number, names: number, startTime: number): SampleRun[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `run ${index}`, startTime: startTime + index * 1000, params: { depth: String(index % 12) },
    status: "RUNNING" as const,
    metrics: Object.fromEntries([0, 1, 2, 3].map((offset) => [`metric ${String((index * 4 + offset) % names).padStart(4, "0")}`, [index / count + offset]])),
  }));
}
