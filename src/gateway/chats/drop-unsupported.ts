import { AppError } from "../../core/errors.ts";
import type { ChatRequest, Sampling } from "../conversation/chat-request.ts";

/** What shapes how an answer is drawn, and not what is asked: by the names that providers refuse it by. */
const samplingFields: Readonly<Record<string, keyof Sampling>> = {
  temperature: "temperature", top_p: "topP", top_k: "topK", seed: "seed", frequency_penalty: "frequencyPenalty", presence_penalty: "presencePenalty",
};
/** Of those without a place in the common form. */
const otherFields: ReadonlySet<string> = new Set(["logprobs", "top_logprobs", "logit_bias", "verbosity", "min_p", "top_a", "repetition_penalty"]);

export interface WithoutUnsupported<Made> {
  made: Made;
  request: ChatRequest;
  /** Fields that were left out. */
  left: readonly string[];
}

/**
 * What `make` makes of the request, without the fields that it refuses, where all of them may be left out. Throws what `make` throws where one may not: what is asked stays as it is.
 */
export function droppingUnsupported<Made>(request: ChatRequest, make: (request: ChatRequest) => Made): WithoutUnsupported<Made> {
  const left: string[] = [];
  let asked = request;
  for (;;) {
    try {
      return { made: make(asked), request: asked, left };
    } catch (thrown) {
      const names = thrown instanceof AppError && thrown.code === "GATEWAY_FIELD_UNSUPPORTED" ? thrown.problems.map(({ path }) => path) : [];
      if (names.length === 0 || names.some((name) => left.includes(name) || !mayBeLeft(name))) throw thrown;
      left.push(...names);
      asked = without(asked, names);
    }
  }
}

function mayBeLeft(name: string): boolean {
  return otherFields.has(name) || Object.hasOwn(samplingFields, name) || name === "reasoning_effort";
}

function without(request: ChatRequest, names: readonly string[]): ChatRequest {
  const sampling = { ...request.sampling, ...Object.fromEntries(names.flatMap((name) => (Object.hasOwn(samplingFields, name) ? [[samplingFields[name], null]] : []))) };
  const extra = Object.fromEntries(Object.entries(request.extra).filter(([name]) => !names.includes(name)));
  return { ...request, sampling, extra, ...(names.includes("reasoning_effort") ? { reasoning: null } : {}) };
}
