import assert from "node:assert/strict";
import { cp, mkdtemp, mkdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { buffer } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { SourceExperiment, SourceRun } from "../../importing/import-source.ts";
import type { Metric } from "../../tracking/schemas.ts";
import { WandbSource } from "./wandb-source.ts";

/** What the real W&B wrote: `record.py` beside it says how. */
const recorded = fileURLToPath(new URL("../../../test/kit/wandb", import.meta.url));

const valuesOf = (points: readonly Metric[], key: string): (readonly [number, number])[] => points.filter((point) => point.key === key).map(({ step, value }) => [step, value]);
const asRecord = (pairs: readonly { key: string; value: string }[]): Record<string, string> => Object.fromEntries(pairs.map(({ key, value }) => [key, value]));

describe("WandbSource", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "slipway-wandb-"));
    await cp(recorded, folder, { recursive: true });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function read(root = folder): Promise<{ experiment: SourceExperiment; run: SourceRun; points: Metric[] }[]> {
    const source = new WandbSource(root);
    const found = [];
    for (const experiment of await source.experiments()) {
      for (let after: string | null = null; ; ) {
        const page: { items: SourceRun[]; next: string | null } = await source.runs(experiment, after, 1);
        for (const run of page.items) {
          const points: Metric[] = [];
          for await (const part of source.metrics(experiment, run)) points.push(...part);
          found.push({ experiment, run, points });
        }
        after = page.next;
        if (after === null) break;
      }
    }
    return found;
  }

  it("reads projects and runs as the real W&B left them", async () => {
    const found = await read();
    assert.deepEqual(found.map(({ experiment, run }) => [experiment.name, run.id, run.status]), [["churn", "failed01", "FAILED"], ["churn", "finished1", "FINISHED"], ["other", "other001", "FINISHED"]]);
    const { run } = found[1]!;
    assert.equal(run.name, "ein Lauf 模型");
    assert.ok(run.startTime > 1.7e12 && run.endTime! >= run.startTime && run.endTime! < run.startTime + 3_600_000);
    assert.deepEqual(run.notes, []);
    assert.deepEqual(asRecord(run.params), { big: String(2n ** 60n), depth: "3", "nested.a": "[1,2]", "nested.b": "null", on: "true", rate: "0.1", text: "é\0😀" });
    assert.deepEqual(asRecord(run.tags), {
      "mlflow.note.content": "What for", "wandb.group": "group", "wandb.job_type": "train", "wandb.tags": "one,two", "wandb.host": "host",
      "wandb.summary.verdict": "good", "wandb.summary.words": "not a number",
    });
  });

  it("reads every number of the history at its step, and of the summary what has no history", async () => {
    const [failed, { points }, other] = await read() as [Awaited<ReturnType<typeof read>>[0], Awaited<ReturnType<typeof read>>[0], Awaited<ReturnType<typeof read>>[0]];
    assert.deepEqual(valuesOf(points, "loss"), [...Array.from({ length: 40 }, (_, step) => [step, 1 / (step + 1)] as const), [50, Number.NaN]]);
    assert.deepEqual(valuesOf(points, "odd/na me_").at(-1), [39, 78]);
    assert.deepEqual(valuesOf(points, "flag").slice(0, 3), [[0, 1], [1, 0], [2, 1]]);
    assert.deepEqual([valuesOf(points, "up"), valuesOf(points, "down"), valuesOf(points, "big")], [[[50, Infinity]], [[50, -Infinity]], [[50, 2 ** 60]]]);
    assert.deepEqual([valuesOf(points, "nested.inner"), valuesOf(points, "best")], [[[51, 1.5]], [[51, 0.025]]]);
    assert.equal(points.length, 4 * 40 + 4 + 1 + 1);
    assert.deepEqual(valuesOf(failed.points, "loss"), [[0, 2]]);
    assert.deepEqual(valuesOf(other.points, "value"), [[0, 0], [1000, 1], [2000, 2]]);
    for (const { timestamp } of points) assert.ok(timestamp > 1.7e12 && Number.isInteger(timestamp));
  });

  it("gives the files of a run, and says of links that they are not read", async () => {
    const root = join(folder, "offline-run-recorded-finished1");
    await mkdir(join(root, "files", "media"), { recursive: true });
    await writeFile(join(root, "files", "media", "table.json"), "{}");
    await symlink(join(recorded, "record.py"), join(root, "files", "saved.py"));
    const [{ experiment, run }] = await read(root) as [Awaited<ReturnType<typeof read>>[0]];
    const found = await new WandbSource(root).artifacts(experiment, { run });
    assert.ok(found.kind === "files");
    const files = new Map<string, () => Promise<string>>();
    for await (const file of found.files) files.set(file.path, async () => (await buffer(await file.open())).toString());
    assert.deepEqual([...files.keys()], ["media/table.json", "saved.py"]);
    assert.equal(await files.get("media/table.json")!(), "{}");
    await assert.rejects(files.get("saved.py")!(), { code: "IMPORT_SOURCE_INVALID" });
  });

  it("reads the log of a program that was killed up to its end", async () => {
    const root = join(folder, "killed");
    await cp(join(recorded, "offline-run-recorded-finished1"), join(root, "offline-run-recorded-finished1"), { recursive: true });
    await truncate(join(root, "offline-run-recorded-finished1", "run-finished1.wandb"), 9000);
    const [{ run, points }] = await read(root) as [Awaited<ReturnType<typeof read>>[0]];
    assert.equal(run.status, "KILLED");
    const losses = valuesOf(points, "loss");
    assert.ok(losses.length > 3 && losses.length < 40, `${losses.length}`);
    assert.deepEqual(losses, losses.map((_, step) => [step, 1 / (step + 1)]));
  });
});
