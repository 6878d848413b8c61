import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { startServer, type RunningServer } from "../kit/running-server.ts";

type Part = readonly [name: string, content: string];

describe("a form of LangSmith's clients that holds too much", () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.stop());

  const send = async (parts: readonly Part[]): Promise<[number, string]> => {
    const body = `${parts.map(([name, content]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\nContent-Type: application/json\r\n\r\n${content}\r\n`).join("")}--b--\r\n`;
    const answer = await fetch(`${server.url}/langsmith/runs/multipart`, { method: "POST", headers: { "content-type": "multipart/form-data; boundary=b" }, body });
    return [answer.status, await answer.text()];
  };
  const runOf = (id: string): Part => [`post.${id}`, JSON.stringify({ id, trace_id: id, name: "r", run_type: "chain", start_time: "2026-01-01T00:00:00Z", end_time: "2026-01-01T00:00:01Z" })];
  const traceStatus = async (id: string): Promise<number> => (await fetch(`${server.url}/api/traces/${id.replaceAll("-", "")}`)).status;
  /** A list of so many lists: a few bytes each, and many times that once they are read. */
  const lists = (count: number): string => `[${"[],".repeat(count - 2)}[]]`;

  it("is refused for all its parts together, though each is small enough, and nothing of it is kept", async () => {
    const id = randomUUID();
    const [status, text] = await send([runOf(id), ...Array.from({ length: 25 }, (): Part => [`post.${randomUUID()}.inputs`, lists(400_000)])]);
    assert.deepEqual([status, text.includes("INVALID_JSON")], [400, true], text);
    assert.equal(await traceStatus(id), 404);
  });

  it("is refused for one part, for depth, and for a text that would hide what is behind it", async () => {
    const id = randomUUID();
    const field = (content: string): Part => [`post.${id}.inputs`, content];
    const rest = Array.from({ length: 3 }, (): Part => [`feedback.${randomUUID()}`, lists(300_000)]);
    for (const parts of [[field(lists(600_000))], [field("[".repeat(300) + "]".repeat(300))], [field('{"a":"'), ...rest], [[`feedback.${id}`, '"'] as const, ...rest]]) {
      const [status, text] = await send([runOf(id), ...parts]);
      assert.equal(status, 400, text);
    }
    assert.equal(await traceStatus(id), 404);
    assert.equal((await send([runOf(id), field('{"a":"["}')]))[0], 202);
    assert.equal(await traceStatus(id), 200);
  });

  it("is refused for more feedbacks than clients send at once, before any is kept, and takes attachments for what they are", async () => {
    const id = randomUUID();
    const feedback = (): Part => [`feedback.${randomUUID()}`, JSON.stringify({ trace_id: id, run_id: id, key: "k", score: 1 })];
    assert.equal((await send([runOf(id), ...Array.from({ length: 1001 }, feedback)]))[0], 400);
    assert.equal(await traceStatus(id), 404);
    assert.equal((await send([runOf(id), feedback(), feedback(), [`attachment.${id}.file`, `"${lists(600_000)}`]]))[0], 202);
    const { feedback: kept } = await server.client.traces.find(id.replaceAll("-", ""));
    assert.equal(kept.length, 2);
  });

  it("keeps feedback that is sent before its run", async () => {
    const [id, other] = [randomUUID(), randomUUID()];
    const feedback = (run: string, score: number): Part => [`feedback.${randomUUID()}`, JSON.stringify({ trace_id: run, run_id: run, key: "early", score })];
    assert.deepEqual([(await send([feedback(id, 0.25), feedback(other, 1)]))[0], await traceStatus(id)], [202, 404]);
    assert.equal((await send([feedback(id, 0.5), runOf(id)]))[0], 202);
    const { feedback: kept } = await server.client.traces.find(id.replaceAll("-", ""));
    assert.deepEqual(kept.map(({ name, value }) => [name, value]).toSorted(), [["early", 0.25], ["early", 0.5]]);
    assert.equal(await traceStatus(other), 404);
  });
});
