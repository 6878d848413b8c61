import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { ChatAnthropic } from "@langchain/anthropic";
import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { z } from "zod";
import { models, startSdkServer, upstreams, type SdkServer } from "./upstreams.ts";

const weather = tool(({ city }) => `snow in ${city}`, { name: "weather", description: "Tells the weather.", schema: z.object({ city: z.string() }) });
const Person = z.object({ name: z.string(), age: z.number() });

/** A program that knows nothing of traces; its model asks nobody. */
const program = `
  import { BaseChatModel } from "@langchain/core/language_models/chat_models";
  import { AIMessage } from "@langchain/core/messages";
  import { StringOutputParser } from "@langchain/core/output_parsers";
  import { ChatPromptTemplate } from "@langchain/core/prompts";
  class ToldModel extends BaseChatModel {
    _llmType() { return "told"; }
    async _generate() {
      const message = new AIMessage({ content: "It snows.", usage_metadata: { input_tokens: 9, output_tokens: 3, total_tokens: 12 } });
      return { generations: [{ text: "It snows.", message }] };
    }
  }
  const chain = ChatPromptTemplate.fromMessages([["system", "Be brief."], ["user", "How is the weather in {city}?"]]).pipe(new ToldModel({})).pipe(new StringOutputParser());
  console.log(await chain.invoke({ city: "Oslo" }, { runName: "weather report", tags: ["blue"], metadata: { thread_id: "t-env" } }));
`;

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

  it("traces a chain where the environment says so, and nothing in the program does", async () => {
    const { server } = all;
    const environment = { LANGSMITH_TRACING: "true", LANGSMITH_ENDPOINT: `${server.url}/langsmith`, LANGSMITH_API_KEY: "any" };
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program], { cwd: import.meta.dirname, env: environment, timeout: 100_000 });
    assert.deepEqual([stdout, stderr], ["It snows.\n", ""]);
    const { traces } = await server.client.traces.search({ name: "weather report" });
    assert.equal(traces.length, 1);
    const { trace, spans } = await server.client.traces.find(traces[0]!.traceId);
    assert.deepEqual([trace.status, trace.service, trace.session, trace.inputTokens, trace.outputTokens], ["ok", "default", "t-env", 9, 3]);
    const [root, ...steps] = spans;
    assert.deepEqual([root!.name, root!.parentSpanId, root!.attributes["langsmith.tags"], JSON.parse(root!.input!), JSON.parse(root!.output!)], ["weather report", null, ["blue"], { city: "Oslo" }, { output: "It snows." }]);
    assert.deepEqual(steps.map(({ name, parentSpanId }) => [name, parentSpanId === root!.spanId]), [["ChatPromptTemplate", true], ["ToldModel", true], ["StrOutputParser", true]]);
    const called = steps[1]!;
    assert.deepEqual([called.operation, called.inputTokens, called.outputTokens, called.status.code === "error"], ["chat", 9, 3, false]);
    assert.deepEqual(called.inputMessages?.map(({ role, parts }) => [role, parts[0]?.content]), [["system", "Be brief."], ["user", "How is the weather in Oslo?"]]);
    assert.deepEqual(called.outputMessages?.map(({ role, parts }) => [role, parts[0]?.content]), [["assistant", "It snows."]]);
  });

  it("makes embeddings", async () => {
    const embeddings = new OpenAIEmbeddings({ model: models.openai, apiKey: "none", configuration: { baseURL: `${all.server.url}/v1` } });
    assert.deepEqual(await embeddings.embedDocuments(["one", "four"]), [[3, 0.5, -1], [4, 0.5, -1]]);
  });
});
