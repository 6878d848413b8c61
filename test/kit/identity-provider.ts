import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Provider, type ClientMetadata, type Configuration } from "oidc-provider";

export interface TestAccount {
  name?: string;
  email?: string;
  groups?: unknown;
}

/** A real OpenID Connect provider on loopback; its sign-in page takes whatever account the form names. */
export interface TestProvider {
  issuer: string;
  accounts: Map<string, TestAccount>;
  stop(): Promise<void>;
}

export async function startIdentityProvider(clients: readonly ClientMetadata[], options: { port?: number; groupsInToken?: boolean } = {}): Promise<TestProvider> {
  const accounts = new Map<string, TestAccount>();
  const server = createServer();
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const configuration: Configuration = {
    clients: [...clients],
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid: "test", use: "sig", alg: "RS256" }] as never },
    cookies: { keys: ["of the test"] },
    claims: { openid: ["sub"], profile: ["name"], email: ["email"], groups: ["groups"] },
    scopes: ["openid", "profile", "email", "groups"],
    conformIdTokenClaims: options.groupsInToken !== true,
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    // The consent of the person is taken for given.
    loadExistingGrant: async (context) => {
      const grant = new context.oidc.provider.Grant({ clientId: context.oidc.client!.clientId, accountId: context.oidc.session!.accountId! });
      grant.addOIDCScope("openid profile email groups");
      await grant.save();
      return grant;
    },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...accounts.get(id) }) as never }),
    ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Session: 600, Grant: 600 },
    renderError: (context, out) => {
      context.body = JSON.stringify(out);
    },
  };
  const provider = new Provider(issuer, configuration);
  const handle = provider.callback();
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    if (!request.url!.startsWith("/interaction/")) return void handle(request, response);
    if (request.method !== "POST") return void response.end('<form method="post"><input name="account"></form>');
    let form = "";
    request.on("data", (chunk: Buffer) => (form += chunk.toString()));
    request.on("end", () => {
      const accountId = new URLSearchParams(form).get("account")!;
      void provider.interactionFinished(request, response, accountId === "" ? { error: "access_denied" } : { login: { accountId } });
    });
  });
  return {
    issuer, accounts,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
