/** Whether this text is a JSON object. */
function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const json = JSON as unknown as { rawJSON(text: string): unknown; parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown };

/**
 * Parsed JSON whose numbers are written again as they were read: 12345678901234567890 and 1.0 stay what they are. Only texts in which a number could change pay for it. Throws SyntaxError.
 */
export function parseExact(text: string): unknown {
  if (!/\d{16}|\d\.\d*0(?!\d)|\d[eE]|-0(?!\.)/.test(text)) return JSON.parse(text);
  return json.parse(text, (_, value, { source }) => (typeof value === "number" && source !== undefined && source !== String(value) ? json.rawJSON(source) : value));
}

/**
 * Arguments of a tool as the object that some providers want: those of a tool without arguments are empty, and what is no JSON object is wrapped as `{"INVALID_JSON": text}`, which Anthropic's documentation
 * suggests for broken arguments.
 */
export function argumentsObject(text: string): { value: Record<string, unknown>; wrapped: boolean } {
  if (text.trim() === "") return { value: {}, wrapped: false };
  try {
    const value = parseExact(text);
    if (isObject(value)) return { value, wrapped: false };
  } catch {
    // What a model wrote is not always JSON; the wrapping below says so to the model.
  }
  return { value: { INVALID_JSON: text }, wrapped: true };
}
