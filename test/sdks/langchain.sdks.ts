import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ChatAnthropic } from "@langchain/anthropic";
import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { z } from "zod";
import { models, startSdkServer, upstreams, type SdkServer } from "./upstreams.ts";

const weather = tool(({ city }) => `snow in ${city}`, { name: "weather", description: "Tells the weather.", schema: z.object({ city: z.string() }) });
const Person = z.object({ name: z.string(), age: z.number() });

describe("LangChain", () => {
  let all: SdkServer;
  let protocols: Record<"openai" | "anthropic", (model: string) => ChatOpenAI | ChatAnthropic>;
  before(async () => {
    all = await startSdkServer();
    protocols = {
      openai: (model) => new ChatOpenAI({ model, apiKey: "none", maxRetries: 1, configuration: { baseURL: `${all.server.url}/v1` } }),
      anthropic: (model) => new ChatAnthropic({ model, apiKey: "none", maxRetries: 1, maxTokens: 100, anthropicApiUrl: all.server.url }),
    };
  });
  after(() => all.stop());

  for (const protocol of ["openai", "anthropic"] as const) {
    for (const upstream of upstreams) {
      it(`chats, streams and calls tools in the protocol of ${protocol}, over a provider of ${upstream}`, async () => {
        const model = protocols[protocol](models[upstream]);
        const whole = await model.invoke("hello there");
        assert.deepEqual([whole.text, whole.usage_metadata?.output_tokens], ["You said: hello there", 7]);
        const texts: string[] = [];
        for await (const chunk of await model.stream("hello there")) if (chunk.text !== "") texts.push(chunk.text);
        assert.equal(texts.join(""), "You said: hello there");
        assert.ok(texts.length > 1);

        const armed = model.bindTools([weather]);
        const question = new HumanMessage("weather?");
        const asked = await armed.invoke([question]);
        const [call] = asked.tool_calls ?? [];
        assert.deepEqual([call?.name, call?.args], ["weather", { city: "Paris" }]);
        const result = new ToolMessage({ content: await weather.invoke(call!.args as { city: string }), tool_call_id: call!.id! });
        assert.equal((await armed.invoke([question, asked, result])).text, "The tool says snow in Paris.");
      });
    }
  }

  for (const upstream of upstreams) {
    it(`gives documents of a schema, over a provider of ${upstream}`, async () => {
      const model = protocols.openai(models[upstream]) as ChatOpenAI;
      assert.deepEqual(await model.withStructuredOutput(Person, { method: "jsonSchema" }).invoke("who?"), { name: "Ann", age: 41 });
      // In Anthropic's protocol by a tool that the model has to call.
      const byTool = (protocols.anthropic(models[upstream]) as ChatAnthropic).withStructuredOutput(Person, { name: "json_person", method: "functionCalling" });
      assert.deepEqual(await byTool.invoke("who?"), { name: "Ann", age: 41 });
    });
  }

  it("asks once where a quota is used up", async () => {
    const asked = all.openAi.calls.length;
    await assert.rejects(new ChatOpenAI({ model: "fails-openai", apiKey: "none", maxRetries: 3, configuration: { baseURL: `${all.server.url}/v1` } }).invoke("fail 402"));
    assert.equal(all.openAi.calls.length, asked + 1);
  });

  it("makes embeddings", async () => {
    const embeddings = new OpenAIEmbeddings({ model: models.openai, apiKey: "none", configuration: { baseURL: `${all.server.url}/v1` } });
    assert.deepEqual(await embeddings.embedDocuments(["one", "four"]), [[3, 0.5, -1], [4, 0.5, -1]]);
  });
});
