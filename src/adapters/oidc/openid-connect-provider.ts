import {
  allowInsecureRequests, authorizationCodeGrant, buildAuthorizationUrl, calculatePKCECodeChallenge, ClientSecretBasic, ClientSecretPost, discovery,
  enableNonRepudiationChecks, fetchUserInfo, None, type ClientAuth, type Configuration,
} from "openid-client";
import type { Identity, IdentityProvider, SignInSecrets } from "../../access/identity-provider.ts";
import type { Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";

export interface OpenidConnectProviderOptions {
  name: string;
  issuer: string;
  clientId: string;
  /** Absent for a public client, which PKCE alone protects. */
  clientSecret: string | undefined;
  scopes: string;
  /** Claim that lists the groups: in the ID token, else in the user info. */
  groupsClaim: string;
  /** Where the provider sends browsers back to, exactly as it is registered there. */
  redirectUri: string;
  clock: Clock;
}

const timeoutSeconds = 10;
/** How long the provider's own description is believed. */
const discoveryMs = 60 * 60 * 1000;
const maxGroups = 10_000;
const maxText = 200;

/** OpenID Connect on openid-client, which makes the checks of the protocol. */
export class OpenidConnectProvider implements IdentityProvider {
  readonly name: string;
  readonly #options: OpenidConnectProviderOptions;
  #discovered: { configuration: Promise<Configuration>; until: number } | undefined;

  constructor(options: OpenidConnectProviderOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async authorizationUrl({ state, nonce, codeVerifier }: SignInSecrets): Promise<string> {
    const { redirectUri, scopes } = this.#options;
    const configuration = await this.#configuration();
    const url = buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri, scope: scopes, response_type: "code", state, nonce,
      code_challenge: await calculatePKCECodeChallenge(codeVerifier), code_challenge_method: "S256",
    });
    return url.href;
  }

  async identityOf(parameters: Readonly<Record<string, string>>, { state, nonce, codeVerifier }: SignInSecrets): Promise<Identity> {
    if (parameters.error !== undefined) throw new AppError("SIGN_IN_FAILED", "The identity provider refused the sign-in.", { cause: new Error(`${parameters.error}: ${parameters.error_description ?? ""}`) });
    const configuration = await this.#configuration();
    const callback = new URL(this.#options.redirectUri);
    callback.search = new URLSearchParams({ ...parameters }).toString();
    try {
      const tokens = await authorizationCodeGrant(configuration, callback, { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: codeVerifier, idTokenExpected: true });
      const claims: Readonly<Record<string, unknown>> = tokens.claims()!;
      const subject = String(claims.sub);
      // Providers differ in where they put name and groups; the token is asked first, for it is signed.
      const info = this.#isWhole(claims) || configuration.serverMetadata().userinfo_endpoint === undefined ? {} : await fetchUserInfo(configuration, tokens.access_token, subject);
      return this.#identity(subject, claims, info);
    } catch (cause) {
      throw new AppError("SIGN_IN_FAILED", "The identity provider did not vouch for this sign-in.", { cause });
    }
  }

  #isWhole(claims: Readonly<Record<string, unknown>>): boolean {
    return [this.#options.groupsClaim, "name", "email"].every((claim) => Object.hasOwn(claims, claim));
  }

  #identity(subject: string, claims: Readonly<Record<string, unknown>>, info: Readonly<Record<string, unknown>>): Identity {
    const claim = (name: string): unknown => (Object.hasOwn(claims, name) ? claims[name] : Object.hasOwn(info, name) ? info[name] : undefined);
    const text = (...names: string[]): string => names.map(claim).find((value): value is string => typeof value === "string" && value !== "")?.slice(0, maxText).replaceAll("\0", "").toWellFormed() ?? "";
    const groups = [claim(this.#options.groupsClaim) ?? []].flat().filter((group): group is string => typeof group === "string").slice(0, maxGroups);
    return { issuer: this.#options.issuer, subject, name: text("name", "preferred_username", "email") || subject.slice(0, maxText), email: text("email"), groups };
  }

  /** Asked for when somebody signs in, and kept for an hour: a provider that is away stops nobody else, and is asked again. */
  #configuration(): Promise<Configuration> {
    const now = this.#options.clock.monotonic();
    if (this.#discovered !== undefined && now < this.#discovered.until) return this.#discovered.configuration;
    const configuration = this.#discover();
    const discovered = (this.#discovered = { configuration, until: now + discoveryMs });
    configuration.catch(() => {
      if (this.#discovered === discovered) this.#discovered = undefined;
    });
    return configuration;
  }

  async #discover(): Promise<Configuration> {
    const { issuer, clientId, clientSecret } = this.#options;
    const execute = [
      // The signature is checked though the token comes over a channel of its own: a proxy may end TLS in between.
      enableNonRepudiationChecks,
      ...(issuer.startsWith("http:") ? [allowInsecureRequests] : []),
    ];
    try {
      const discovered = await discovery(new URL(issuer), clientId, {}, clientSecret === undefined ? None() : secretOf(clientSecret), { execute, timeout: timeoutSeconds });
      return discovered;
    } catch (cause) {
      throw new AppError("SIGN_IN_FAILED", "The identity provider does not answer.", { cause });
    }
  }
}

/** The secret in the way that the provider takes; Basic is what every one must take. */
function secretOf(secret: string): ClientAuth {
  const basic = ClientSecretBasic(secret);
  const post = ClientSecretPost(secret);
  return (server, client, body, headers) => {
    const methods = server.token_endpoint_auth_methods_supported;
    const auth = methods === undefined || methods.includes("client_secret_basic") ? basic : post;
    auth(server, client, body, headers);
  };
}
