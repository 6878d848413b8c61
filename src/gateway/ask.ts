import type { Command, CommandContext } from "../core/command.ts";
import { streamChat, type ChatCompletion, type ChatQuestion, type ChatUsage } from "../core/stream-chat.ts";

interface Answered {
  text: string;
  usage: ChatUsage | null;
  /** The whole document, where it came as one. */
  answer?: ChatCompletion;
}

/** One question and its answer, which with --stream is written as it comes. */
export const ask: Command = {
  words: ["gateway", "ask"],
  summary: "ask a model one thing; what it used is told on stderr",
  positionals: [{ name: "<model>", description: "a route, or PROVIDER/MODEL" }, { name: "<text>", description: "what to ask" }],
  options: [
    { flags: "--system <text>", description: "what stands before it as the system's message" },
    { flags: "--stream", description: "write the answer as it comes; with --json each piece as a line, and then the whole" },
  ],
  run: async (context, { positionals: [model, text], options }) => {
    const system = typeof options.system === "string" ? [{ role: "system", content: options.system }] : [];
    const question = { model: model!, messages: [...system, { role: "user", content: text! }] };
    const answered = await (options.stream === true ? streamed(context, question) : whole(context, question));
    if (answered.usage !== null) context.progress(usageText(model!, answered.usage));
    return answered;
  },
  // With --stream it is there already.
  render: ({ text }: Answered, options) => (options?.stream === true ? "" : text),
};

async function whole({ api }: CommandContext, question: ChatQuestion): Promise<Answered> {
  const answer = await api.send<ChatCompletion>("POST", "/v1/chat/completions", question);
  return { text: answer.choices[0]?.message.content ?? "", usage: answer.usage ?? null, answer };
}

async function streamed({ api, print }: CommandContext, question: ChatQuestion): Promise<Answered> {
  const answered: Answered = { text: "", usage: null };
  for await (const chunk of streamChat(api, question)) {
    const piece = chunk.choices[0]?.delta.content ?? "";
    answered.text += piece;
    answered.usage = chunk.usage ?? answered.usage;
    print(piece, chunk, "");
  }
  return answered;
}

function usageText(model: string, { prompt_tokens: input, completion_tokens: output }: ChatUsage): string {
  return `${model}: ${input} tokens in, ${output} out`;
}
