import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { EgressAllowance, GroupGrants, Issuer, PublicUrl, SecretKey } from "./setting-values.ts";

describe("GroupGrants", () => {
  const expected = [
    { group: "ml-admins", grant: { role: "admin", team: "*" } },
    { group: "ranking", grant: { role: "deployer", team: "search" } },
  ];

  it("reads text, JSON of roles, JSON of grants, and what it made itself", () => {
    assert.deepEqual(GroupGrants.parse("ml-admins=admin, ranking=deployer@search"), expected);
    assert.deepEqual(GroupGrants.parse('{"ml-admins":"admin","ranking":{"role":"deployer","team":"search"}}'), expected);
    assert.deepEqual(GroupGrants.parse({ "ml-admins": ["admin"], ranking: [{ role: "deployer", team: "search" }] }), expected);
    assert.deepEqual(GroupGrants.parse(expected), expected);
    assert.deepEqual(GroupGrants.parse("ou=ranking=viewer").map(({ group }) => group), ["ou=ranking"]);
  });

  it("takes names of groups for data", () => {
    assert.deepEqual(GroupGrants.parse('{"__proto__":"viewer","constructor":"admin"}').map(({ group }) => group), ["__proto__", "constructor"]);
    assert.equal(({} as { role?: string }).role, undefined);
  });

  it("says which group is wrong", () => {
    for (const text of ["ranking=boss", "ranking=", "ranking", "=admin", "ranking=admin@a@b", '{"ranking":{"role":"admin","everything":true}}', '{"ranking":7}']) {
      const parsed = GroupGrants.safeParse(text);
      assert.equal(parsed.success, false, text);
    }
    assert.match(GroupGrants.safeParse("good=admin,ranking=boss").error!.issues[0]!.message, /"ranking" gives is no grant.*viewer, contributor, deployer, admin/);
    assert.equal(GroupGrants.safeParse("{broken").success, false);
    assert.equal(GroupGrants.safeParse(7).success, false);
  });
});

describe("single values", () => {
  const accepts = (schema: { safeParse(value: unknown): { success: boolean } }, good: string[], bad: string[]): void => {
    for (const text of good) assert.equal(schema.safeParse(text).success, true, text);
    for (const text of bad) assert.equal(schema.safeParse(text).success, false, text);
  };

  it("takes keys of 32 bytes and no others", () => {
    accepts(SecretKey, [randomBytes(32).toString("base64"), randomBytes(32).toString("base64url")], ["", "password", randomBytes(31).toString("base64"), randomBytes(33).toString("base64"), `${randomBytes(32).toString("base64")}x`]);
  });

  it("takes public URLs that are an origin, over TLS unless they are this machine", () => {
    accepts(PublicUrl, ["https://a.example", "https://a.example:8443/", "http://localhost:4400"], ["http://a.example", "https://a.example/path", "https://a.example?x", "https://u:p@a.example", "a.example", "ftp://a.example", "http://localhost.a.example"]);
    assert.equal(PublicUrl.parse("https://A.example:443/"), "https://a.example");
  });

  it("takes issuers over TLS unless they are this machine", () => {
    accepts(Issuer, ["https://id.example/realms/x", "http://127.0.0.1:3000", "http://[::1]:1/"], ["http://id.example", "https://u:p@id.example", "https://id.example?x=1", "id.example"]);
  });

  it("takes hosts, addresses and ranges that requests may reach", () => {
    accepts(EgressAllowance, ["hooks.internal", "HOOKS.internal:8080", "10.0.0.0/8", "10.1.2.3", "fd00::/8", "::1", "[::1]:8080", "127.0.0.1:9"], ["", "*", "http://x", "10.0.0.0/33", "a/b", "a b", "a..b", "-x-"]);
  });
});
