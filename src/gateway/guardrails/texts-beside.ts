import { isFields, type Fields } from "../protocols/request-fields.ts";

/** Words of the protocols and of JSON Schema, as names of fields and as values: they say nothing of their own, and a pattern such as `user` must not refuse every call. Any other word is read. */
const words = new Set(
  `model messages role content name system developer user assistant tool function text type refusal input_text output_text image image_url input_image input_audio audio file input_file document url detail auto low high medium minimal
  none xhigh max data format source base64 media_type title file_data file_url filename file_id tools tool_choice tool_calls tool_call_id tool_use tool_result tool_use_id is_error input functions function_call function_call_output
  arguments call_id id index custom parameters strict description input_schema parallel_tool_calls disable_parallel_tool_use required any response_format json_schema json_object schema output_config output_format effort verbosity
  max_tokens max_completion_tokens max_output_tokens temperature top_p top_k stop stop_sequences seed n best_of echo logprobs top_logprobs logit_bias suffix prompt frequency_penalty presence_penalty reasoning_effort reasoning
  reasoning_content reasoning_details thinking thinking_blocks redacted_thinking enabled disabled adaptive budget_tokens summary signature encrypted_content include instructions metadata user_id stream stream_options include_usage
  include_obfuscation store truncation background previous_response_id conversation message status completed in_progress item_reference service_tier default flex priority standard_only prompt_cache_key prompt_cache_retention
  prompt_cache_breakpoint safety_identifier cache_control ephemeral ttl 5m 1h modalities prediction web_search_options extra_content provider_specific_fields google thought_signature caller output
  object string number integer boolean null array properties items enum const anyOf oneOf allOf not additionalProperties definitions $defs $ref $schema minimum maximum minLength maxLength minItems maxItems pattern examples
  date date-time time email uri uuid image/png image/jpeg image/gif image/webp application/pdf text/plain wav mp3 pcm16`.split(/\s+/),
);
/** Fields whose values are names and bytes that machines gave: read only where they say something in words. */
const opaque = new Set([
  "id", "tool_call_id", "tool_use_id", "call_id", "file_id", "item_id", "previous_response_id", "conversation", "container", "signature", "thought_signature", "encrypted_content", "data", "file_data",
]);
const machineWord = /^[\w+/=.:|-]*$/;
const lookedAt = 4096;
const address = /^(?:https?|gs):\/\//i;

/**
 * Every text of a caller's body that is not among those that were read, names of fields included: what the canonical form leaves out, reads from one of two places, or carries elsewhere than in its messages. What a provider gets of it
 * can be text to a model, whatever it is called here.
 */
export function textsBeside(body: Fields, read: ReadonlySet<string>): string[] {
  const texts = new Set<string>();
  const keep = (text: string): void => {
    if (text !== "" && !words.has(text) && !read.has(text)) texts.add(text);
  };
  const walk = (value: unknown, name: string): void => {
    if (typeof value === "string") {
      if (!(opaque.has(name) && isMachineWord(value))) keep(value.startsWith("data:") ? value.slice(0, Math.max(0, value.indexOf(","))) : value);
    } else if (Array.isArray(value)) for (const item of value) walk(item, name);
    else if (isFields(value)) {
      for (const key in value) {
        keep(key);
        walk(value[key], key);
      }
    }
  };
  for (const key in body) {
    keep(key);
    if (key !== "model") walk(body[key], key);
  }
  return [...texts];
}

/** Of a text of megabytes only the beginning is looked at, and whether it has spaces. */
function isMachineWord(text: string): boolean {
  return machineWord.test(text.length > lookedAt ? text.slice(0, lookedAt) : text) && (text.length <= lookedAt || !text.includes(" "));
}

/** What a person would have to read to be told something: a classifier of texts can say nothing of names and single words. */
export function isProse(text: string): boolean {
  return /\s/.test(text.trim()) || /[^\0-\u02ff]/.test(text);
}

/** An address must stay as it is to lead anywhere. */
export function isAddress(text: string): boolean {
  return address.test(text);
}
