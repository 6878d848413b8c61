import { RecentMap } from "../../core/recent-map.ts";

/** Shorter ones are no keys, but words that servers without keys are given in their place, and stand in too many texts. */
const leastCharacters = 8;

/** What a shortened message ends with, and how much of a key must stand before it. */
const [dots, leastCut] = ["...", 4];

/**
 * Somebody else's words without the provider's secret, which some servers repeat in their errors: as it is, in base64, as a part of an address, or cut off where the words are. Of one with several parts, without each.
 */
export function hideSecret(text: string, secret: string | null): string {
  if (secret === null || text === "") return text;
  let hidden = text;
  for (const { key, spellings } of keysOf(secret)) {
    for (const spelling of spellings) hidden = hidden.replaceAll(spelling, "***");
    hidden = withoutCut(hidden, key);
  }
  return hidden;
}

/** `hideSecret` for what a provider said. A secret that cannot be read was sent to nobody. */
export function hideSecretOf(provider: { secret(): string | null }, text: string): string {
  try {
    return hideSecret(text, provider.secret());
  } catch {
    return text;
  }
}

interface Key {
  key: string;
  spellings: readonly string[];
}

/** Of the secrets that were met last: each answer of a provider is looked through for its own. */
const known = new RecentMap<string, readonly Key[]>(256);

function keysOf(secret: string): readonly Key[] {
  let keys = known.get(secret);
  if (keys === undefined) {
    keys = [secret, ...secret.split(":")].filter(({ length }) => length >= leastCharacters).map((key) => ({ key, spellings: spellingsOf(key) }));
    known.set(secret, keys);
  }
  return keys;
}

function spellingsOf(key: string): string[] {
  const spellings = [key, encodeURIComponent(key)];
  // Where a byte before it shifts the key within base64, the characters at both ends hold bits of others.
  for (const before of [0, 1, 2]) {
    const whole = Buffer.from(" ".repeat(before) + key).toString("base64").replace(/=+$/, "");
    const own = whole.slice(before === 0 ? 0 : before + 1, (before + key.length) % 3 === 0 ? undefined : -1);
    spellings.push(own, own.replaceAll("+", "-").replaceAll("/", "_"));
  }
  return spellings;
}

/** Messages are shortened before they come here: the end of one may be the beginning of the key. */
function withoutCut(text: string, key: string): string {
  if (!text.endsWith(dots)) return text;
  const words = text.slice(0, -dots.length);
  for (let length = Math.min(key.length, words.length); length >= leastCut; length--) if (words.endsWith(key.slice(0, length))) return `${words.slice(0, -length)}***${dots}`;
  return text;
}
