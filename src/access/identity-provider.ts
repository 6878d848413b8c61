/** What ties the answer of the provider to the browser that asked. */
export interface SignInSecrets {
  state: string;
  nonce: string;
  /** PKCE: only who has it can redeem the code. */
  codeVerifier: string;
}

/** Whom the provider vouches for. */
export interface Identity {
  issuer: string;
  subject: string;
  name: string;
  email: string;
  groups: readonly string[];
}

/** An identity provider: OpenID Connect by authorization code with PKCE. */
export interface IdentityProvider {
  /** What people call it. */
  readonly name: string;
  /** Where to send the browser. Throws SIGN_IN_FAILED when the provider does not answer. */
  authorizationUrl(secrets: SignInSecrets): Promise<string>;
  /**
   * Whom the provider's answer (the parameters of the callback) vouches for, after every check of the protocol: state,
   * issuer, code, verifier, and signature, audience, times and nonce of the ID token. Throws SIGN_IN_FAILED.
   */
  identityOf(parameters: Readonly<Record<string, string>>, secrets: SignInSecrets): Promise<Identity>;
}
