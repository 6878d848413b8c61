import { Wire } from "./wire.ts";

/** Runs of 20 params and 20 metrics, over the wire; the same values as `fill_mlflow.py` has for params. */
export async function fillOverWire(url: string, experiment: string, runs: number): Promise<void> {
  const callers = 16;
  const wire = new Wire(url, callers);
  let next = 0;
  let state = 1;
  const draw = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (next < runs) {
        const index = next++;
        const start = 1_700_000_000_000 + index * 1000;
        const { run } = (await wire.post("runs/create", { experiment_id: experiment, run_name: `run-${index}`, start_time: start })) as unknown as { run: { info: { run_id: string } } };
        const { run_id } = run.info;
        await wire.post("runs/log-batch", {
          run_id,
          params: Array.from({ length: 20 }, (_, param) => ({ key: `param_${param}`, value: `value-${(index * (param + 3)) % 50}` })),
          metrics: Array.from({ length: 20 }, (_, metric) => ({ key: `metric_${metric}`, value: draw() * 100, timestamp: start, step: 0 })),
        });
        await wire.post("runs/update", { run_id, status: "FINISHED", end_time: start + 500 });
      }
    }),
  );
  wire.close();
}
