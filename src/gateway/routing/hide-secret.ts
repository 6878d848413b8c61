/** Shorter ones are no keys, but words that servers without keys are given in their place, and stand in too many texts. */
const leastCharacters = 8;

/** Somebody else's words without the provider's secret, which some servers repeat in their errors; of one with several parts, without each. */
export function hideSecret(text: string, secret: string | null): string {
  if (secret === null || text === "") return text;
  const keys = [secret, ...secret.split(":")].filter(({ length }) => length >= leastCharacters);
  return keys.reduce((hidden, key) => hidden.replaceAll(key, "***"), text);
}
