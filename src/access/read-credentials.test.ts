import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc, { codePoint } from "../../test/kit/fast-check.ts";
import { keyInAuthorization, sessionCookie, sessionInCookie } from "./read-credentials.ts";
import { isSecretShaped, newSecret, secretHash } from "./secret-text.ts";

const key = newSecret("slk_");
const session = newSecret("sls_");
const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString("base64")}`;

describe("secrets", () => {
  it("have 256 random bits: every one its own, every digit in every place", () => {
    const made = Array.from({ length: 2000 }, () => newSecret("slk_"));
    assert.equal(new Set(made).size, made.length);
    for (const secret of made) assert.ok(isSecretShaped("slk_", secret), secret);
    for (let place = 5; place < 47; place++) assert.ok(new Set(made.map((secret) => secret[place])).size > 50, `place ${place}`);
  });

  it("are known by a hash that has nothing of them", () => {
    assert.match(secretHash(key), /^[0-9a-f]{64}$/);
    assert.notEqual(secretHash(key), secretHash(newSecret("slk_")));
  });
});

describe("keyInAuthorization", () => {
  it("takes Bearer and every way in which clients send a key by Basic", () => {
    for (const header of [`Bearer ${key}`, `bearer  ${key} `, basic(`mlflow:${key}`), basic(`:${key}`), basic(`${key}:`), basic(key), `BASIC ${Buffer.from(`a:${key}`).toString("base64")}`]) {
      assert.equal(keyInAuthorization(header), key, header);
    }
  });

  it("refuses everything else, and never throws anything else", () => {
    for (const header of ["", "Bearer", "Bearer ", key, `Digest ${key}`, `Bearer ${key}x`, `Bearer ${key.slice(0, -1)}`, `Bearer ${session}`, basic(""), basic(":"), basic(`${key}:other`), "Basic !!!", `Bearer ${key}, Bearer ${key}`]) {
      assert.throws(() => keyInAuthorization(header), { code: "UNAUTHENTICATED" }, header);
    }
    for (const [header, message] of [["Bearer sk-proj-1", /none of this server's, which begin with slk_/], [`Bearer ${key.slice(0, -1)}`, /not a whole one/], [key, /send it as Bearer/]] as const) {
      assert.throws(() => keyInAuthorization(header), { message });
    }
    fc.assert(fc.property(fc.string({ unit: codePoint }), (header) => assert.throws(() => keyInAuthorization(header), { code: "UNAUTHENTICATED" })));
  });
});

describe("session cookies", () => {
  it("are found among those of other programs, under the name of the server's kind alone", () => {
    assert.equal(sessionInCookie(`a=b; sid=theirs; sid=${session}; c=d`, false), session);
    assert.equal(sessionInCookie(`sid=${session}`, true), undefined);
    assert.equal(sessionInCookie(`__Host-sid=${session}`, true), session);
    assert.equal(sessionInCookie(`__Host-sid=${session}`, false), undefined);
    for (const cookie of ["", ";", "sid", "sid=", `xsid=${session}`, `sid=${key}`]) assert.equal(sessionInCookie(cookie, false), undefined, cookie);
  });

  it("are for this site alone, and on TLS for this host alone", () => {
    assert.equal(sessionCookie("x", { secure: true, maxAgeSeconds: 60 }), "__Host-sid=x; Path=/; HttpOnly; SameSite=Strict; Max-Age=60; Secure");
    assert.equal(sessionCookie(null, { secure: false, maxAgeSeconds: 60 }), "sid=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
  });
});
