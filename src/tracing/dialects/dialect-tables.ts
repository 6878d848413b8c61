import type { Dialect, Rule } from "./dialect.ts";

const g = (name: string): string => `gen_ai.${name}`;
const renamed = (prefix: string, names: Readonly<Record<string, string>>): Rule[] => Object.entries(names).map(([from, to]) => ({ from: `${prefix}${from}`, to: g(to) }));

const providers: Readonly<Record<string, string>> = {
  openai: "openai", anthropic: "anthropic", cohere: "cohere", mistral_ai: "mistral_ai", mistralai: "mistral_ai", mistral: "mistral_ai", groq: "groq", deepseek: "deepseek", xai: "x_ai", perplexity: "perplexity",
  azure: "azure.ai.openai", azure_openai: "azure.ai.openai", "azure-openai": "azure.ai.openai", "az.ai.openai": "azure.ai.openai", "az.ai.inference": "azure.ai.inference", aws: "aws.bedrock", bedrock: "aws.bedrock", "amazon-bedrock": "aws.bedrock",
  google: "gcp.gemini", gemini: "gcp.gemini", google_ai: "gcp.gemini", vertexai: "gcp.vertex_ai", vertex_ai: "gcp.vertex_ai", vertex: "gcp.vertex_ai", "google.vertex": "gcp.vertex_ai", watsonx: "ibm.watsonx.ai", ollama: "ollama",
};

/** The conventions before their present names: 1.27 to 1.36, and OpenLIT's. */
const earlierConventions: Dialect = {
  name: "earlier GenAI conventions",
  prefixes: ["gen_ai."],
  rules: [
    { from: g("system"), to: g("provider.name"), reading: "word", words: providers },
    { from: g("usage.prompt_tokens"), to: g("usage.input_tokens"), reading: "number" },
    { from: g("usage.completion_tokens"), to: g("usage.output_tokens"), reading: "number" },
    { from: g("usage.cache_read_input_tokens"), to: g("usage.cache_read.input_tokens"), reading: "number" },
    { from: g("usage.cache_creation_input_tokens"), to: g("usage.cache_creation.input_tokens"), reading: "number" },
    { from: g("openai.request.seed"), to: g("request.seed") },
    { from: g("openai.request.response_format"), to: g("output.type") },
    { from: g("prompt"), to: g("input.messages"), reading: "input messages" },
    { from: g("prompt"), to: g("input.messages"), reading: "user text" },
    { from: g("completion"), to: g("output.messages"), reading: "output messages" },
    { from: g("completion"), to: g("output.messages"), reading: "assistant text" },
    { from: g("input.message"), to: g("input.messages"), reading: "input messages" },
  ],
};

/** Traceloop's OpenLLMetry. */
const traceloop: Dialect = {
  name: "Traceloop",
  prefixes: ["traceloop.", "gen_ai.task.", "gen_ai.prompt.", "gen_ai.completion.", "llm.request.", "llm.usage.", "llm.chat.", "llm."],
  flat: [
    { prefix: "gen_ai.prompt.", to: g("input.messages"), infix: "" },
    { prefix: "gen_ai.completion.", to: g("output.messages"), infix: "" },
  ],
  rules: [
    { from: "llm.request.type", to: g("operation.name"), reading: "word", words: { chat: "chat", completion: "text_completion", embedding: "embeddings" } },
    { from: "traceloop.span.kind", to: g("operation.name"), reading: "word", words: { workflow: "invoke_workflow", agent: "invoke_agent", tool: "execute_tool" } },
    { from: "traceloop.workflow.name", to: g("workflow.name") },
    { from: "traceloop.entity.input", to: "input.value" },
    { from: "traceloop.entity.output", to: "output.value" },
    { from: "gen_ai.task.input", to: "input.value" },
    { from: "gen_ai.task.output", to: "output.value" },
    { from: "traceloop.association.properties.session_id", to: g("conversation.id") },
    { from: "traceloop.association.properties.thread_id", to: g("conversation.id") },
    { from: "traceloop.association.properties.user_id", to: "user.id" },
    { from: "llm.top_k", to: g("request.top_k"), reading: "number" },
    { from: "llm.frequency_penalty", to: g("request.frequency_penalty"), reading: "number" },
    { from: "llm.presence_penalty", to: g("request.presence_penalty"), reading: "number" },
    { from: "llm.response.finish_reason", to: g("response.finish_reasons"), reading: "list" },
    { from: "llm.usage.prompt_tokens", to: g("usage.input_tokens"), reading: "number" },
    { from: "llm.usage.completion_tokens", to: g("usage.output_tokens"), reading: "number" },
  ],
};

/** OpenInference, of Arize Phoenix. */
const openInference: Dialect = {
  name: "OpenInference",
  prefixes: ["openinference.", "llm.", "embedding.", "tool.", "input.", "session."],
  flat: [
    { prefix: "llm.input_messages.", to: g("input.messages"), infix: "message." },
    { prefix: "llm.output_messages.", to: g("output.messages"), infix: "message." },
  ],
  rules: [
    {
      from: "openinference.span.kind", to: g("operation.name"), reading: "word",
      words: { LLM: "chat", EMBEDDING: "embeddings", TOOL: "execute_tool", AGENT: "invoke_agent", RETRIEVER: "retrieval", CHAIN: "invoke_workflow" },
    },
    { from: "llm.provider", to: g("provider.name"), reading: "word", words: providers },
    { from: "llm.system", to: g("provider.name"), reading: "word", words: providers },
    { from: "llm.token_count.prompt", to: g("usage.input_tokens"), reading: "number" },
    { from: "llm.token_count.completion", to: g("usage.output_tokens"), reading: "number" },
    { from: "llm.token_count.prompt_details.cache_read", to: g("usage.cache_read.input_tokens"), reading: "number" },
    { from: "llm.token_count.prompt_details.cache_write", to: g("usage.cache_creation.input_tokens"), reading: "number" },
    { from: "llm.token_count.completion_details.reasoning", to: g("usage.reasoning.output_tokens"), reading: "number" },
    { from: "llm.cost.total", to: g("usage.cost"), reading: "number" },
    ...renamed("", {
      "llm.model_name": "request.model", "embedding.model_name": "request.model", "reranker.model_name": "request.model", "tool.name": "tool.name", "tool.description": "tool.description", "tool.id": "tool.call.id",
      "tool.parameters": "tool.call.arguments", "agent.name": "agent.name", "session.id": "conversation.id",
    }),
    { from: "llm.finish_reason", to: g("response.finish_reasons"), reading: "list" },
    ...(["temperature", "top_p", "max_tokens", "frequency_penalty", "presence_penalty", "seed"] as const).map((field): Rule => ({ from: "llm.invocation_parameters", to: g(`request.${field}`), reading: "field", field })),
  ],
};

/** Vercel's AI SDK 4 to 6. Its calls have an outer span, which sums up, and one inner span for each request to a provider. */
const vercel: Dialect = {
  name: "Vercel AI SDK",
  prefixes: ["ai."],
  rules: [
    {
      from: "ai.operationId", to: g("operation.name"), reading: "word",
      words: {
        "ai.generateText": "invoke_agent", "ai.streamText": "invoke_agent", "ai.generateObject": "invoke_agent", "ai.streamObject": "invoke_agent", "ai.embed": "invoke_agent", "ai.embedMany": "invoke_agent",
        "ai.generateText.doGenerate": "chat", "ai.streamText.doStream": "chat", "ai.generateObject.doGenerate": "chat", "ai.streamObject.doStream": "chat", "ai.embed.doEmbed": "embeddings",
        "ai.embedMany.doEmbed": "embeddings", "ai.toolCall": "execute_tool",
      },
    },
    { from: "ai.model.provider", to: g("provider.name"), reading: "word", words: providers },
    { from: "ai.usage.promptTokens", to: g("usage.input_tokens"), reading: "number" },
    { from: "ai.usage.completionTokens", to: g("usage.output_tokens"), reading: "number" },
    { from: "ai.usage.inputTokens", to: g("usage.input_tokens"), reading: "number" },
    { from: "ai.usage.outputTokens", to: g("usage.output_tokens"), reading: "number" },
    { from: "ai.usage.tokens", to: g("usage.input_tokens"), reading: "number" },
    { from: "ai.usage.cachedInputTokens", to: g("usage.cache_read.input_tokens"), reading: "number" },
    { from: "ai.usage.inputTokenDetails.cacheReadTokens", to: g("usage.cache_read.input_tokens"), reading: "number" },
    { from: "ai.usage.inputTokenDetails.cacheWriteTokens", to: g("usage.cache_creation.input_tokens"), reading: "number" },
    { from: "ai.usage.reasoningTokens", to: g("usage.reasoning.output_tokens"), reading: "number" },
    { from: "ai.usage.outputTokenDetails.reasoningTokens", to: g("usage.reasoning.output_tokens"), reading: "number" },
    { from: "ai.response.finishReason", to: g("response.finish_reasons"), reading: "list" },
    { from: "ai.prompt.messages", to: g("input.messages"), reading: "input messages" },
    { from: "ai.prompt", to: g("input.messages"), reading: "input messages" },
    { from: "ai.response.toolCalls", to: g("output.messages"), reading: "tool calls" },
    { from: "ai.response.text", to: g("output.messages"), reading: "assistant text" },
    { from: "ai.response.object", to: g("output.messages"), reading: "assistant text" },
    { from: "ai.value", to: "input.value" },
    ...renamed("ai.", {
      "model.id": "request.model", "response.model": "response.model", "response.id": "response.id", "settings.temperature": "request.temperature", "settings.maxTokens": "request.max_tokens", "settings.maxOutputTokens": "request.max_tokens",
      "settings.topP": "request.top_p", "settings.topK": "request.top_k", "toolCall.name": "tool.name", "toolCall.id": "tool.call.id", "toolCall.args": "tool.call.arguments", "toolCall.result": "tool.call.result",
      "telemetry.functionId": "agent.name", "telemetry.metadata.sessionId": "conversation.id",
    }),
    { from: "ai.telemetry.metadata.userId", to: "user.id" },
  ],
};

/** MLflow writes every value as JSON. */
const mlflow: Dialect = {
  name: "MLflow",
  prefixes: ["mlflow."],
  rules: [
    {
      from: "mlflow.spanType", to: g("operation.name"), reading: "word",
      words: { CHAT_MODEL: "chat", LLM: "chat", EMBEDDING: "embeddings", TOOL: "execute_tool", AGENT: "invoke_agent", RETRIEVER: "retrieval", CHAIN: "invoke_workflow", WORKFLOW: "invoke_workflow" },
    },
    { from: "mlflow.spanInputs", to: g("input.messages"), reading: "input messages" },
    { from: "mlflow.spanOutputs", to: g("output.messages"), reading: "output messages" },
    { from: "mlflow.spanInputs", to: "input.value", unlessMessages: true },
    { from: "mlflow.spanOutputs", to: "output.value", unlessMessages: true },
    { from: "mlflow.chat.tokenUsage", to: g("usage.input_tokens"), reading: "field", field: "input_tokens" },
    { from: "mlflow.chat.tokenUsage", to: g("usage.output_tokens"), reading: "field", field: "output_tokens" },
    { from: "mlflow.chat.tokenUsage", to: g("usage.cache_read.input_tokens"), reading: "field", field: "cache_read_input_tokens" },
    { from: "mlflow.chat.tokenUsage", to: g("usage.cache_creation.input_tokens"), reading: "field", field: "cache_creation_input_tokens" },
    { from: "mlflow.llm.cost", to: g("usage.cost"), reading: "field", field: "total_cost" },
    { from: "mlflow.llm.model", to: g("request.model"), reading: "json text" },
    { from: "mlflow.llm.provider", to: g("provider.name"), reading: "word", words: providers },
    { from: "mlflow.trace.session", to: g("conversation.id"), reading: "json text" },
    { from: "mlflow.trace.user", to: "user.id", reading: "json text" },
  ],
};

/** Calls by the Model Context Protocol, whose spans are of the conventions too: of those that leave out that they call a tool, and by the earlier names of what is called. */
const modelContextProtocol: Dialect = {
  name: "Model Context Protocol",
  prefixes: ["mcp."],
  rules: [
    { from: "mcp.method.name", to: g("operation.name"), reading: "word", words: { "tools/call": "execute_tool" }, stays: true },
    { from: "mcp.tool.name", to: g("tool.name") },
    { from: "mcp.prompt.name", to: g("prompt.name") },
  ],
};

/** What Pydantic AI says beside the conventions: an agent's conversation and result, and what went into tools before they had names for it. */
const pydanticAi: Dialect = {
  name: "Pydantic AI",
  prefixes: ["pydantic_ai.", "final_result", "tool_arguments", "tool_response"],
  rules: [
    { from: "pydantic_ai.all_messages", to: g("input.messages"), reading: "asked messages" },
    { from: "pydantic_ai.all_messages", to: g("output.messages"), reading: "answered messages" },
    { from: "final_result", to: "output.value" },
    { from: "tool_arguments", to: g("tool.call.arguments") },
    { from: "tool_response", to: g("tool.call.result") },
  ],
};

/** Google's Agent Development Kit, whose requests and answers are Gemini's whichever model is asked. */
const agentDevelopmentKit: Dialect = {
  name: "Agent Development Kit",
  prefixes: ["gcp.vertex.agent."],
  rules: [
    { from: "gcp.vertex.agent.llm_request", to: g("input.messages"), reading: "input messages" },
    { from: "gcp.vertex.agent.llm_response", to: g("output.messages"), reading: "output messages" },
    { from: "gcp.vertex.agent.llm_request", to: g("operation.name"), reading: "chat" },
    { from: "gcp.vertex.agent.tool_call_args", to: g("tool.call.arguments") },
    { from: "gcp.vertex.agent.tool_response", to: g("tool.call.result") },
    { from: "gcp.vertex.agent.session_id", to: g("conversation.id") },
  ],
};

/** In the order in which they are asked. */
export const dialects: readonly Dialect[] = [pydanticAi, agentDevelopmentKit, mlflow, openInference, vercel, traceloop, modelContextProtocol, earlierConventions];
