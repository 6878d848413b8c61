import { z } from "zod";
import { toAppError, AppError } from "../core/errors.ts";
import { HttpAnswer, route, type Route } from "../core/route.ts";
import { transactionSeconds, type OidcService } from "./oidc-service.ts";
import { sessionCookie } from "./read-credentials.ts";
import { sessionSeconds } from "./session-service.ts";

export const oidcCallbackPath = "/api/session/oidc/callback";

const declared = { method: "GET", access: "public", tag: "Access", response: { mediaType: "text/plain", description: "303 to where the browser goes on" } } as const;

/** The two redirects of a sign-in; `oidc` is null on a server without a provider. */
export function oidcRoutes({ oidc, secure }: { oidc: OidcService | null; secure: boolean }): Route[] {
  const cookieName = secure ? "__Host-sign-in" : "sign-in";
  /** A transaction is good once: what its cookie still holds must not wait in the browser for another try. */
  const endedCookie = `${cookieName}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0${secure ? "; Secure" : ""}`;
  const service = (): OidcService => {
    if (oidc === null) throw new AppError("NOT_SUPPORTED", "This server has no identity provider; sign in with a key.");
    return oidc;
  };
  return [
    route({
      ...declared, path: "/api/session/oidc/start", operationId: "startProviderSignIn", summary: "Begin a sign-in through the identity provider",
      query: z.strictObject({ returnTo: z.string().max(2000).default("/").meta({ description: "Path of this server to come back to" }) }),
      handle: async ({ query, now }) => {
        try {
          const { location, transaction } = await service().begin(query.returnTo, now);
          // Lax: the answer comes by a link from the provider's site, and must bring it along.
          const cookie = `${cookieName}=${transaction}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${transactionSeconds}${secure ? "; Secure" : ""}`;
          return goTo(location, cookie);
        } catch (thrown) {
          return signInPage(thrown);
        }
      },
    }),
    route({
      ...declared, path: oidcCallbackPath, operationId: "finishProviderSignIn", summary: "The provider's answer to a sign-in",
      query: z.record(z.string(), z.string()),
      handle: async ({ query, headers, requestId, now }) => {
        try {
          const signedIn = await service().finish(query, cookieValue(headers.cookie, cookieName), { requestId, now });
          return goTo(signedIn.returnTo, sessionCookie(signedIn.session, { secure, maxAgeSeconds: sessionSeconds }), endedCookie);
        } catch (thrown) {
          return signInPage(thrown, endedCookie);
        }
      },
    }),
  ];
}

function goTo(location: string, ...cookies: readonly string[]): HttpAnswer {
  return new HttpAnswer(303, { Location: location }, null, cookies);
}

/** People are in front of these two routes: they get the console's page, which says what the code means. */
function signInPage(thrown: unknown, ...cookies: readonly string[]): HttpAnswer {
  return goTo(`/sign-in?error=${toAppError(thrown).code}`, ...cookies);
}

function cookieValue(header: string | string[] | undefined, name: string): string | undefined {
  for (const pair of String(header ?? "").split(";")) {
    const equals = pair.indexOf("=");
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}
