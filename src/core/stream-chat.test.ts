import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { errorCatalogue } from "./error-catalogue.ts";
import type { AppError } from "./errors.ts";
import { streamChat, type ChatQuestion } from "./stream-chat.ts";

const question: ChatQuestion = { model: "echo", messages: [{ role: "user", content: "hello" }] };
const piece = (content: string): string => JSON.stringify({ id: "x", model: "echo", choices: [{ index: 0, delta: { content }, finish_reason: null }] });

/** What is read of a stream with these events, what was asked for, and how many events were taken. */
async function readOf(events: readonly string[], asked: ChatQuestion = question): Promise<{ text: string; body: unknown; taken: number; failed: Pick<AppError, "code" | "message"> | null }> {
  const seen = { text: "", body: undefined as unknown, taken: 0, failed: null as AppError | null };
  const stream = async function* (_path: string, body: unknown): AsyncGenerator<{ event: string; data: string }> {
    seen.body = body;
    for (const data of events) {
      await Promise.resolve(seen.taken++);
      yield { event: "message", data };
    }
  };
  try {
    for await (const { choices } of streamChat({ stream }, asked)) seen.text += choices[0]!.delta.content ?? "";
  } catch (error) {
    seen.failed = error as AppError;
  }
  return { ...seen, failed: seen.failed === null ? null : { code: seen.failed.code, message: seen.failed.message } };
}

describe("streamChat", () => {
  it("gives the pieces until the answer is whole, and reads on to the end of the stream", async () => {
    const { text, body, taken, failed } = await readOf([piece("he"), piece("llo"), "[DONE]", piece("behind")]);
    assert.deepEqual([text, taken, failed], ["hello", 4, null]);
    assert.deepEqual(body, { ...question, stream: true, stream_options: { include_usage: true } });
    assert.deepEqual(((await readOf(["[DONE]"], { ...question, stream_options: {} })).body as ChatQuestion).stream_options, {});
  });

  it("fails where the stream ends before the answer does", async () => {
    for (const events of [[], [piece("he")]]) assert.deepEqual((await readOf(events)).failed, { code: "PROVIDER_STREAM_FAILED", message: "The answer ended before it was whole." });
  });

  it("throws the error that the stream has, by its code or else by the hint behind its message", async () => {
    const failedBy = async (error: unknown) => (await readOf([piece("he"), JSON.stringify({ error }), piece("llo")])).failed;
    const { CONTENT_BLOCKED, PROVIDER_TIMEOUT } = errorCatalogue;
    assert.deepEqual(await failedBy({ message: `It took long. ${PROVIDER_TIMEOUT.hint}`, code: "provider_timeout" }), { code: "PROVIDER_TIMEOUT", message: "It took long." });
    assert.deepEqual(await failedBy({ message: `Not that. ${CONTENT_BLOCKED.hint}`, code: "content_filter" }), { code: "CONTENT_BLOCKED", message: "Not that." });
    assert.deepEqual(await failedBy({ message: "Of a provider.", code: 503 }), { code: "PROVIDER_STREAM_FAILED", message: "Of a provider." });
    assert.deepEqual(await failedBy({}), { code: "PROVIDER_STREAM_FAILED", message: "The answer failed." });
  });

  it("says so where a piece is no JSON", async () => {
    for (const data of ["{", "null", "7"]) assert.equal((await readOf([data])).failed?.code, "PROVIDER_ANSWER_INVALID");
  });
});
