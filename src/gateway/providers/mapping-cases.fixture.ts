import assert from "node:assert/strict";
import type { ChatAnswer } from "../conversation/chat-answer.ts";
import type { ContentPart } from "../conversation/chat-request.ts";
import { refusedPaths } from "./refused-fields.fixture.ts";
import { ProviderSettings, type ProviderKind } from "../schemas.ts";
import { chatRequest } from "./conformance.fixture.ts";
import type { ChatOperation, MappingTarget } from "./provider-mapping.ts";
import { providerMappings } from "./provider-mappings.ts";

type Change = NonNullable<Parameters<typeof chatRequest>[0]>;

export interface SentRequest {
  body: Record<string, unknown>;
  path: string;
  headers: Readonly<Record<string, string>>;
  dropped: readonly string[];
  emulated: readonly string[];
}

/** One provider's mapping, for tables of cases. */
export interface MappingCases {
  chat: ChatOperation;
  target(model: string, settings?: object): MappingTarget;
  /** What a chat that says "Hello", but for `change`, becomes. */
  sent(change: Change, model: string, settings?: object): SentRequest;
  /** The fields that are refused by name; none where the request is taken. */
  refused(change: Change, model: string): string[];
  answer(document: object, headers?: Readonly<Record<string, string>>): ChatAnswer;
}

export function mappingCases(kind: ProviderKind): MappingCases {
  const { chat } = providerMappings[kind];
  assert.ok(chat !== undefined);
  const target = (model: string, settings: object = {}): MappingTarget => ({ model, settings: ProviderSettings.parse({ kind, ...(kind === "bedrock" ? { region: "eu-west-1" } : {}), ...settings }) });
  const sent = (change: Change, model: string, settings?: object): SentRequest => {
    const { body, ...rest } = chat.request(chatRequest(change), target(model, settings));
    return { body: JSON.parse(String(body)) as Record<string, unknown>, ...rest };
  };
  const refused = (change: Change, model: string): string[] => refusedPaths("GATEWAY_FIELD_UNSUPPORTED", () => sent(change, model));
  return { chat, target, sent, refused, answer: (document, headers = {}) => chat.answer(Buffer.from(JSON.stringify(document)), headers) };
}

export const hello = { role: "user" as const, parts: [{ type: "text" as const, text: "Hello" }] };

/** A chat in which the user says these parts. */
export function said(...parts: ContentPart[]): Change {
  return { messages: [{ role: "user", parts }] };
}

export function data(type: "image" | "document", mediaType: string, name?: string): ContentPart {
  return { type, source: { kind: "data", mediaType, base64: "AAAA" }, ...(type === "document" && name !== undefined ? { name } : {}) } as ContentPart;
}
