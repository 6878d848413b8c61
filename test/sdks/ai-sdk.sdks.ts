import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, embedMany, generateText, Output, stepCountIs, streamObject, streamText, tool, type LanguageModel } from "ai";
import { z } from "zod";
import { models, startSdkServer, upstreams, type SdkServer } from "./upstreams.ts";

/** Each of the SDK's own protocols, over a provider of each protocol. */
describe("Vercel's AI SDK", () => {
  let all: SdkServer;
  let protocols: Record<"openai" | "anthropic", (model: string) => LanguageModel>;
  before(async () => {
    all = await startSdkServer();
    const openai = createOpenAI({ apiKey: "none", baseURL: `${all.server.url}/v1` });
    const anthropic = createAnthropic({ apiKey: "none", baseURL: `${all.server.url}/v1` });
    protocols = { openai: (model) => openai.chat(model), anthropic: (model) => anthropic(model) };
  });
  after(() => all.stop());

  const Person = z.object({ name: z.string(), age: z.number() });
  const weather = tool({ description: "Tells the weather.", inputSchema: z.object({ city: z.string() }), execute: ({ city }) => `fog in ${city}` });

  for (const protocol of ["openai", "anthropic"] as const) {
    for (const upstream of upstreams) {
      it(`chats, streams, runs tools and gives documents in the protocol of ${protocol}, over a provider of ${upstream}`, async () => {
        const model = protocols[protocol](models[upstream]);
        const whole = await generateText({ model, prompt: "hello there", maxOutputTokens: 100 });
        assert.deepEqual([whole.text, whole.finishReason, whole.usage.outputTokens], ["You said: hello there", "stop", 7]);

        const streamed = streamText({ model, prompt: "hello there", maxOutputTokens: 100 });
        const texts: string[] = [];
        for await (const text of streamed.textStream) texts.push(text);
        assert.deepEqual([texts.join(""), (await streamed.usage).outputTokens], ["You said: hello there", 7]);
        assert.ok(texts.length > 1);

        const stepped = await generateText({ model, prompt: "weather?", tools: { weather }, stopWhen: stepCountIs(3), maxOutputTokens: 100 });
        assert.deepEqual([stepped.text, stepped.steps.length], ["The tool says fog in Paris.", 2]);
        const flowing = streamText({ model, prompt: "weather?", tools: { weather }, stopWhen: stepCountIs(3), maxOutputTokens: 100 });
        assert.equal(await flowing.text, "The tool says fog in Paris.");

        const made = await generateText({ model, prompt: "who?", output: Output.object({ schema: Person }), maxOutputTokens: 100 });
        assert.deepEqual(made.output, { name: "Ann", age: 41 });

        // A document that comes in pieces: what is there of it so far, and the whole at the end.
        const coming = streamText({ model, prompt: "who?", output: Output.object({ schema: Person }), maxOutputTokens: 100 });
        const seen: unknown[] = [];
        for await (const part of coming.partialOutputStream) seen.push(part);
        assert.deepEqual([seen.at(-1), await coming.output, (await coming.usage).outputTokens], [{ name: "Ann", age: 41 }, { name: "Ann", age: 41 }, 7]);
        const object = streamObject({ model, prompt: "who?", schema: Person, maxOutputTokens: 100 });
        const parts: unknown[] = [];
        for await (const part of object.partialObjectStream) parts.push(part);
        assert.deepEqual([parts.at(-1), await object.object, (await object.usage).outputTokens], [{ name: "Ann", age: 41 }, { name: "Ann", age: 41 }, 7]);
      });
    }

    it(`throws its own errors in the protocol of ${protocol}, and retries what may pass`, async () => {
      const asked = all.anthropic.calls.length;
      const failed = (status: number, maxRetries: number): Promise<unknown> => generateText({ model: protocols[protocol]("fails-anthropic"), prompt: `fail ${status}`, maxRetries, maxOutputTokens: 100 });
      await assert.rejects(failed(400, 2), (error) => APICallError.isInstance(error) && error.statusCode === 400 && !error.isRetryable && error.message.includes("Failed with 400"));
      assert.equal(all.anthropic.calls.length, asked + 1);
      await assert.rejects(failed(429, 0), (error) => APICallError.isInstance(error) && error.statusCode === 429 && error.isRetryable);
    });
  }

  it("answers in the responses protocol, which is the SDK's own choice", async () => {
    const { text } = await generateText({ model: createOpenAI({ apiKey: "none", baseURL: `${all.server.url}/v1` })(models.anthropic), prompt: "hello" });
    assert.equal(text, "You said: hello");
  });

  it("makes embeddings", async () => {
    const model = createOpenAI({ apiKey: "none", baseURL: `${all.server.url}/v1` }).embedding(models.openai);
    assert.deepEqual((await embedMany({ model, values: ["one", "four"] })).embeddings, [[3, 0.5, -1], [4, 0.5, -1]]);
  });
});
