import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { CookieBrowser, type Visit } from "../kit/cookie-browser.ts";
import { freePort } from "../kit/free-port.ts";
import { startIdentityProvider, type TestProvider } from "../kit/identity-provider.ts";
import { startSecuredServer, type SecuredServer } from "../kit/secured-server.ts";

interface AuditEntry { action: string; actor: string; result: string; object: string; detail: Record<string, unknown> }

describe("sign-in through an identity provider", () => {
  let provider: TestProvider;
  let server: SecuredServer;
  let url: string;
  let port: number;
  const start = "/api/session/oidc/start";
  const callback = "/api/session/oidc/callback";

  before(async () => {
    port = await freePort();
    url = `http://localhost:${port}`;
    provider = await startIdentityProvider([
      { client_id: "slipway", client_secret: "canary-client-secret", redirect_uris: [`${url}${callback}`] },
      { client_id: "other", client_secret: "other-secret", redirect_uris: [`${url}${callback}`] },
    ]);
    server = await startSecuredServer({
      port, publicUrl: url, oidcIssuer: provider.issuer, oidcClientId: "slipway", oidcClientSecret: "canary-client-secret", oidcName: "Test ID",
      oidcScopes: "openid profile email groups", oidcGroups: "ml-admins=admin,readers=viewer@search",
    });
    provider.accounts.set("ada", { name: "Ada Lovelace", email: "ada@example.com", groups: ["ml-admins", "all"] });
    provider.accounts.set("bob", { name: "Bob", groups: ["readers"] });
    provider.accounts.set("eve", { name: "Eve", groups: ["all", "ml-admins-not"] });
  });
  after(async () => {
    await server.stop();
    await provider.stop();
  });

  /** Up to the moment when the provider sends the browser back: the last answer's location is the callback. */
  async function atProvider(browser: CookieBrowser, account: string, options: { returnTo?: string; from?: string } = {}): Promise<Visit> {
    const begun = await browser.visit(options.from ?? `${url}${start}?returnTo=${encodeURIComponent(options.returnTo ?? "/models")}`);
    assert.equal(begun.status, 303, begun.text);
    const page = await browser.follow(begun, `${url}${callback}`);
    // A provider that knows the person already asks nothing.
    if (page.location !== undefined) return page;
    return browser.follow(await browser.visit(page.url, { form: { account } }), `${url}${callback}`);
  }

  async function signIn(browser: CookieBrowser, account: string, returnTo?: string): Promise<Visit> {
    const back = await atProvider(browser, account, returnTo === undefined ? {} : { returnTo });
    return browser.visit(back.location!);
  }

  const callerOf = async (browser: CookieBrowser): Promise<{ actor: string; name: string; grants: unknown[] } | null> =>
    (JSON.parse((await browser.visit(`${url}/api/session`)).text) as { caller: { actor: string; name: string; grants: unknown[] } | null }).caller;
  const audit = async (query = ""): Promise<AuditEntry[]> => {
    // Denials are not waited for; what comes behind them is, and is written after them.
    await server.asAdmin("PUT", "/api/users/nobody", { disabled: true });
    return (JSON.parse((await server.asAdmin("GET", `/api/audit?action=signInWithProvider${query}`)).body) as { entries: AuditEntry[] }).entries;
  };

  /** Nobody is signed in, and the browser is on the page that says why. */
  async function assertRefused(browser: CookieBrowser, visit: Visit, code = "SIGN_IN_FAILED"): Promise<void> {
    assert.deepEqual([visit.status, visit.location], [303, `${url}/sign-in?error=${code}`]);
    assert.equal(browser.cookiesOf(url).has("sid"), false);
    assert.equal(visit.setCookie.find((line) => line.startsWith("sign-in=")), "sign-in=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    assert.equal(await callerOf(browser), null);
  }

  it("signs in with what the groups give, and goes back to where it began", async () => {
    const browser = new CookieBrowser();
    const state = JSON.parse((await browser.visit(`${url}/api/session`)).text) as { signIn: { oidc: unknown }; setupOpen: boolean };
    assert.deepEqual(state.signIn.oidc, { name: "Test ID" });
    const visit = await signIn(browser, "ada", "/models/x?tab=1#here");
    assert.deepEqual([visit.status, visit.location], [303, `${url}/models/x?tab=1#here`]);
    assert.match(visit.setCookie.find((line) => line.startsWith("sid="))!, /HttpOnly; SameSite=Strict/);
    // What the sign-in needed goes with its end.
    assert.equal(visit.setCookie.find((line) => line.startsWith("sign-in=")), "sign-in=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    assert.deepEqual([...browser.cookiesOf(url).keys()], ["sid"]);
    const caller = await callerOf(browser);
    assert.deepEqual([caller?.name, caller?.grants], ["Ada Lovelace", [{ role: "admin", team: "*" }]]);
    assert.equal((await browser.visit(`${url}/api/users`)).status, 200);
    const [entry] = await audit("&limit=1");
    assert.deepEqual([entry!.actor, entry!.result, entry!.detail.groups], [caller!.actor, "allowed", ["ml-admins"]]);
    const other = new CookieBrowser();
    await signIn(other, "bob");
    assert.deepEqual((await callerOf(other))?.grants, [{ role: "viewer", team: "search" }]);
    assert.equal((await other.visit(`${url}/api/users`)).status, 403);
  });

  it("asks the provider as the protocol wants it: code, PKCE with S256, state, nonce, the exact address", async () => {
    const browser = new CookieBrowser();
    const begun = await browser.visit(`${url}${start}`);
    const query = new URL(begun.location!).searchParams;
    assert.deepEqual([query.get("response_type"), query.get("code_challenge_method"), query.get("redirect_uri"), query.get("client_id")], ["code", "S256", `${url}${callback}`, "slipway"]);
    for (const name of ["state", "nonce", "code_challenge"]) assert.ok(query.get(name)!.length >= 43, name);
    assert.match(begun.setCookie[0]!, /^sign-in=[A-Za-z0-9_-]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600$/);
    // Neither the verifier nor anything else can be read out of the cookie.
    const sealed = Buffer.from(browser.cookiesOf(url).get("sign-in")!, "base64url").toString("latin1");
    for (const secret of [query.get("state")!, query.get("nonce")!, "codeVerifier", "returnTo"]) assert.ok(!sealed.includes(secret));
    const again = new URL((await browser.visit(`${url}${start}`)).location!).searchParams;
    for (const name of ["state", "nonce", "code_challenge"]) assert.notEqual(again.get(name), query.get(name), name);
  });

  it("sends nobody to another site", async () => {
    for (const returnTo of ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)", "\\\\evil.example", "/..//evil.example", "models", `/${"x".repeat(1500)}`]) {
      const visit = await signIn(new CookieBrowser(), "bob", returnTo);
      assert.equal(visit.location, `${url}/`, returnTo);
    }
  });

  it("refuses a wrong, missing or foreign state, and takes the right one", async () => {
    const browser = new CookieBrowser();
    const back = new URL((await atProvider(browser, "ada")).location!);
    const changed = (change: (query: URLSearchParams) => void): string => {
      const copy = new URL(back);
      change(copy.searchParams);
      return copy.href;
    };
    const transaction = browser.cookiesOf(url).get("sign-in")!;
    for (const wrong of [changed((query) => query.set("state", "x".repeat(43))), changed((query) => query.delete("state")), changed((query) => query.set("state", `${query.get("state")}x`))]) {
      browser.cookiesOf(url).set("sign-in", transaction);
      await assertRefused(browser, await browser.visit(wrong));
    }
    // Somebody else's browser, into which the link was put: it has begun no sign-in, or another one.
    const victim = new CookieBrowser();
    await assertRefused(victim, await victim.visit(back.href));
    await victim.visit(`${url}${start}`);
    await assertRefused(victim, await victim.visit(back.href));
    browser.cookiesOf(url).set("sign-in", transaction);
    assert.equal((await browser.visit(back.href)).location, `${url}/models`);
  });

  it("takes a callback once", async () => {
    const browser = new CookieBrowser();
    const back = await atProvider(browser, "ada");
    const transaction = browser.cookiesOf(url).get("sign-in")!;
    await browser.visit(back.location!);
    assert.notEqual(await callerOf(browser), null);
    const thief = new CookieBrowser();
    thief.cookiesOf(url).set("sign-in", transaction);
    await assertRefused(thief, await thief.visit(back.location!));
    assert.match((await audit("&limit=1"))[0]!.detail.reason as string, /finished already/);
    assert.notEqual(await callerOf(browser), null);
  });

  it("refuses a code of another sign-in or another client, and a tampered cookie", async () => {
    // A code that the provider gave for another browser's transaction.
    const mine = new CookieBrowser();
    const theirs = new CookieBrowser();
    const back = new URL((await atProvider(mine, "bob")).location!);
    const stolen = new URL((await atProvider(theirs, "ada")).location!);
    back.searchParams.set("code", stolen.searchParams.get("code")!);
    await assertRefused(mine, await mine.visit(back.href));
    // A code that the provider gave to another client.
    const browser = new CookieBrowser();
    const begun = new URL((await browser.visit(`${url}${start}`)).location!);
    begun.searchParams.set("client_id", "other");
    const answer = await atProvider(browser, "ada", { from: begun.href });
    assert.ok(answer.location?.includes("code="), "the provider gave no code to the other client");
    await assertRefused(browser, await browser.visit(answer.location!));
    for (const change of [(text: string) => `${text.slice(0, -4)}AAAA`, (text: string) => text.slice(0, 20), () => "", () => "e30"]) {
      const tampering = new CookieBrowser();
      const again = await atProvider(tampering, "ada");
      const jar = tampering.cookiesOf(url);
      jar.set("sign-in", change(jar.get("sign-in")!));
      await assertRefused(tampering, await tampering.visit(again.location!));
    }
  });

  it("refuses an ID token whose nonce is not the one of this browser", async () => {
    const browser = new CookieBrowser();
    const begun = new URL((await browser.visit(`${url}${start}`)).location!);
    begun.searchParams.set("nonce", "n".repeat(43));
    const page = await browser.follow(await browser.visit(begun.href), `${url}${callback}`);
    const back = await browser.follow(await browser.visit(page.url, { form: { account: "ada" } }), `${url}${callback}`);
    await assertRefused(browser, await browser.visit(back.location!));
    assert.ok(server.logged.some((line) => line.includes("sign_in.failed") && /nonce/.test(line)));
  });

  it("refuses people whose groups give nothing, and who say no at the provider", async () => {
    const browser = new CookieBrowser();
    await assertRefused(browser, await signIn(browser, "eve"), "FORBIDDEN");
    const declining = new CookieBrowser();
    await assertRefused(declining, await signIn(declining, ""));
    assert.deepEqual((await audit("&result=denied&limit=2")).map(({ detail }) => detail.code), ["SIGN_IN_FAILED", "FORBIDDEN"]);
    for (const groups of [undefined, null, "", [], { readers: true }, [["readers"]], 7]) {
      provider.accounts.set("odd", { name: "Odd", groups });
      const odd = new CookieBrowser();
      await assertRefused(odd, await signIn(odd, "odd"), "FORBIDDEN");
    }
    provider.accounts.set("odd", { name: "Odd", groups: "readers" });
    assert.equal((await signIn(new CookieBrowser(), "odd")).location, `${url}/models`);
  });

  it("gives at the next sign-in what the groups give then, also to the sessions of before", async () => {
    provider.accounts.set("carl", { name: "Carl", groups: ["ml-admins", "readers"] });
    const first = new CookieBrowser();
    await signIn(first, "carl");
    assert.equal((await callerOf(first))?.grants.length, 2);
    provider.accounts.set("carl", { name: "Carl C.", groups: ["readers"] });
    const second = new CookieBrowser();
    await signIn(second, "carl");
    for (const browser of [first, second]) assert.deepEqual((await callerOf(browser))?.grants, [{ role: "viewer", team: "search" }]);
    assert.equal((await callerOf(first))?.name, "Carl C.");
    provider.accounts.set("carl", { name: "Carl", groups: [] });
    await assertRefused(new CookieBrowser(), await signIn(new CookieBrowser(), "carl"), "FORBIDDEN");
    for (const browser of [first, second]) assert.deepEqual((await callerOf(browser))?.grants ?? [], []);
    assert.equal((await first.visit(`${url}/api/models`)).status, 403);
  });

  it("keeps a disabled user out, and lets them in when they are enabled again", async () => {
    provider.accounts.set("dora", { name: "Dora", groups: ["readers"] });
    const browser = new CookieBrowser();
    await signIn(browser, "dora");
    const id = (await callerOf(browser))!.actor.replace("user:", "");
    await server.asAdmin("PUT", `/api/users/${id}`, { disabled: true });
    assert.equal(await callerOf(browser), null);
    browser.cookiesOf(url).clear();
    await assertRefused(browser, await signIn(browser, "dora"), "FORBIDDEN");
    await server.asAdmin("PUT", `/api/users/${id}`, { disabled: false });
    await signIn(browser, "dora");
    assert.equal((await callerOf(browser))?.name, "Dora");
  });

  it("revokes what a disabled user made, at once, and gives none of it back", async () => {
    provider.accounts.set("mallory", { name: "Mallory", groups: ["ml-admins"] });
    const browser = new CookieBrowser();
    await signIn(browser, "mallory");
    const id = (await callerOf(browser))!.actor.replace("user:", "");
    const make = async (headers: readonly string[]): Promise<{ id: string; key: string }> => {
      const made = await server.send("POST", "/api/keys", [`Host: ${server.host}`, "Content-Type: application/json", ...headers], JSON.stringify({ name: "made", grants: [{ role: "contributor" }] }));
      assert.equal(made.status, 200, made.body);
      return JSON.parse(made.body) as { id: string; key: string };
    };
    const status = async (key: string): Promise<number> => (await server.send("GET", "/api/models", [`Host: ${server.host}`, `Authorization: Bearer ${key}`])).status;
    const own = await make([`Cookie: sid=${browser.cookiesOf(url).get("sid")}`, `Origin: ${url}`]);
    const child = await make([`Authorization: Bearer ${own.key}`]);
    const others = await make([`Authorization: Bearer ${server.adminKey}`]);
    const all = async (): Promise<number[]> => Promise.all([own, child, others].map(({ key }) => status(key)));
    assert.deepEqual(await all(), [200, 200, 200]);
    assert.equal((await server.asAdmin("PUT", `/api/users/${id}`, { disabled: true })).status, 200);
    assert.deepEqual(await all(), [401, 401, 200]);
    assert.equal((await server.asAdmin("PUT", `/api/users/${id}`, { disabled: false })).status, 200);
    assert.deepEqual(await all(), [401, 401, 200]);
    const { entries } = JSON.parse((await server.asAdmin("GET", `/api/audit?action=changeUser&object=user:${id}`)).body) as { entries: AuditEntry[] };
    assert.deepEqual(entries.map(({ detail }) => detail), [{ disabled: false }, { disabled: true, revoked: 2, keys: [own.id, child.id] }]);
  });

  it("writes no secret to the log or the audit log", async () => {
    const everything = `${server.logged.join("\n")}\n${(await server.asAdmin("GET", "/api/audit?limit=1000")).body}`;
    assert.doesNotMatch(everything, /canary-client-secret|slk_[A-Za-z0-9]{43}|sls_[A-Za-z0-9]{43}|sst_[A-Za-z0-9_-]{43}|"code_verifier"|eyJ[A-Za-z0-9_-]{20}/);
    assert.equal((JSON.parse((await server.asAdmin("GET", "/api/audit/verify")).body) as { broken: unknown }).broken, null);
  });
});

describe("an identity provider that is away", () => {
  it("stops neither the start nor keys, and is asked again by the next sign-in", async () => {
    const [port, providerPort] = [await freePort(), await freePort()];
    const url = `http://localhost:${port}`;
    const server = await startSecuredServer({ port, publicUrl: url, oidcIssuer: `http://127.0.0.1:${providerPort}`, oidcClientId: "slipway", oidcGroups: "readers=viewer" });
    const browser = new CookieBrowser();
    const begun = await browser.visit(`${url}/api/session/oidc/start`);
    assert.deepEqual([begun.status, begun.location], [303, `${url}/sign-in?error=SIGN_IN_FAILED`]);
    assert.equal((await server.asAdmin("GET", "/api/models")).status, 200);
    const provider = await startIdentityProvider([{ client_id: "slipway", token_endpoint_auth_method: "none", redirect_uris: [`${url}/api/session/oidc/callback`] }], { port: providerPort });
    assert.match((await browser.visit(`${url}/api/session/oidc/start`)).location!, new RegExp(`^http://127.0.0.1:${providerPort}/`));
    await provider.stop();
    await server.stop();
  });
});
