/** What a failed sign-in means for the person in front of it, by the server's code; null leaves the server's own words. */
const words: Record<string, string> = {
  UNAUTHENTICATED: "This key is not known here, was revoked, or has expired. Keys start with slk_ and are shown once, when they are made.",
  TOO_MANY_ATTEMPTS: "Too many wrong keys came from this address. Wait a minute, then try again.",
  SIGN_IN_FAILED: "The identity provider did not vouch for you, or the sign-in took too long. Start it again; the server's log says why it failed.",
  FORBIDDEN: "The identity provider knows you, and this server does not let you in: none of your groups has a role here, or an admin disabled your account.",
  NOT_SUPPORTED: "This server has no identity provider. Sign in with a key.",
  EGRESS_FAILED: "The identity provider does not answer. Try again in a moment, or sign in with a key.",
  SETUP_TOKEN_INVALID: "This set-up token is wrong, used or older than an hour. The newest one stands in the server's log.",
  SETUP_CLOSED: "This server has an admin already. Sign in with a key, or ask them for one.",
};

export function signInWords(code: string): string | null {
  return words[code] ?? null;
}

/** Codes come by the address, which anybody can write: only what looks like one is shown. */
export function codeInAddress(text: string | null): string | null {
  return text !== null && /^[A-Z][A-Z_]{2,40}$/.test(text) ? text : null;
}
