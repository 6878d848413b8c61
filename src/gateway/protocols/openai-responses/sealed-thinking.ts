/**
 * A provider's signature of its thinking, or thinking that it shows to nobody, as the `encrypted_content` of a reasoning item: callers give it back unchanged. The mark before it tells it from what OpenAI
 * itself encrypted, which no other provider can read.
 */
const marks = { signature: "slipway.signature.", redacted: "slipway.redacted." } as const;

export function sealThinking(kind: keyof typeof marks, value: string): string {
  return marks[kind] + value;
}

/** Null for what was not sealed here. */
export function openThinking(encrypted: string): { kind: keyof typeof marks; value: string } | null {
  for (const kind of ["signature", "redacted"] as const) if (encrypted.startsWith(marks[kind])) return { kind, value: encrypted.slice(marks[kind].length) };
  return null;
}
