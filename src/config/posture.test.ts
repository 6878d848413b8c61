import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../core/errors.ts";
import { Config } from "./config.ts";
import { isLoopbackHost } from "./loopback.ts";
import { postureOf } from "./posture.ts";

const settings = (given: Record<string, unknown>): Config => Config.parse(given);
const outside = { host: "0.0.0.0", allowedHosts: ["Slipway.example.com"], tlsCertificate: "c.pem", tlsKey: "k.pem" };
const provider = { oidcIssuer: "https://id.example.com", oidcClientId: "slipway", publicUrl: "https://slipway.example.com" };

/** The settings that a refusal names. */
function missing(given: Record<string, unknown>): string[] {
  try {
    postureOf(settings(given));
  } catch (error) {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, "CONFIG_INVALID");
    for (const { path } of error.problems) assert.ok(error.message.includes(path));
    return error.problems.map(({ path }) => path);
  }
  return [];
}

describe("postureOf", () => {
  it("is open on loopback and asks for keys everywhere else", () => {
    for (const host of ["127.0.0.1", "localhost", "::1", "127.9.9.9"]) assert.equal(postureOf(settings({ host })).mode, "open", host);
    assert.equal(postureOf(settings({ host: "127.0.0.1", access: "keys" })).mode, "keys");
    assert.deepEqual(postureOf(settings(outside)), { mode: "keys", secure: true, allowedHosts: ["slipway.example.com"] });
  });

  it("asks for keys on loopback where others come through a proxy, or sign in", () => {
    assert.equal(postureOf(settings({ trustedProxy: "true" })).mode, "keys");
    assert.equal(postureOf(settings({ trustedProxy: true, access: "open" })).mode, "open");
    // A name of another machine means that somebody forwards to this one, whether it is said or not.
    assert.equal(postureOf(settings({ publicUrl: "https://slipway.example.com" })).mode, "keys");
    assert.equal(postureOf(settings({ allowedHosts: ["slipway.example.com:4400"] })).mode, "keys");
    assert.equal(postureOf(settings({ allowedHosts: ["slipway.example.com"], access: "open" })).mode, "open");
    for (const own of ["localhost:8080", "127.0.0.1", "[::1]:4400", "[::1]"]) assert.equal(postureOf(settings({ allowedHosts: [own] })).mode, "open", own);
    assert.equal(postureOf(settings({ publicUrl: "http://localhost:4400" })).mode, "open");
    assert.equal(postureOf(settings(provider)).mode, "keys");
  });

  it("names everything that an address beyond loopback lacks", () => {
    assert.deepEqual(missing({ host: "0.0.0.0" }), ["SLIPWAY_ALLOWED_HOSTS", "SLIPWAY_TLS_CERTIFICATE"]);
    assert.deepEqual(missing({ host: "::", access: "open" }), ["SLIPWAY_ACCESS", "SLIPWAY_ALLOWED_HOSTS", "SLIPWAY_TLS_CERTIFICATE"]);
    assert.deepEqual(missing({ ...outside, tlsKey: undefined }), ["SLIPWAY_TLS_KEY", "SLIPWAY_TLS_CERTIFICATE"]);
    assert.deepEqual(missing({ ...outside, tlsKey: undefined, tlsCertificate: undefined, trustedProxy: "yes" }), []);
    assert.deepEqual(missing({ ...outside, allowedHosts: [], publicUrl: "https://slipway.example.com:8443" }), []);
    assert.deepEqual(missing({ ...outside, access: "open" }), ["SLIPWAY_ACCESS"]);
    assert.deepEqual(missing({ ...outside, host: "127.0.0.1.example.com" }), []);
    assert.deepEqual(missing({ host: "127.0.0.1.example.com", access: "open" }), ["SLIPWAY_ACCESS", "SLIPWAY_ALLOWED_HOSTS", "SLIPWAY_TLS_CERTIFICATE"]);
  });

  it("names what sign-in lacks", () => {
    assert.deepEqual(missing({ oidcIssuer: provider.oidcIssuer }), ["SLIPWAY_OIDC_CLIENT_ID", "SLIPWAY_PUBLIC_URL"]);
    assert.deepEqual(missing({ ...provider, access: "open" }), ["SLIPWAY_ACCESS"]);
    assert.deepEqual(missing({ oidcClientSecret: "s" }), ["SLIPWAY_OIDC_ISSUER"]);
    assert.deepEqual(missing(provider), []);
  });
});

describe("isLoopbackHost", () => {
  it("knows the spellings of this machine and no others", () => {
    for (const host of ["localhost", "LOCALHOST", "127.0.0.1", "127.255.0.1", "::1", "[::1]"]) assert.equal(isLoopbackHost(host), true, host);
    for (const host of ["0.0.0.0", "::", "128.0.0.1", "localhost.example.com", "127.0.0.1.example.com", "127.1", "::ffff:127.0.0.1", ""]) assert.equal(isLoopbackHost(host), false, host);
  });
});
