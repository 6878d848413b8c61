import { createServer } from "node:http";

/** A provider in OpenAI's protocol that thinks about nothing: a prepared answer of about 600 bytes, or a stream of 20 tokens, each in a write of its own. Its first line says the port. */
const tokens = 20;
const usage = { prompt_tokens: 24, completion_tokens: tokens, total_tokens: 24 + tokens, prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 }, completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 } };
const common = { id: "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT", created: 1_741_569_952, model: "bench", system_fingerprint: "fp_44709d6fcb" };
const whole = Buffer.from(JSON.stringify({
  ...common, object: "chat.completion", usage,
  choices: [{ index: 0, message: { role: "assistant", content: "token ".repeat(tokens).trim(), refusal: null, annotations: [] }, logprobs: null, finish_reason: "stop" }],
}));
const wholeHeaders = { "Content-Type": "application/json", "Content-Length": whole.length, "x-request-id": "req_bench" };

const event = (rest: object): Buffer => Buffer.from(`data: ${JSON.stringify({ ...common, object: "chat.completion.chunk", ...rest })}\n\n`);
const choice = (delta: object, finish: string | null = null): Buffer => event({ choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] });
const pieces = [choice({ role: "assistant", content: "" }), ...Array.from({ length: tokens }, () => choice({ content: "token " })), choice({}, "stop")];
const usagePiece = event({ choices: [], usage });
const done = Buffer.from("data: [DONE]\n\n");

const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("latin1").on("data", (chunk: string) => (body += chunk));
  request.on("end", () => {
    if (!/"stream": ?true/.test(body)) return void response.writeHead(200, wholeHeaders).end(whole);
    response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8", "x-request-id": "req_bench" });
    const all = [...pieces, ...(body.includes("include_usage") ? [usagePiece] : []), done];
    let next = 0;
    const write = (): void => {
      response.write(all[next++]!);
      if (next < all.length) setImmediate(write);
      else response.end();
    };
    write();
  });
});
// Connections stay however long a line of the benchmark rests.
server.keepAliveTimeout = 0;
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: (server.address() as { port: number }).port })));
