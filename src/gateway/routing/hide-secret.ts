/** Shorter ones stand in too many words to be looked for. */
const leastCharacters = 8;

/** Somebody else's words without the provider's secret, which some servers repeat in their errors; of one with several parts, without each. */
export function hideSecret(text: string, secret: string | null): string {
  if (secret === null || text === "") return text;
  let hidden = text.replaceAll(secret, "***");
  for (const part of secret.split(":")) if (part.length >= leastCharacters) hidden = hidden.replaceAll(part, "***");
  return hidden;
}
