/** Of an answer without 2xx: its message is in the first bytes. */
const mostBytes = 64 << 10;

/** What came of a refusal's body, and what broke it off; null where it is whole, or as much as anybody wants. */
export async function readRefusal(body: AsyncIterable<Uint8Array>): Promise<{ text: Uint8Array; broken: { by: unknown } | null }> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let broken: { by: unknown } | null = null;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      if ((length += chunk.length) >= mostBytes) break;
    }
  } catch (by) {
    broken = { by };
  }
  return { text: joined(chunks).subarray(0, mostBytes), broken };
}

/** The usual one is handed on as it is. */
export function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}
