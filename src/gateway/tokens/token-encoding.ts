/** Vocabularies that texts are counted with: `o200k` of OpenAI's models since gpt-4o, `cl100k` of those before. Other providers publish none; theirs come within some 15% of o200k. */
export type EncodingName = "o200k" | "cl100k";

/** Counts one piece of text, special tokens as plain text. Quadratic in the longest word: see `countTokens`. */
export type CountPiece = (text: string) => number;

/** Which vocabulary a model has, by its name; o200k for what is not known. */
export function encodingOf(model: string): EncodingName {
  const name = model.slice(model.lastIndexOf("/") + 1).toLowerCase();
  if (name.startsWith("gpt-3.5") || name.startsWith("gpt-35") || name.startsWith("text-embedding-")) return "cl100k";
  return /^gpt-4(?:$|-(?!o))/.test(name) ? "cl100k" : "o200k";
}

const olderEncoding: string = "gpt-tokenizer/encoding/cl100k_base";

/** Whether a model of this name is one of OpenAI's, whose vocabulary `encodingOf` names. Those with open weights frame their messages in another way. */
export function hasOwnEncoding(model: string): boolean {
  return /^(?:gpt-(?:3\.5|35|4|5)|chatgpt-|o[134](?:$|-)|text-embedding-(?:3|ada))/.test(model.slice(model.lastIndexOf("/") + 1).toLowerCase());
}

/** Reads a vocabulary: some 0.3 s of the thread and 70 MB, which is why only the thread of `TokenCounter` does. */
export async function loadEncoding(name: EncodingName): Promise<CountPiece> {
  // The package itself is o200k. The other stands behind a path that only its `exports` resolves, which the check of the layers does not read.
  const { default: encoding } = name === "o200k" ? await import("gpt-tokenizer") : ((await import(olderEncoding)) as typeof import("gpt-tokenizer"));
  encoding.setMergeCacheSize(20_000);
  // None is allowed and none is disallowed: `<|endoftext|>` in the text of a user is these 13 characters.
  const asText = { disallowedSpecial: new Set<string>() };
  return (text) => encoding.countTokens(text, asText);
}
