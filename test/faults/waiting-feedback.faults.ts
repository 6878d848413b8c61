import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { it } from "node:test";
import { betweenLooks } from "../kit/between-looks.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

const kills = Number(process.env.SLIPWAY_TEST_KILLS ?? 3);
const callers = 8;

async function sendForm(server: RunningServer, name: string, content: object): Promise<boolean> {
  const body = `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${JSON.stringify(content)}\r\n--b--\r\n`;
  const answer = await fetch(`${server.url}/langsmith/runs/multipart`, { method: "POST", headers: { "content-type": "multipart/form-data; boundary=b" }, body }).catch(() => null);
  return answer?.status === 202;
}

it("keeps feedback that came before its run when its server is killed, once, and stopped as well", { timeout: 300_000 }, async () => {
  let server = await startServer();
  const { directory } = server;
  const acknowledged: string[] = [];
  const tried: string[] = [];
  const began = new Date().toISOString();
  const sendRun = async (run: string): Promise<void> => assert.ok(await sendForm(server, `post.${run}`, { id: run, trace_id: run, name: "r", run_type: "chain", start_time: began, end_time: began }));
  const feedbackOf = async (run: string) => (await server.client.traces.find(run.replaceAll("-", ""))).feedback.map(({ name, value, revision }) => [name, value, revision]);
  for (let life = 0; life <= kills; life++) {
    const enough = acknowledged.length + callers;
    let isOver = false;
    // Some are under way when the server is killed; when it is stopped all are over.
    const calls = Array.from({ length: callers }, async () => {
      while (!isOver) {
        const run = randomUUID();
        tried.push(run);
        if (await sendForm(server, `feedback.${randomUUID()}`, { trace_id: run, run_id: run, key: "early", score: 0.25 })) acknowledged.push(run);
      }
    });
    while (acknowledged.length < enough) await betweenLooks();
    isOver = true;
    if (life < kills) await server.kill();
    await Promise.all(calls);
    if (life === kills) await server.stop({ keep: true });
    server = await startServer({ directory });
  }
  for (const run of tried) await sendRun(run);
  for (const run of acknowledged) {
    let found = await feedbackOf(run);
    while (found.length === 0) {
      await betweenLooks();
      found = await feedbackOf(run);
    }
    assert.deepEqual(found, [["early", 0.25, 1]]);
  }
  for (const run of tried) assert.ok((await feedbackOf(run)).length <= 1);
  assert.ok(tried.length > acknowledged.length, "some were under way when the server was killed");
  await server.stop();
  await rm(directory, { recursive: true, force: true });
});
