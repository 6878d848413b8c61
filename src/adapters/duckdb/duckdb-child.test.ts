import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { getPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { compileCache } from "../../../test/kit/compile-cache.ts";
import { RecordingLogger } from "../../../test/kit/prediction-log-scenario.ts";
import { AppError } from "../../core/errors.ts";
import { DuckdbChild, DuckdbChildError } from "./duckdb-child.ts";

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

const failsFor = (reason: DuckdbChildError["reason"]) => (error: unknown) => error instanceof DuckdbChildError && error.reason === reason;

describe("DuckdbChild", () => {
  let directory: string;
  let path: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-child-"));
    path = join(directory, "table.csv");
    await writeFile(path, "a\n1\n");
  });
  after(() => rm(directory, { recursive: true, force: true }));
  const describeTable = (child: DuckdbChild, timeoutMs = 60_000): Promise<{ rows: number }> => child.run("describeReference", { path, format: "csv" }, timeoutMs);

  it("starts a process for the first task, keeps it for the next ones and ends it at close", async () => {
    const child = new DuckdbChild({ environment: compileCache, niceness: 5 });
    assert.equal(child.processId, undefined);
    assert.equal((await describeTable(child)).rows, 1);
    const first = child.processId!;
    if (process.platform !== "win32") assert.equal(getPriority(first), getPriority() + 5);
    await Promise.all([describeTable(child), describeTable(child), describeTable(child)]);
    assert.equal(child.processId, first);
    await child.close();
    assert.equal(isAlive(first), false);
    await assert.rejects(describeTable(child), failsFor("closed"));
  });

  it("takes another process for what is asked after it was told to hasten, at this process's priority", async () => {
    const child = new DuckdbChild({ environment: compileCache, niceness: 5 });
    await describeTable(child);
    const first = child.processId!;
    const underWay = describeTable(child);
    child.hasten();
    assert.equal(child.processId, first, "a task under way ends where it began");
    await underWay;
    child.hasten();
    assert.equal((await describeTable(child)).rows, 1);
    if (process.platform !== "win32") assert.equal(getPriority(child.processId), getPriority());
    assert.notEqual(child.processId, first);
    await child.close();
  });

  it("ends the process when nobody asks for anything, and starts another when somebody does", async () => {
    const child = new DuckdbChild({ environment: compileCache, idleMs: 1 });
    await describeTable(child);
    const first = child.processId;
    // Whether the process has just ended or is about to, the next task gets its answer.
    assert.equal((await describeTable(child)).rows, 1);
    while (child.processId !== undefined) await new Promise((resolve) => setTimeout(resolve, 1));
    while (first !== undefined && isAlive(first)) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.equal((await describeTable(child)).rows, 1);
    await child.close();
  });

  it("closes also when its idle time is over between the end of the connection and that of the process", async (test) => {
    const started = Promise.withResolvers<ChildProcess>();
    const onStart = (message: unknown) => started.resolve((message as { process: ChildProcess }).process);
    subscribe("child_process", onStart);
    test.mock.timers.enable({ apis: ["setTimeout"] });
    const child = new DuckdbChild({ environment: compileCache, idleMs: 1000 });
    await describeTable(child);
    unsubscribe("child_process", onStart);
    (await started.promise).on("disconnect", () => test.mock.timers.tick(1000));
    await child.close();
  });

  it("rejects the task whose process dies, and runs those behind it in a new one", async () => {
    const logger = new RecordingLogger();
    const child = new DuckdbChild({ environment: compileCache, logger });
    await describeTable(child);
    const first = child.processId!;
    // On a busy machine it might answer before it is killed.
    if (process.platform !== "win32") process.kill(first, "SIGSTOP");
    const settled = Promise.allSettled([describeTable(child), describeTable(child), describeTable(child)]);
    process.kill(first, "SIGKILL");
    const [lost, ...others] = await settled;
    assert.ok(lost?.status === "rejected" && failsFor("crashed")(lost.reason));
    for (const other of others) assert.equal(other.status, "fulfilled");
    assert.notEqual(child.processId, first);
    assert.equal(logger.count("duckdb.lost"), 1);
    await child.close();
  });

  it("kills a task that takes longer than it may", async () => {
    const child = new DuckdbChild({ environment: compileCache });
    await describeTable(child);
    const first = child.processId!;
    const large = join(directory, "large.csv");
    await writeFile(large, `a\n${"1\n".repeat(5_000_000)}`);
    await assert.rejects(child.run("describeReference", { path: large, format: "csv" }, 1), failsFor("timeout"));
    assert.equal(isAlive(first), false);
    assert.equal((await describeTable(child)).rows, 1);
    await child.close();
  });

  it("kills a process that gets nothing done, long before a task's time is over, and runs the next one in another", { skip: process.platform !== "linux" }, async () => {
    const child = new DuckdbChild({ environment: compileCache, stillness: { lookEveryMs: 50, looks: 10 } });
    // On a busy machine it may count as still while it starts: what was killed is asked for again.
    while ((await Promise.allSettled([describeTable(child)]))[0]!.status === "rejected");
    const first = child.processId!;
    process.kill(first, "SIGSTOP");
    const [frozen, behind] = await Promise.allSettled([describeTable(child, 300_000), describeTable(child)]);
    assert.ok(frozen.status === "rejected" && failsFor("still")(frozen.reason));
    assert.equal(isAlive(first), false);
    assert.ok(behind.status === "fulfilled" || failsFor("still")(behind.reason));
    await child.close();
  });

  it("leaves a process alone that goes on, however little, and where nobody can tell", async () => {
    for (const progressOf of [(_id: number) => Promise.resolve(String(performance.now())), () => Promise.resolve(null)]) {
      let looks = 0;
      const enough = Promise.withResolvers<void>();
      const child = new DuckdbChild({ environment: compileCache, stillness: { lookEveryMs: 1, looks: 2, progressOf: (id) => (++looks === 10 && enough.resolve(), progressOf(id)) } });
      const asked = describeTable(child);
      process.kill(child.processId!, "SIGSTOP");
      await enough.promise;
      process.kill(child.processId!, "SIGCONT");
      assert.equal((await asked).rows, 1);
      await child.close();
    }
  });

  it("kills a task whose answer comes when its time has just ended, and not the one behind it", async (test) => {
    const started = Promise.withResolvers<ChildProcess>();
    const onStart = (message: unknown) => started.resolve((message as { process: ChildProcess }).process);
    subscribe("child_process", onStart);
    test.mock.timers.enable({ apis: ["setTimeout"] });
    const child = new DuckdbChild({ environment: compileCache });
    await describeTable(child);
    unsubscribe("child_process", onStart);
    (await started.promise).prependOnceListener("message", () => test.mock.timers.tick(1000));
    const [late, behind] = await Promise.allSettled([describeTable(child, 1000), describeTable(child)]);
    assert.ok(late.status === "rejected" && failsFor("timeout")(late.reason));
    assert.equal(behind.status, "fulfilled");
    await child.close();
  });

  it("rejects what waits and what runs when it is closed", async () => {
    const child = new DuckdbChild({ environment: compileCache });
    const settled = Promise.allSettled([describeTable(child), describeTable(child)]);
    await child.close();
    for (const result of await settled) assert.ok(result.status === "rejected" && failsFor("closed")(result.reason));
  });

  it("hands over the failure that the task names, with its cause for the log", async () => {
    const child = new DuckdbChild({ environment: compileCache });
    await writeFile(join(directory, "ragged.csv"), "a,b\n1\n");
    await assert.rejects(child.run("describeReference", { path: join(directory, "ragged.csv"), format: "csv" }, 60_000), (error) => {
      assert.ok(error instanceof AppError && error.code === "REFERENCE_INVALID");
      assert.match(String(error.cause), /Expected Number of Columns/);
      return true;
    });
    await child.close();
  });
});
