import { unknownUsage } from "../../conversation/chat-answer.ts";
import type { AssistantPart } from "../../conversation/chat-request.ts";
import { localMapping } from "../echo/echo.ts";
import { wordEmbeddings, wordRerank } from "../echo/word-vectors.ts";
import { countWords, inputWords, type LocalProvider } from "../local-provider.ts";

/** Answers with what its settings say, one after the other; the last one stays. Without a script, with nothing. */
export const scriptedProvider: LocalProvider = {
  chat(request, model, { script = [] }, turn) {
    const said = script[Math.min(turn, script.length - 1)];
    const text = said?.text ?? "";
    const calls = said?.toolCalls ?? [];
    const parts: AssistantPart[] = [...(text === "" ? [] : [{ type: "text" as const, text }]), ...calls.map((call, index) => ({ type: "tool-call" as const, id: `call_scripted_${turn}_${index}`, ...call }))];
    const words = calls.reduce((sum, call) => sum + countWords(call.arguments) + 1, countWords(text));
    const usage = { ...unknownUsage, inputTokens: said?.inputTokens ?? inputWords(request), outputTokens: said?.outputTokens ?? words };
    const answer = { id: `scripted-${turn}`, model, parts, finish: calls.length > 0 ? ("tool-calls" as const) : ("stop" as const), finishWord: null, stopSequence: null, usage };
    const status = said?.status ?? 200;
    return { answer, delayMs: said?.delayMs ?? 0, ...(status >= 400 ? { failure: { status, message: said?.error ?? `The script answers with status ${status}.` } } : {}) };
  },
  embeddings: wordEmbeddings,
  rerank: wordRerank,
};

export const scripted = localMapping("scripted");
