/** Beginnings of the names of well-known models, and the provider that they come from: a caller who knew that provider needs to change nothing but the address. */
const homes: readonly (readonly [RegExp, string])[] = [
  [/^(gpt-|chatgpt-|o[134](-|$)|text-embedding-(3|ada)|davinci-|babbage-|omni-moderation)/, "openai"],
  [/^claude-/, "anthropic"],
  [/^(gemini-|gemma-|text-embedding-00|gemini-embedding)/, "gemini"],
  [/^(mistral-|ministral-|codestral|pixtral-|magistral-|devstral-|open-mi[sx]tral)/, "mistral"],
  [/^(command-|embed-(english|multilingual|v4)|rerank-|c4ai-aya)/, "cohere"],
  [/^(us\.|eu\.|apac\.)?(anthropic|amazon|meta|cohere|mistral|ai21|deepseek)\.[a-z]/, "bedrock"],
  [/^echo$/, "echo"],
];

/** Name of the provider whose model this is by its name; null where nobody knows. */
export function homeOf(model: string): string | null {
  return homes.find(([pattern]) => pattern.test(model))?.[1] ?? null;
}
