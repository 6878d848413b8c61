import type { NativeProtocol } from "../provider-mapping.ts";
import { fieldsOf, listOf, type Fields } from "../wire-value.ts";

/** Where other providers, and clients that know them, put what the model thought, and images that it made, into a message of the assistant: OpenAI's protocol has none of these. */
const thinkingFields = ["reasoning_content", "reasoning", "reasoning_details", "thinking_blocks", "thinking", "images", "provider_specific_fields"];
/** And where signatures of its calls stand. */
const callFields = ["extra_content", "provider_specific_fields"];
const thinkingParts: ReadonlySet<unknown> = new Set(["thinking", "redacted_thinking", "reasoning"]);

/**
 * The messages of a chat without what other providers thought earlier in it: a provider that knows none of these fields refuses the whole request for one. What it knows all the same is in `kept`. The fields that
 * say nothing (null) go too, without being named.
 */
export function withoutThinking(source: Fields, kept: ReadonlySet<string> = new Set()): ReturnType<NonNullable<NativeProtocol["without"]>> {
  const dropped: string[] = [];
  let changed = false;
  const without = (object: Fields, names: readonly string[], path: string): Fields => {
    const left = names.filter((name) => !kept.has(name) && Object.hasOwn(object, name));
    if (left.length === 0) return object;
    changed = true;
    dropped.push(...left.filter((name) => object[name] !== null).map((name) => `${path}.${name}`));
    return Object.fromEntries(Object.entries(object).filter(([name]) => !left.includes(name)));
  };
  const messages = listOf(source.messages).map((given, index) => {
    if (fieldsOf(given).role !== "assistant") return given;
    const path = `messages[${index}]`;
    const message = without(given as Fields, thinkingFields, path);
    const { content, tool_calls: calls } = message;
    const replaced: Record<string, unknown> = {};
    if (Array.isArray(content) && content.some((part) => thinkingParts.has(fieldsOf(part).type))) {
      dropped.push(`${path}.thinking`);
      const said = content.filter((part) => !thinkingParts.has(fieldsOf(part).type));
      // A list without a part is refused.
      replaced.content = said.length > 0 ? said : calls === undefined ? "" : null;
    }
    const cleaned = listOf(calls).map((call, place) => {
      const at = `${path}.tool_calls[${place}]`;
      const own = without(fieldsOf(call), callFields, at);
      const named = fieldsOf(own.function);
      const called = without(named, callFields, `${at}.function`);
      return called === named ? own : { ...own, function: called };
    });
    if (cleaned.some((call, place) => call !== (calls as unknown[])[place])) replaced.tool_calls = cleaned;
    if (Object.keys(replaced).length === 0) return message;
    changed = true;
    return { ...message, ...replaced };
  });
  return changed ? { fields: { messages }, dropped } : null;
}
