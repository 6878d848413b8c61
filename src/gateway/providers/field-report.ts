import { AppError, type Problem } from "../../core/errors.ts";
import type { ChatRequest } from "../conversation/chat-request.ts";
import { rowOf, type Fields } from "./wire-value.ts";

/**
 * Fields of any caller's protocol that change nothing in what a model answers: who asks, what is kept, how quickly and at what price it is served.
 */
const harmless: ReadonlySet<string> = new Set([
  "metadata", "store", "service_tier", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "safety_identifier", "stream_options", "prediction", "user", "user_id", "inference_geo", "speed",
  "encoding_format", "return_documents", "client_metadata", "background",
]);

/** What stands for "as always" in fields that would otherwise change the answer. */
const usual: Readonly<Record<string, (value: unknown) => boolean>> = {
  n: (value) => value === 1,
  best_of: (value) => value === 1,
  top_logprobs: (value) => value === 0,
  modalities: (value) => Array.isArray(value) && value.every((word) => word === "text"),
  truncation: (value) => value === "disabled",
};

/** Keeps account, while a request is put in a provider's words, of what could not be said. Nothing gets lost without being named. */
export class FieldReport {
  readonly #dropped = new Set<string>();
  readonly #emulated = new Set<string>();
  readonly #problems: Problem[] = [];

  get dropped(): readonly string[] {
    return [...this.#dropped];
  }

  get emulated(): readonly string[] {
    return [...this.#emulated];
  }

  /** This provider has nothing for it, and the answer is the same without. */
  drop(path: string): void {
    this.#dropped.add(path);
  }

  /** It is done in another way here; `how` says which. */
  emulate(path: string, how: string): void {
    this.#emulated.add(`${path} (${how})`);
  }

  /** The answer would be another: `settle` throws. */
  refuse(path: string, message: string): void {
    this.#problems.push({ path, message });
  }

  /** Fields that have no place in the common form of a request, but for those in `known`, which the mapping has taken over by itself. */
  foreign(extra: Fields, known: ReadonlySet<string> = new Set()): void {
    for (const [name, value] of Object.entries(extra)) {
      if (known.has(name) || saysNothing(name, value)) continue;
      if (harmless.has(name)) this.drop(name);
      else this.refuse(name, "this provider has no such field");
    }
  }

  /** What a chat brings along that only its own protocol has, and its other fields: those in `known` the mapping has taken over by itself. `stream_options` the gateway honours for its caller by itself. */
  chat({ extra: { stream_options: _ofGateway, ...extra }, nativeOnly = [], uncarried = [], user }: ChatRequest, known?: ReadonlySet<string>): void {
    for (const { path, message } of nativeOnly) this.refuse(path, message);
    for (const path of uncarried) this.drop(path);
    if (user !== null) this.drop("user");
    this.foreign(extra, known);
  }

  /** Throws GATEWAY_FIELD_UNSUPPORTED where something was refused. */
  settle(provider: string): void {
    if (this.#problems.length === 0) return;
    const names = this.#problems.slice(0, 5).map(({ path }) => path);
    throw new AppError("GATEWAY_FIELD_UNSUPPORTED", `${provider} cannot be asked for ${names.join(", ")}${this.#problems.length > 5 ? " and others" : ""}.`, { problems: this.#problems });
  }
}

function saysNothing(name: string, value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === "") return true;
  if (typeof value === "object" && Object.keys(value).length === 0) return true;
  return rowOf(usual, name)?.(value) === true;
}
