const toolCall = /"type":\s*"tool_call"(?:(?!"type":)[^])*?"name":\s*"((?:[^"\\]|\\.)*)"/g;

/**
 * The beginning of what went in or came out, on a line of a list. An answer that only calls tools has no text, and begins as
 * the JSON of its messages, cut somewhere: of that, the tools that it calls.
 */
export function previewText(preview: string): string {
  if (!/^\s*\[?\s*\{\s*"(?:role|parts|type)":/.test(preview)) return preview;
  const names = [...preview.matchAll(toolCall)].map(([, name]) => name!);
  return names.length === 0 ? preview : `calls ${[...new Set(names)].join(", ")}`;
}
