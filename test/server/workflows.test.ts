import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { parseServerSentEvents } from "../../src/core/server-sent-events.ts";
import { AppError, type RunEvent, type WorkflowRun } from "../../src/index.ts";
import { program } from "../kit/program.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

/** Workflows as somebody would write them; what they did is told by files in the folder `marks`. */
const definitions = (marks: string): string => `
  import { appendFileSync, existsSync } from "node:fs";
  import { workflow, z } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)};
  const mark = (name) => appendFileSync(${JSON.stringify(marks)} + "/" + name, "x");
  const marked = (name) => existsSync(${JSON.stringify(marks)} + "/" + name);

  export const sum = workflow({
    name: "sum", version: 1, description: "Adds numbers in a program", input: z.strictObject({ numbers: z.array(z.number()).min(1) }),
    async run(context, { numbers }) {
      const doubled = await context.step("double", ({ log, progress }) => { log("doubling " + numbers.length); progress(0.5, "doubled"); return numbers.map((number) => 2 * number); });
      const program = 'const { readFileSync, writeFileSync } = require("node:fs"); const numbers = JSON.parse(readFileSync(process.env.SLIPWAY_INPUT)); console.log("adding"); console.error("careful"); writeFileSync(process.env.SLIPWAY_OUTPUT, JSON.stringify(numbers.reduce((sum, number) => sum + number, 0)))';
      const { output } = await context.command("add", { command: [process.execPath, "-e", program], input: doubled });
      return { sum: output };
    },
  });

  export const approval = workflow({
    name: "approval", version: 1, description: "Waits for a person", input: z.strictObject({}),
    async run(context) {
      await context.step("prepare", () => mark("prepared"), { compensate: () => mark("undone") });
      const answer = await context.waitForSignal("answer", { signal: "approved", key: context.runId });
      return { answer };
    },
  });

  export const patient = workflow({
    name: "patient", version: 1, description: "Goes on when it is told", input: z.strictObject({ name: z.string() }),
    run: (context, { name }) => context.step("wait", async ({ log }) => { log("waiting"); while (!marked(name + "-go")) await new Promise((resolve) => setTimeout(resolve, 10)); return name; }),
  });

  export const failing = workflow({
    name: "failing", version: 1, description: "Fails until it is mended", input: z.strictObject({}),
    run: (context) => context.step("mend", () => { if (!marked("mended")) throw new Error("not mended yet"); return "mended"; }, { retry: { maxAttempts: 2, initialDelayMs: 1 } }),
  });
`;

async function slipway(server: RunningServer, ...words: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [program, "--url", server.url, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close") as Promise<[number | null]>]);
  return { code, stdout, stderr };
}

async function until<Value>(look: () => Promise<Value | undefined | null | false> | Value | undefined | null | false): Promise<Value> {
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const withCode = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;
describe("workflows of a server", { timeout: 300_000 }, () => {
  let directory: string;
  let marks: string;
  let server: RunningServer;
  const flags = (): string[] => ["--workflows", join(directory, "definitions.mts")];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-workflows-"));
    marks = join(directory, "marks");
    await mkdir(marks);
    await writeFile(join(directory, "definitions.mts"), definitions(marks));
    server = await startServer({ directory, flags: flags() });
  });
  after(async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it("are listed with the schema of their inputs", async () => {
    const known = await server.client.workflows.definitions();
    assert.deepEqual(known.map(({ name }) => name), ["approval", "evaluate", "export", "failing", "import", "maintenance", "patient", "rollout", "sum"]);
    assert.deepEqual((known.at(-1)!.inputSchema as { required: string[] }).required, ["numbers"]);
    assert.match((await slipway(server, "workflows", "definitions")).stdout, /^sum +1 +.*Adds numbers in a program$/m);
  });

  it("run functions and programs, with logs, progress and results", async () => {
    const { run, created } = await server.client.workflows.start("sum", { numbers: [1, 2, 3.5] });
    assert.equal(created, true);
    const ended = await server.client.workflows.wait(run.id);
    assert.deepEqual([ended.state, ended.output, ended.progressNote], ["succeeded", { sum: 13 }, "doubled"]);
    const { steps } = await server.client.workflows.find(run.id);
    assert.deepEqual(steps.map(({ step, kind, state, attempts }) => [step, kind, state, attempts]), [["double", "function", "succeeded", 1], ["add", "command", "succeeded", 1]]);
    const lines = (await server.client.workflows.logs(run.id)).map(({ step, stream, line }) => `${step} ${stream} ${line}`);
    assert.deepEqual(lines.toSorted(), ["add stderr careful", "add stdout adding", "double log doubling 3"]);
    assert.deepEqual(await readdir(join(directory, "data", "commands")), []);
  });

  it("are started and followed from the command line", async () => {
    const { code, stdout, stderr } = await slipway(server, "workflows", "start", "sum", "--input", '{"numbers":[4]}', "--follow");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /Z {2}double {2}doubling 1\n/);
    assert.match(stdout, /Z {2}add stdout {2}adding\n/);
    assert.match(stdout, /^ {2}output {4}\{"sum":8\}$/m);
    const id = /^(wfr_\S+) {2}succeeded/m.exec(stdout)![1]!;
    assert.match((await slipway(server, "workflows", "show", id)).stdout, /^\d+ +add +command +succeeded/m);
    assert.match((await slipway(server, "workflows", "list", "--workflow", "sum", "--limit", "1")).stdout, new RegExp(`^${id} `, "m"));
    const followed = await slipway(server, "--json", "workflows", "logs", id, "--follow");
    const [first] = followed.stdout.split("\n");
    assert.deepEqual((JSON.parse(first!) as { sequence: number }).sequence, 1);
  });

  it("say what is wrong with a start", async () => {
    await assert.rejects(server.client.workflows.start("sums", {}), (error: AppError) => withCode("WORKFLOW_NOT_FOUND")(error) && /this server has approval, evaluate, export, failing, import, maintenance, patient, rollout, sum\./.test(error.message));
    await assert.rejects(server.client.workflows.start("sum", { numbers: [1, "2"], more: 1 }), (error: AppError) => {
      assert.equal(error.code, "INVALID_REQUEST");
      assert.deepEqual(error.problems.map(({ path }) => path), ["input.numbers.1", "input"]);
      return true;
    });
    const refused = await slipway(server, "workflows", "start", "sum", "--input", "{numbers");
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /--input is not JSON/);
    await assert.rejects(server.client.workflows.find("wfr_00000000000000000000000000"), withCode("RUN_NOT_FOUND"));
  });

  it("start once for an idempotency key", async () => {
    const options = { idempotencyKey: "the first of March" };
    const first = await server.client.workflows.start("sum", { numbers: [1] }, options);
    const second = await server.client.workflows.start("sum", { numbers: [1] }, options);
    assert.deepEqual([second.run.id, second.created], [first.run.id, false]);
    await assert.rejects(server.client.workflows.start("sum", { numbers: [2] }, options), withCode("IDEMPOTENCY_CONFLICT"));
  });

  it("are followed as server-sent events, from any line on, until the end", async () => {
    const { run } = await server.client.workflows.start("patient", { name: "followed" });
    const seen: RunEvent["type"][] = [];
    for await (const event of server.client.workflows.follow(run.id)) {
      seen.push(event.type);
      if (event.type === "line" && event.line.line === "waiting") await writeFile(join(marks, "followed-go"), "");
    }
    assert.ok(seen.includes("run") && seen.includes("step") && seen.includes("line"));
    assert.equal(seen.at(-1), "end");

    const response = await fetch(`${server.url}/api/workflow-runs/${run.id}/log`, { headers: { Accept: "text/event-stream", "Last-Event-ID": "1" } });
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    const events: { event: string; data: string }[] = [];
    for await (const event of parseServerSentEvents(response.body as unknown as AsyncIterable<Uint8Array>)) events.push(event);
    assert.equal(events.filter(({ event }) => event === "line").length, 0);
    assert.equal((JSON.parse(events.at(-1)!.data) as { run: WorkflowRun }).run.state, "succeeded");
  });

  it("wait for a signal, however long the server is away", async () => {
    const { run } = await server.client.workflows.start("approval", {});
    await until(async () => (await server.client.workflows.find(run.id)).run.state === "sleeping");
    await server.stop({ keep: true });
    server = await startServer({ directory, flags: flags() });
    const sent = await slipway(server, "workflows", "signal", "approved", "--key", run.id, "--payload", '{"by":"ana"}');
    assert.equal(sent.code, 0, sent.stderr);
    assert.deepEqual((await server.client.workflows.wait(run.id)).output, { answer: { by: "ana" } });
  });

  it("undo what they did when they are cancelled", async () => {
    const { run } = await server.client.workflows.start("approval", {});
    await until(async () => (await server.client.workflows.find(run.id)).run.state === "sleeping");
    const cancelled = await slipway(server, "workflows", "cancel", run.id);
    assert.equal(cancelled.code, 0, cancelled.stderr);
    assert.equal((await server.client.workflows.wait(run.id)).state, "cancelled");
    assert.equal(await readFile(join(marks, "undone"), "utf8"), "x");
    await assert.rejects(server.client.workflows.cancel(run.id), withCode("RUN_STATE_CONFLICT"));
  });

  it("go on when they are retried, after what failed is mended", async () => {
    const { run } = await server.client.workflows.start("failing", {});
    const failed = await server.client.workflows.wait(run.id);
    assert.equal(failed.state, "failed");
    assert.match(failed.error!.message, /not mended yet/);
    await writeFile(join(marks, "mended"), "");
    const retried = await slipway(server, "workflows", "retry", run.id);
    assert.equal(retried.code, 0, retried.stderr);
    assert.equal((await server.client.workflows.wait(run.id)).output, "mended");
  });

  it("are started by schedules, which are shown, changed, fired and removed", async () => {
    const made = await slipway(server, "workflows", "schedule", "nightly", "--workflow", "sum", "--cron", "0 3 * * *", "--time-zone", "Europe/Paris", "--input", '{"numbers":[1]}');
    assert.match(made.stdout, /^nightly starts sum next at 20/, made.stderr);
    const fired = await slipway(server, "--json", "workflows", "fire", "nightly");
    const { run } = JSON.parse(fired.stdout) as { run: WorkflowRun };
    assert.deepEqual([(await server.client.workflows.wait(run.id)).output, run.schedule], [{ sum: 2 }, "nightly"]);
    await assert.rejects(server.client.workflows.schedule("nightly", { workflow: "sum", cron: "61 * * * *", input: { numbers: [1] } }), withCode("SCHEDULE_INVALID"));
    await assert.rejects(server.client.workflows.schedule("nightly", { workflow: "sum", cron: "0 3 * * *" }), withCode("INVALID_REQUEST"));
    assert.equal((await slipway(server, "workflows", "unschedule", "nightly")).code, 0);
    assert.deepEqual((await server.client.workflows.schedules()).map(({ name }) => name), ["maintenance"]);
  });

  it("do the server's own housekeeping, hourly and when somebody asks for it", async () => {
    const [schedule] = await server.client.workflows.schedules();
    assert.deepEqual([schedule!.name, schedule!.cron, schedule!.missed, schedule!.owner], ["maintenance", "17 * * * *", "once", "slipway"]);
    assert.match((await slipway(server, "workflows", "schedules")).stdout, /^maintenance +maintenance +17 \* \* \* \* +UTC +once/m);
    const { run } = await server.client.api.send<{ run: WorkflowRun }>("POST", "/api/schedules/maintenance/fire");
    const ended = await server.client.workflows.wait(run.id);
    assert.deepEqual([ended.state, (ended.output as { removed: Record<string, number> }).removed["collect blobs"]], ["succeeded", 0]);
  });

  it("are not started with a module that cannot be loaded", async () => {
    await assert.rejects(startServer({ flags: ["--workflows", join(directory, "absent.ts")] }), /CONFIG_INVALID.*absent\.ts cannot be loaded/s);
  });
});
