/** A first call of a route in the ways that people ask for; without a key, with whatever stands in the environment. */
export function callSnippets(model: string, origin: string, key?: string): { id: string; label: string; code: string }[] {
  const [curlKey, pythonKey, pythonImport, typescriptKey] =
    key === undefined ? [[], 'os.environ.get("SLIPWAY_API_KEY", "none")', ["import os"], 'process.env.SLIPWAY_API_KEY ?? "none"'] : [[`export SLIPWAY_API_KEY=${key}`], JSON.stringify(key), [], JSON.stringify(key)];
  const body = JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] });
  return [
    { id: "curl", label: "curl", code: [...curlKey, `curl ${origin}/v1/chat/completions \\`, '  --header "Authorization: Bearer $SLIPWAY_API_KEY" \\', '  --header "Content-Type: application/json" \\', `  --data '${body.replaceAll("'", String.raw`'\''`)}'`].join("\n") },
    {
      id: "python", label: "Python",
      code: [
        ...pythonImport, "from openai import OpenAI", "", `client = OpenAI(base_url="${origin}/v1", api_key=${pythonKey})`,
        `answer = client.chat.completions.create(model=${JSON.stringify(model)}, messages=[{"role": "user", "content": "Hello"}])`, "print(answer.choices[0].message.content)",
      ].join("\n"),
    },
    {
      id: "typescript", label: "TypeScript",
      code: [
        'import OpenAI from "openai";', "", `const client = new OpenAI({ baseURL: "${origin}/v1", apiKey: ${typescriptKey} });`,
        `const answer = await client.chat.completions.create({ model: ${JSON.stringify(model)}, messages: [{ role: "user", content: "Hello" }] });`, "console.log(answer.choices[0]?.message.content);",
      ].join("\n"),
    },
    {
      id: "anthropic", label: "Anthropic SDK",
      code: [
        ...pythonImport, "from anthropic import Anthropic", "", `client = Anthropic(base_url="${origin}", auth_token=${pythonKey})`,
        `answer = client.messages.create(model=${JSON.stringify(model)}, max_tokens=200, messages=[{"role": "user", "content": "Hello"}])`, "print(answer.content[0].text)",
      ].join("\n"),
    },
  ];
}
