/**
 * A provider's signature of its thinking, or thinking that it shows to nobody, as the `encrypted_content` of a reasoning item: callers give it back unchanged. The mark before it tells it from what OpenAI
 * itself encrypted, which no other provider can read.
 */
const marks = { signature: "slipway.signature.", redacted: "slipway.redacted." } as const;

export function sealThinking(kind: keyof typeof marks, value: string): string {
  return marks[kind] + value;
}

/** Whether a reasoning item is of an answer that was written here, of what another provider thought: OpenAI can neither decrypt it nor find it by its id. */
export function isSealedHere({ encrypted_content: encrypted, id }: Readonly<Record<string, unknown>>): boolean {
  return typeof encrypted === "string" && encrypted !== "" ? openThinking(encrypted) !== null : typeof id === "string" && /^rs_[0-9a-z]{26}_\d+$/.test(id);
}

/** Whether an image is of an answer that was written here: OpenAI cannot find it by its id. */
export function isImageMadeHere({ id, result }: Readonly<Record<string, unknown>>): boolean {
  return typeof result === "string" && result !== "" && typeof id === "string" && /^ig_[0-9a-z]{26}_\d+$/.test(id);
}

/** Null for what was not sealed here. */
export function openThinking(encrypted: string): { kind: keyof typeof marks; value: string } | null {
  for (const kind of ["signature", "redacted"] as const) if (encrypted.startsWith(marks[kind])) return { kind, value: encrypted.slice(marks[kind].length) };
  return null;
}
