/** In every spelling: as it is, in JSON, in an address, in hexadecimal, and in base64 at each of its three places. */
export function formsOf(secret: string): string[] {
  const inBase64 = [0, 1, 2].map((shift) => Buffer.from("\0".repeat(shift) + secret).toString("base64").replace(/=+$/, "").slice(shift === 0 ? 0 : 4, -2));
  return [...new Set([secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), encodeURI(secret), Buffer.from(secret).toString("hex"), ...inBase64, ...inBase64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))])];
}
