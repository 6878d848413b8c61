/** A first call of a route in the ways that people ask for; the key stands for whatever the server takes. */
export function callSnippets(model: string, origin: string): { id: string; label: string; code: string }[] {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] });
  return [
    { id: "curl", label: "curl", code: [`curl ${origin}/v1/chat/completions \\`, '  --header "Authorization: Bearer $SLIPWAY_API_KEY" \\', '  --header "Content-Type: application/json" \\', `  --data '${body.replaceAll("'", String.raw`'\''`)}'`].join("\n") },
    {
      id: "python", label: "Python",
      code: [
        "import os", "from openai import OpenAI", "", `client = OpenAI(base_url="${origin}/v1", api_key=os.environ.get("SLIPWAY_API_KEY", "none"))`,
        `answer = client.chat.completions.create(model=${JSON.stringify(model)}, messages=[{"role": "user", "content": "Hello"}])`, "print(answer.choices[0].message.content)",
      ].join("\n"),
    },
    {
      id: "typescript", label: "TypeScript",
      code: [
        'import OpenAI from "openai";', "", `const client = new OpenAI({ baseURL: "${origin}/v1", apiKey: process.env.SLIPWAY_API_KEY ?? "none" });`,
        `const answer = await client.chat.completions.create({ model: ${JSON.stringify(model)}, messages: [{ role: "user", content: "Hello" }] });`, "console.log(answer.choices[0]?.message.content);",
      ].join("\n"),
    },
    {
      id: "anthropic", label: "Anthropic SDK",
      code: [
        "import os", "from anthropic import Anthropic", "", `client = Anthropic(base_url="${origin}", auth_token=os.environ.get("SLIPWAY_API_KEY", "none"))`,
        `answer = client.messages.create(model=${JSON.stringify(model)}, max_tokens=200, messages=[{"role": "user", "content": "Hello"}])`, "print(answer.content[0].text)",
      ].join("\n"),
    },
  ];
}
